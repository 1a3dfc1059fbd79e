"""Nothing over HTTP changes the configuration (docs/decisions/0006): every route is asked for every method."""

import asyncio
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from omniroute.config.schema import document_schema
from omniroute.config.snapshot import Model
from omniroute.formats import CODECS
from omniroute.gateway.pages import pages
from omniroute.gateway.routes import (
    ACTIONS,
    DEDICATED,
    DEDICATED_PREFIX,
    INFERENCE,
    MODELS_PREFIXES,
    OPERATIONS,
    PAGES,
    READS,
    TAUGHT,
    TOLERATED,
    Taught,
    action,
    dedicated,
    dialect,
    is_inference,
    taught,
)
from omniroute.names import Format, Scope
from omniroute.observe.events import Audited
from tests.storage.test_report import ledger_of
from tests.support.client import Received, fetch
from tests.support.gateway import eyes, running
from tests.support.snapshots import key, provider, snapshot

READING = {"GET", "HEAD"}
READ = {"model": "house/m"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE"]
EXAMPLE = {"{model:path}": "house/m"}
"""What stands for a part of a path that varies."""


def filled(path: str) -> str:
    for part, value in EXAMPLE.items():
        path = path.replace(part, value)
    assert "{" not in path, "say in EXAMPLE what stands for it"
    return path


READ_ONLY = [filled(path) for page in PAGES for path in page.paths]
READ_BY_POST = [path for page in READS for path in page.paths]
ASKED = [
    *INFERENCE,
    *TOLERATED,
    *(f"{MODELS_PREFIXES[0]}house/m:{verb}" for verb in ACTIONS),
    *(f"{DEDICATED_PREFIX}house/{rest}" for rest in DEDICATED),
]


async def by_method(paths: list[str], folder: Path) -> dict[str, dict[str, Received]]:
    """Ask for every path with every method."""
    models = snapshot(provider("house", models=[Model("m")]))
    async with running(models, database=ledger_of(folder / "x.db")) as gateway:

        async def ask(path: str, method: str) -> Received:
            # Of an answer to HEAD there is no body to be read, whatever its length says.
            return await fetch(gateway.url + path, b"", {"connection": "close"}, method)

        pairs = [(path, method) for path in paths for method in METHODS]
        answers = await asyncio.gather(*(ask(*pair) for pair in pairs))
    found: dict[str, dict[str, Received]] = {path: {} for path in paths}
    for (path, method), answer in zip(pairs, answers, strict=True):
        found[path][method] = answer
    return found


async def test_nothing_but_the_operations_table_answers_anything_but_get_and_head_outside_the_api(
    tmp_path: Path,
) -> None:
    for path, answers in (await by_method(READ_ONLY, tmp_path)).items():
        operated = {method for each in OPERATIONS if each.path == path for method in each.methods}
        for method, answer in answers.items():
            if method in READING:
                assert answer.status == 200, (method, path)
                continue
            if method in operated:
                assert answer.status == 401, "whoever may operate shows a key, even where none is needed"
                continue
            assert answer.status == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == READING | operated, (method, path)
            if taught(path, method) is None:
                assert f"{path} answers {answer.headers['allow']}, not {method}" in answer.body.decode(), (method, path)


async def test_what_is_read_by_post_answers_nothing_else_and_changes_nothing() -> None:
    async with running(snapshot(provider("house", models=[Model("m")]))) as gateway:
        before = gateway.rt.holder.current
        for path in READ_BY_POST:
            for method in METHODS:
                answer = await fetch(gateway.url + path, READ, {"connection": "close"}, method)
                if method == "POST":
                    assert (answer.status, answer.json()) == (200, (await fetch(gateway.url + path, READ)).json())
                    continue
                assert (answer.status, answer.headers["allow"]) == (405, "POST"), (method, path)
                assert method == "HEAD" or f"{path} answers POST, not {method}" in answer.body.decode()
        assert gateway.rt.holder.current is before
        assert gateway.events == []


LESSONS = [(each.path + below, method) for each in TAUGHT for below in ("", "/x") for method in sorted(each.methods)]


async def test_who_wants_to_change_the_configuration_is_told_the_toml_to_write(tmp_path: Path) -> None:
    async with running(snapshot(provider("house")), database=ledger_of(tmp_path / "x.db")) as gateway:
        before = gateway.rt.holder.current
        for path, method in LESSONS:
            answer = await fetch(gateway.url + path, {"limit": 50}, {"connection": "close"}, method)
            assert answer.status == 405, (method, path)
            lesson = taught(path, method)
            assert lesson is not None
            message = answer.json()["error"]["message"]
            assert message.startswith("nothing over HTTP changes the configuration; "), (method, path)
            assert message.endswith(lesson.toml)
            page = path in READ_ONLY
            assert answer.headers["allow"] == ("GET, HEAD" if page else ""), (method, path)
        assert gateway.rt.holder.current is before
        assert gateway.events == []


@pytest.mark.parametrize("lesson", TAUGHT, ids=lambda each: each.path)
def test_what_is_taught_is_written_in_the_language(lesson: Taught) -> None:
    document = tomllib.loads(lesson.toml.replace("…", "0" * 64))
    found = [each.message for each in Draft202012Validator(document_schema()).iter_errors(document)]
    assert found == []


def test_what_is_not_taught_is_not_taught() -> None:
    for path, method in (
        ("/api/combos", "GET"),
        ("/api/combosx", "POST"),
        ("/v1/models", "POST"),
        ("/api/keys", "TRACE"),
    ):
        assert taught(path, method) is None


async def test_every_operation_needs_a_key_with_its_scope_and_is_reported(tmp_path: Path) -> None:
    keys = [key("ops", "sk-omni-ops", scopes=[Scope.OPERATE]), key("watch", "sk-omni-watch", scopes=[Scope.STATUS])]
    async with running(snapshot(provider("house"), keys=keys), database=ledger_of(tmp_path / "x.db")) as gateway:
        for each in OPERATIONS:
            for method in each.methods:
                statuses = {
                    name: (
                        await fetch(gateway.url + each.path, b"", {"x-api-key": name} if name else {}, method)
                    ).status
                    for name in ("", "sk-omni-nobody", "sk-omni-watch", "sk-omni-ops")
                }
                assert list(statuses.values()) == [401, 401, 403, 200], (method, each.path)
                told = [event for event in gateway.events if isinstance(event, Audited)]
                assert [(event.actor, event.action) for event in told] == [
                    *[("127.0.0.1", "key.refused")] * 3,
                    ("ops", each.action),
                ]
                assert all(event.target == each.path for event in told[:3])
                gateway.events.clear()
    assert "sk-omni-" not in repr(gateway.events)


async def test_the_api_answers_post_only(tmp_path: Path) -> None:
    for path, answers in (await by_method(ASKED, tmp_path)).items():
        for method, answer in answers.items():
            if method == "POST":
                assert answer.status == 400, path  # the body is empty
                continue
            assert (answer.status, answer.headers["allow"]) == (405, "POST"), (method, path)
            assert method == "HEAD" or f"{path} answers POST, not {method}" in answer.body.decode(), (method, path)


async def test_what_is_in_no_table_is_not_found_whatever_the_method(tmp_path: Path) -> None:
    paths = [
        "/v1beta",
        "/api",
        "/api/generate",
        "/api/config",
        "/api/config/status/",
        "/healthz/",
        "/v1",
        "/v1/providers/house/embeddings",
    ]
    for path, answers in (await by_method(paths, tmp_path)).items():
        assert {answer.status for answer in answers.values()} == {404}, path


def test_the_applications_routes_are_the_tables_and_nothing_else() -> None:
    application = pages(None, eyes())  # type: ignore[arg-type]  # no request reaches it
    routes = application.routes
    assert all(isinstance(route, Route) for route in routes)
    found = sorted((route.path, sorted(route.methods or ())) for route in routes if isinstance(route, Route))
    read = [(path, sorted(READING)) for page in PAGES for path in page.paths]
    by_post = [(path, ["POST"]) for path in READ_BY_POST]
    assert found == sorted([*read, *by_post, *((each.path, sorted(each.methods)) for each in OPERATIONS)])
    assert application.user_middleware == []
    assert not application.router.redirect_slashes


def test_every_page_has_a_path_and_a_name_of_its_own_and_is_described() -> None:
    every = [*PAGES, *READS, *OPERATIONS]
    paths = [path for page in (*PAGES, *READS) for path in page.paths]
    paths += [f"{method} {each.path}" for each in OPERATIONS for method in each.methods]
    assert len({page.name for page in every}) == len(every)
    assert len(set(paths)) == len(paths)
    assert all(page.summary for page in every)


def test_every_inference_path_speaks_a_format_that_there_is() -> None:
    spots = [*INFERENCE.values(), *(spot for spot, _ in ACTIONS.values())]
    assert {*(spot.format for spot in spots), *DEDICATED.values()} <= set(CODECS)
    assert all(CODECS[spot.format].counter is not None for spot in spots if spot.counts)


def test_every_tolerated_path_means_one_that_there_is() -> None:
    assert set(TOLERATED.values()) <= set(INFERENCE)
    assert not set(TOLERATED) & set(INFERENCE)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1beta/models/m:generateContent", ("m", "generateContent")),
        ("/v1beta/models/house/a:b/c:streamGenerateContent", ("house/a:b/c", "streamGenerateContent")),
        ("/v1beta/models/:countTokens", ("", "countTokens")),
        ("/v1/models/m:countTokens", ("m", "countTokens")),
        ("/v1/v1beta/models/m:countTokens", ("m", "countTokens")),
        ("/v1beta/models/m:embedContent", None),
        ("/v1beta/models/m", None),
        ("/v1/chat/completions", None),
    ],
)
def test_a_models_action_is_what_stands_behind_the_last_colon(path: str, parts: tuple[str, str] | None) -> None:
    assert action(path) == parts


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1/providers/house/chat/completions", ("house", "chat/completions")),
        ("/v1/providers/house", ("house", "")),
        ("/v1/providers/", ("", "")),
        ("/v1/providers", None),
        ("/v1/chat/completions", None),
    ],
)
def test_a_path_that_names_its_provider_is_taken_apart(path: str, parts: tuple[str, str] | None) -> None:
    assert dedicated(path) == parts


