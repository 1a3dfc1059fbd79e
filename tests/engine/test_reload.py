"""What comes of a look at the files: applied, unchanged, rejected, guarded, unstable, error."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.load import Loaded
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.holder import Live
from omniroute.errors import ConfigError
from omniroute.names import ReloadResult, Severity, Trigger
from tests.support.config_dirs import QUICK, Scene, crowd, house, load_all, marked, save_by_rename, scene, started

APPLIED, UNCHANGED, REJECTED = ReloadResult.APPLIED, ReloadResult.UNCHANGED, ReloadResult.REJECTED
GUARDED, UNSTABLE, ERROR = ReloadResult.GUARDED, ReloadResult.UNSTABLE, ReloadResult.ERROR

PAID = house("paid", 'api_key = "file:key"')


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration of one file, marked ``one``."""
    path = tmp_path / "config" / "routes.toml"
    path.parent.mkdir()
    path.write_text(marked("one"), "utf-8")
    return path


def failing(code: str) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, f"{code} it is")


def secret(made: Scene) -> str:
    """The secret of the paid provider, as it is in force."""
    book: Any = made.reloader.holder.current.secrets
    found = book.secret("paid", "default")
    return "" if found is None else str(found.reveal())


async def test_the_first_load_is_put_in_force_numbered_and_reported(file: Path) -> None:
    numbered: list[tuple[str, Trigger]] = []
    texts: list[str] = []

    def number(config: str, _at: int, trigger: Trigger, sources: Sequence[Source]) -> int:
        numbered.append((config, trigger))
        texts.extend(each.text for each in sources)
        return 42

    made = scene(file.parent, number=number)
    live = await made.reloader.start()
    assert isinstance(live, Live)
    assert live is made.reloader.holder.current
    assert (live.generation, live.trigger) == (42, Trigger.START)
    assert live.tag == f"42-{live.snapshot.id[:12]}".encode()
    assert numbered == [(live.snapshot.id, Trigger.START)]
    assert texts == [file.read_text("utf-8")]
    (event,) = made.reloads
    assert (event.trigger, event.result, event.generation) == (Trigger.START, APPLIED, 42)
    assert (event.config, event.refused, event.errors) == (live.snapshot.id, "", 0)
    assert event.micros > 0


@pytest.mark.parametrize(("text", "code"), [(None, "OR9001"), (b"[oops\n", "OR1001"), (b"\xff\xfe", "OR1003")])
async def test_a_first_load_that_fails_raises_with_every_diagnostic_and_reports_nothing(
    file: Path, text: bytes | None, code: str
) -> None:
    file.unlink()
    if text is not None:
        file.write_bytes(text)
    made = scene(file)
    with pytest.raises(ConfigError) as caught:
        await made.reloader.start()
    assert [each.code for each in caught.value.diagnostics if isinstance(each, Diagnostic)] == [code]
    assert "1 error" in caught.value.message
    assert "routes.toml" in caught.value.message
    assert made.events == []


async def test_a_first_load_of_files_that_never_rest_fails(file: Path) -> None:
    made = scene(file, msgspec.structs.replace(QUICK, longest=0.1))

    async def disturb() -> None:
        number = 0
        while True:
            save_by_rename(file, marked(str(number)))
            number += 1
            await asyncio.sleep(0.002)

    disturbing = asyncio.create_task(disturb())
    with pytest.raises(ConfigError) as caught:
        await made.reloader.start()
    disturbing.cancel()
    assert [each.code for each in caught.value.diagnostics if isinstance(each, Diagnostic)] == ["OR8002"]


async def test_a_first_load_without_what_it_needs_fails_and_two_errors_are_counted(file: Path) -> None:
    def prepare(_snapshot: Snapshot) -> object:
        message = "no secrets"
        raise ConfigError(message, [failing("OR9004"), failing("OR9004")])

    with pytest.raises(ConfigError, match="2 errors") as caught:
        await scene(file, prepare=prepare).reloader.start()
    assert [each for each in caught.value.diagnostics if each == failing("OR9004")] == [failing("OR9004")] * 2


