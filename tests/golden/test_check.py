"""One folder for each code: files that have the finding, and all five renderings of what the gateway says of them.

Everything here is found by the functions that find it in the gateway. Only what differs from run to run is fixed: the
day, the time that it took, the id of the configuration, and the names of temporary directories.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from omniroute.cli.check import check
from omniroute.config.diagnostics import Diagnostic
from omniroute.config.load import Further, Loaded, load
from omniroute.config.render import STYLES, RenderContext
from omniroute.config.rules import RULES
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import ConfigPath, pinned_files, read_tree, schema_document, shipped_catalogue
from omniroute.engine.guard import guard
from omniroute.engine.steady import Reader, SystemClock, Timing
from omniroute.names import Trigger
from omniroute.routing.survive import fragile
from tests.cli.command import run
from tests.support.config_dirs import started
from tests.support.goldens import FILES, ROOT, hold, hold_text

FOLDERS = ROOT / "check"
TODAY = date(2026, 11, 23)
CONTEXT = RenderContext(version="0.1.0", elapsed=0.21)
IDENTITY = "0123456789abcdef" * 4

Findings = tuple[Sequence[Diagnostic], RenderContext]


def findings_of(*names: str, further: Further | None = None) -> Findings:
    """Load files of the folders, named as below them, with the shipped catalogue."""
    sources = [Source(Path(name).name, (FOLDERS / name).read_bytes().decode()) for name in names]
    # What the models refuse is never left to them, but by a schema that says nothing.
    schema = {"type": "object"} if names[0].startswith("OR2999") else schema_document()
    loaded = load(shipped_catalogue(), sources, schema, TODAY, further)
    identity = IDENTITY if loaded.snapshot is not None else None
    return loaded.diagnostics, replace(CONTEXT, config_hash=identity, files=len(sources), counts=loaded.counts)


def as_loaded(code: str) -> Findings:
    """Load the files of a folder."""
    return findings_of(*(f"{code}/{path.name}" for path in sorted((FOLDERS / code).glob("*.toml"))))


def snapshot_of(name: str) -> Snapshot:
    """Compile a file of the folders."""
    loaded: Loaded = load(
        shipped_catalogue(), [Source(name, (FOLDERS / name).read_text("utf-8"))], schema_document(), TODAY
    )
    assert loaded.snapshot is not None
    return loaded.snapshot


def at(path: Path, given: str, *, directory: bool = False) -> ConfigPath:
    """Say that a configuration in a temporary directory was named as it would be anywhere."""
    return ConfigPath(Path(given), path, directory)


async def not_utf8(_tmp_path: Path) -> Findings:
    tree = read_tree(at(FOLDERS / "OR1003" / "input.toml", "input.toml"))
    return tree.faults, replace(CONTEXT, files=1)


async def single_point_of_failure(_tmp_path: Path) -> Findings:
    return findings_of("OR5013/input.toml", further=fragile)


async def mass_removal(_tmp_path: Path) -> Findings:
    found, context = findings_of("OR8001/input.toml")
    return (*found, *guard(snapshot_of("OR8001/in-force.toml"), snapshot_of("OR8001/input.toml"))), context


async def unstable_files(tmp_path: Path) -> Findings:
    path = tmp_path / "input.toml"
    path.write_bytes((FOLDERS / "OR8002" / "input.toml").read_bytes())

    class Meanwhile(SystemClock):
        async def sleep(self, seconds: float) -> None:
            with path.open("a", encoding="utf-8") as file:
                file.write("# more\n")

    reader = Reader(at(path, "input.toml"), Timing(), Meanwhile())
    unsteady = await reader.steady(await reader.read(()), (), 0)
    assert isinstance(unsteady, Diagnostic)
    return (unsteady,), CONTEXT


async def config_not_found(tmp_path: Path) -> Findings:
    (tmp_path / "empty").mkdir()
    absent = read_tree(at(tmp_path / "omniroute.toml", "omniroute.toml"))
    gone = read_tree(at(tmp_path / "config", "config", directory=True))
    empty = read_tree(at(tmp_path / "empty", "empty", directory=True))
    return (*absent.faults, *gone.faults, *empty.faults), CONTEXT


async def unreadable_file(tmp_path: Path) -> Findings:
    (tmp_path / "routes.toml").mkdir()
    (tmp_path / "teams.toml").symlink_to("gone.toml")
    return read_tree(at(tmp_path, "config", directory=True)).faults, replace(CONTEXT, files=2)


async def mount_point(tmp_path: Path) -> Findings:
    found, context = findings_of("OR9003/input.toml")
    config = at(FOLDERS / "OR9003" / "input.toml", "input.toml")
    (tmp_path / "mountinfo").write_text(f"36 35 98:0 / {config.path} rw - ext4 /dev/vda rw\n", "utf-8")
    return (*found, *pinned_files(config, read_tree(config), tmp_path / "mountinfo")), context


async def not_put_to_work(tmp_path: Path) -> Findings:
    path = tmp_path / "input.toml"
    path.write_text("", "utf-8")
    written = (FOLDERS / "OR9005" / "input.toml").read_bytes()

    def prepare(snapshot: Snapshot) -> object:
        return {name: 1 / 0 for name in snapshot.providers if path.read_bytes() != written}

    path.write_bytes(written)
    made = await started(path, prepare=prepare)
    path.write_bytes(written.replace(b"acme", b"house"))
    await made.reloader.look(Trigger.FILE)
    return made.reloader.status().last_attempt.diagnostics, replace(CONTEXT, files=1)


ELSEWHERE: Mapping[str, Callable[[Path], Awaitable[Findings]]] = {
    "OR1003": not_utf8,
    "OR5013": single_point_of_failure,
    "OR8001": mass_removal,
    "OR8002": unstable_files,
    "OR9001": config_not_found,
    "OR9002": unreadable_file,
    "OR9003": mount_point,
    "OR9005": not_put_to_work,
}
"""What is found by something else than ``load``; OR9004 is found by the command itself."""


def same_everywhere(found: Diagnostic, tmp_path: Path) -> Diagnostic:
    """Take out of a finding where the test ran, and where in it a bug was made."""
    summary, note = (each.replace(str(tmp_path), "/srv") for each in (found.summary, found.note))
    return replace(found, summary=re.sub(r"\w+\.py:\d+", "module.py:1", summary), note=note)


@pytest.mark.parametrize("code", [code for code in RULES if code != "OR9004"])
async def test_what_is_said_is_what_somebody_has_read(code: str, tmp_path: Path) -> None:
    found, context = await ELSEWHERE[code](tmp_path) if code in ELSEWHERE else as_loaded(code)
    found = [same_everywhere(each, tmp_path) for each in found]
    assert code in {each.code for each in found}
    for style in STYLES:
        hold(FOLDERS / code, style, found, context)


@pytest.mark.parametrize("style", STYLES)
def test_what_is_said_of_a_secret_that_is_not_there_is_what_somebody_has_read(style: str, tmp_path: Path) -> None:
    path = tmp_path / "input.toml"
    path.write_bytes((FOLDERS / "OR9004" / "input.toml").read_bytes())
    done = run(path, "--resolve-secrets", "--format", style, env={"ACME_KEY": None}, group=check)
    said = re.sub(r" in \d+\.\d\d s\b", " in 0.21 s", done.stdout.replace(f"{tmp_path}/", ""))
    assert "OR9004" in said
    hold_text(FOLDERS / "OR9004", style, re.sub(r"\b[0-9a-f]{64}\b", IDENTITY, _short_identity(said)))


def _short_identity(text: str) -> str:
    return re.sub(r"(?<=config hash )[0-9a-f]{12}\b", IDENTITY[:12], text)


def test_every_code_has_its_folder_with_every_style() -> None:
    assert {path.name for path in FOLDERS.iterdir()} == set(RULES)
    for code in RULES:
        assert {path.name for path in (FOLDERS / code).glob("expected.*")} == set(FILES.values())