@pytest.mark.parametrize(
    ("path", "answers"),
    [
        *((path, True) for path in ASKED),
        *((path, False) for path in (*READ_ONLY, *READ_BY_POST)),
        ("/v1/providers/house/models", False),
        ("/v1/chat/completions/", False),
    ],
)
def test_paths_of_the_api_are_told_from_others(path: str, answers: bool) -> None:
    assert is_inference(path) is answers


MESSAGES = (b"anthropic-version", b"2023-06-01")
GENERATE = (b"x-goog-api-key", b"x")


def test_the_gateways_own_paths_are_no_wire_formats() -> None:
    ours = [each.path for each in (*PAGES, *OPERATIONS, *TAUGHT) if each.path.startswith("/api/")]
    spoken = {path for path in ours if dialect(path, [MESSAGES]) is Format.OLLAMA}
    assert spoken == {"/api/tags", "/api/version"}


@pytest.mark.parametrize(
    ("path", "headers", "spoken"),
    [
        ("/v1/models", [], Format.OPENAI_CHAT),
        ("/v1/models", [(b"accept", b"*/*"), MESSAGES], Format.ANTHROPIC_MESSAGES),
        ("/models/house/m", [GENERATE], Format.GEMINI),
        ("/v1/models", [(b"x-goog-api-client", b"x"), MESSAGES], Format.GEMINI),
        ("/v1beta/models", [MESSAGES], Format.GEMINI),
        ("/v1beta/nothing", [], Format.GEMINI),
        ("/api/tags", [MESSAGES], Format.OLLAMA),
        ("/v1/api/tags", [], Format.OLLAMA),
        ("/api/generate", [], Format.OLLAMA),
        ("/api/usage/budget", [MESSAGES], Format.OPENAI_CHAT),
        ("/api/config/status", [], Format.OPENAI_CHAT),
        ("/v1/messages", [], Format.ANTHROPIC_MESSAGES),
        ("/v1/v1/messages", [], Format.ANTHROPIC_MESSAGES),
        ("/responses", [], Format.OPENAI_RESPONSES),
        ("/v1/providers/house/chat/completions", [MESSAGES], Format.OPENAI_CHAT),
        ("/v1/providers/house/nothing", [MESSAGES], Format.ANTHROPIC_MESSAGES),
        ("/nothing", [], Format.OPENAI_CHAT),
    ],
)
def test_who_asks_is_told_by_the_path_and_else_by_the_headers(
    path: str, headers: list[tuple[bytes, bytes]], spoken: Format
) -> None:
    assert dialect(path, headers) is spoken