async def test_a_bug_met_by_the_first_load_is_not_hidden(file: Path) -> None:
    def load(_sources: Sequence[Source]) -> Loaded:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await scene(file, load=load).reloader.start()


async def test_a_look_that_finds_nothing_new_is_counted_and_nothing_else(file: Path) -> None:
    made = await started(file)
    for _ in range(3):
        assert await made.reloader.look(Trigger.POLL) is None
    status = made.reloader.status()
    assert (status.looks, status.unchanged) == (4, 3)
    assert made.results == [APPLIED]


async def test_a_change_is_applied_with_the_next_number(file: Path) -> None:
    made = await started(file)
    before = made.reloader.holder.current
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert (made.mark, made.generation, made.numbers) == ("two", 2, [1, 2])
    assert before.snapshot.aliases["mark"].target == "house/one"
    assert await made.reloader.look(Trigger.POLL) is None


async def test_another_format_of_the_same_is_no_new_generation(file: Path) -> None:
    made = await started(file)
    live, files = made.reloader.holder.current, made.reloader.status().active.files
    save_by_rename(file, "# a comment\n" + marked("one"))
    assert await made.reloader.look(Trigger.FILE) is UNCHANGED
    assert made.reloader.holder.current is live
    assert made.numbers == [1]
    assert made.reloads[-1].result is UNCHANGED
    assert made.reloader.status().active.files != files
    assert made.reloader.status().in_sync_with_disk
    assert await made.reloader.look(Trigger.POLL) is None


async def test_what_was_rejected_is_neither_tried_nor_reported_again_until_it_changes(file: Path) -> None:
    loads: list[int] = []

    def load(sources: Sequence[Source]) -> Loaded:
        loads.append(1)
        return load_all(sources)

    made = await started(file, load=load)
    save_by_rename(file, "[oops\n")
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    assert await made.reloader.look(Trigger.POLL) is None
    assert await made.reloader.look(Trigger.FILE) is None
    assert (made.results, len(loads)) == ([APPLIED, REJECTED], 2)
    rejected = made.reloads[-1]
    assert (rejected.errors, rejected.refused, rejected.generation) == (1, "", 1)
    assert "routes.toml" in rejected.faults[0]
    assert made.mark == "one"
    assert not made.reloader.status().in_sync_with_disk

    save_by_rename(file, marked("one"))
    assert await made.reloader.look(Trigger.FILE) is UNCHANGED
    assert made.reloader.status().in_sync_with_disk
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is APPLIED


async def test_a_signal_has_what_was_rejected_tried_and_reported_again(file: Path) -> None:
    made = await started(file)
    save_by_rename(file, "[oops\n")
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    assert await made.reloader.look(Trigger.SIGNAL) is REJECTED
    assert made.results == [APPLIED, REJECTED, REJECTED]


async def test_a_signal_has_secrets_read_again_and_keeps_the_generation(file: Path) -> None:
    made = await started(file)
    before = made.reloader.holder.current
    assert await made.reloader.look(Trigger.SIGNAL) is APPLIED
    after = made.reloader.holder.current
    assert after.secrets is not before.secrets
    assert (after.generation, after.tag, made.numbers) == (1, before.tag, [1])


async def test_a_file_that_is_gone_or_no_file_any_more_leaves_the_last_good_in_force(file: Path) -> None:
    made = await started(file)
    file.unlink()
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    file.mkdir()
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    assert made.mark == "one"
    file.rmdir()
    file.write_text(marked("two"), "utf-8")
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert [list(each.faults) != [] for each in made.reloads] == [False, True, True, False]


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf[x]\n", b"x = '\xff'\n"], ids=["byte order mark", "not UTF-8"])
async def test_text_that_is_refused_is_mended_by_the_next_save(file: Path, data: bytes) -> None:
    made = await started(file)
    file.write_bytes(data)
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    file.write_bytes(marked("two").replace("\n", "\r\n").encode())
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert made.mark == "two"


async def test_a_file_of_10_megabytes_is_loaded_without_holding_up_the_loop(file: Path) -> None:
    made = await started(file)
    save_by_rename(file, marked("two") + f"# {'padding' * 150}\n" * 10_000)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    turning.cancel()
    assert turns > 10


async def test_a_mass_removal_is_refused_with_its_id_and_applied_after_the_limit_was_raised(file: Path) -> None:
    made = await started(file)
    save_by_rename(file, marked("one") + crowd(9))
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is GUARDED
    guarded = made.reloads[-1]
    assert (guarded.errors, len(guarded.refused)) == (1, 64)
    assert guarded.config == made.reloader.holder.current.snapshot.id != guarded.refused
    assert made.reloader.status().last_attempt.hash == guarded.refused
    assert await made.reloader.look(Trigger.POLL) is None
    save_by_rename(file, marked("one", "max_removed_percent = 100") + crowd(9))
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is APPLIED


async def test_a_rotated_secret_is_applied_under_the_same_generation(file: Path) -> None:
    (file.parent / "key").write_text("sk-planted-1", "utf-8")
    file.write_text(marked("one") + PAID, "utf-8")
    made = await started(file)
    assert secret(made) == "sk-planted-1"
    (file.parent / "key").write_text("sk-planted-2", "utf-8")
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert (secret(made), made.generation, made.numbers) == ("sk-planted-2", 1, [1])
    assert await made.reloader.look(Trigger.POLL) is None
    assert "sk-planted" not in repr([made.events, made.reloader.status(), made.reloader.holder.current])


async def test_a_secret_rotated_while_the_files_are_refused_reaches_what_is_in_force(file: Path) -> None:
    (file.parent / "key").write_text("sk-planted-1", "utf-8")
    file.write_text(marked("one") + PAID, "utf-8")
    made = await started(file)
    save_by_rename(file, "[oops\n")
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    (file.parent / "key").write_text("sk-planted-2", "utf-8")
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    assert (secret(made), made.mark, made.generation) == ("sk-planted-2", "one", 1)
    assert not made.reloader.status().in_sync_with_disk
    assert await made.reloader.look(Trigger.POLL) is None


@pytest.mark.parametrize("carried", [(), (failing("OR9004"),)], ids=["words", "diagnostics"])
async def test_a_configuration_refused_for_want_of_a_secret_is_applied_when_the_secret_comes(
    file: Path, carried: tuple[Diagnostic, ...]
) -> None:
    def prepare(made: Snapshot) -> object:
        if "paid" in made.providers and not (file.parent / "key").exists():
            message = "there is no key"
            raise ConfigError(message, carried)
        return None

    made = await started(file, prepare=prepare)
    save_by_rename(file, marked("two") + PAID)
    assert await made.reloader.look(Trigger.FILE) is REJECTED
    assert made.reloads[-1].faults == (f"error {'OR9004 OR9004 it is' if carried else 'OR9005 there is no key'}",)
    assert len(made.reloads[-1].refused) == 64
    assert str(file.parent / "key") in made.reloader.places.entries, "at once, and not only after the next look"
    assert await made.reloader.look(Trigger.POLL) is None
    (file.parent / "key").write_text("here", "utf-8")
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert made.mark == "two"


async def test_a_bug_that_an_edit_wakes_leaves_the_last_good_in_force_and_tells_no_more_than_its_place(
    file: Path,
) -> None:
    broken = True

    def load(sources: Sequence[Source]) -> Loaded:
        if broken and "two" in sources[0].text:
            message = "sk-planted"
            raise ZeroDivisionError(message)
        return load_all(sources)

    made = await started(file, load=load)
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is ERROR
    assert await made.reloader.look(Trigger.POLL) is ERROR
    assert made.results == [APPLIED, ERROR], "what merely lasts is reported once"
    assert made.mark == "one"
    assert not made.reloader.status().in_sync_with_disk
    assert "ZeroDivisionError at test_reload.py:" in made.reloads[-1].faults[0]
    assert "sk-planted" not in repr([made.events, made.reloader.status()])
    broken = False
    assert await made.reloader.look(Trigger.POLL) is APPLIED


async def test_a_number_that_cannot_be_given_keeps_the_last_good_in_force(file: Path) -> None:
    def number(_config: str, _at: int, trigger: Trigger, _sources: Sequence[Source]) -> int:
        if trigger is not Trigger.START:
            raise OSError(28, "no space left on device")
        return 1

    made = await started(file, number=number)
    save_by_rename(file, marked("two"))
    assert await made.reloader.look(Trigger.FILE) is ERROR
    assert made.mark == "one"


async def test_files_that_will_not_rest_are_tried_again_and_reported_once(file: Path) -> None:
    made = await started(file, msgspec.structs.replace(QUICK, longest=0.05))
    stop = False

    async def disturb() -> None:
        while not stop:
            save_by_rename(file, marked("two"))
            await asyncio.sleep(0.002)

    disturbing = asyncio.create_task(disturb())
    await asyncio.sleep(0.01)
    assert await made.reloader.look(Trigger.FILE) is UNSTABLE
    assert await made.reloader.look(Trigger.POLL, patience=0.0) is UNSTABLE
    assert made.results == [APPLIED, UNSTABLE]
    assert not made.reloader.status().in_sync_with_disk
    stop = True
    await disturbing
    assert await made.reloader.look(Trigger.POLL) is APPLIED


async def test_a_change_taken_back_before_the_files_rest_is_no_change(file: Path) -> None:
    made = await started(file, msgspec.structs.replace(QUICK, settle=0.1))

    async def take_back() -> None:
        await asyncio.sleep(0.03)
        save_by_rename(file, marked("one"))

    save_by_rename(file, marked("two"))
    taking = asyncio.create_task(take_back())
    assert await made.reloader.look(Trigger.FILE) is None
    await taking
    assert made.results == [APPLIED]


async def test_loading_preparing_and_numbering_happen_in_threads_and_reporting_on_the_loop(file: Path) -> None:
    seen: dict[str, int] = {}

    def noting(name: str, given: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            seen[name] = threading.get_ident()
            return given(*arguments)

        return call

    made = scene(
        file,
        load=noting("load", load_all),
        prepare=noting("prepare", lambda _snapshot: None),
        number=noting("number", lambda *_rest: 1),
        report=noting("report", lambda _event: None),
    )
    await made.reloader.start()
    here = threading.get_ident()
    assert {name: thread == here for name, thread in seen.items()} == {
        "load": False,
        "prepare": False,
        "number": False,
        "report": True,
    }


async def test_two_looks_at_once_take_turns(file: Path) -> None:
    made = await started(file)
    save_by_rename(file, marked("two"))
    results = await asyncio.gather(made.reloader.look(Trigger.FILE), made.reloader.look(Trigger.FILE))
    assert results == [APPLIED, None]


async def test_keys_that_wait_for_a_restart_are_listed_until_they_are_taken_back(file: Path) -> None:
    def with_port(port: int, mark: str) -> str:
        return marked(mark) + f"\n[server]\nport = {port}\n"

    file.write_text(with_port(1, "one"), "utf-8")
    made = await started(file)
    assert made.reloader.status().pending_restart == ()
    save_by_rename(file, with_port(2, "two"))
    assert await made.reloader.look(Trigger.FILE) is APPLIED
    assert (made.mark, made.reloader.status().pending_restart) == ("two", ("server.port",))
    save_by_rename(file, with_port(2, "three"))
    await made.reloader.look(Trigger.FILE)
    assert made.reloader.status().pending_restart == ("server.port",)
    save_by_rename(file, with_port(1, "three"))
    await made.reloader.look(Trigger.FILE)
    assert made.reloader.status().pending_restart == ()


async def test_warnings_are_reported_with_what_is_applied_and_hints_are_not(file: Path) -> None:
    found = (
        Diagnostic("OR5002", Severity.WARNING, "a warning"),
        Diagnostic("OR5003", Severity.HINT, "a hint"),
    )

    def load(sources: Sequence[Source]) -> Loaded:
        return msgspec.structs.replace(load_all(sources), diagnostics=found)

    made = await started(file, load=load)
    assert (made.reloads[0].warnings, made.reloads[0].errors) == (1, 0)
    assert made.reloads[0].faults == ("warning OR5002 a warning",)
    assert made.reloader.status().last_attempt.diagnostics == found
