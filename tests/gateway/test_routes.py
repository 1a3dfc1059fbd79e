"""Nothing over HTTP changes the configuration (docs/decisions/0006): every route is asked for every method."""

import asyncio

import pytest
from starlette.routing import Route

from omniroute.config.snapshot import Model
from omniroute.formats import CODECS
from omniroute.gateway.pages import Eyes, pages
from omniroute.gateway.routes import (
    DEDICATED,
    DEDICATED_PREFIX,
    INFERENCE,
    OPERATIONS,
    PAGES,
    dedicated,
    is_inference,
)
from tests.support.client import Received, fetch
from tests.support.gateway import running
from tests.support.snapshots import provider, snapshot

READING = {"GET", "HEAD"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE"]
EXAMPLE = {"{model:path}": "house/m"}
"""What stands for a part of a path that varies."""


def filled(path: str) -> str:
    for part, value in EXAMPLE.items():
        path = path.replace(part, value)
    assert "{" not in path, "say in EXAMPLE what stands for it"
    return path


READ_ONLY = [filled(page.path) for page in PAGES]
ASKED = [*INFERENCE, *(f"{DEDICATED_PREFIX}house/{rest}" for rest in DEDICATED)]


async def by_method(paths: list[str]) -> dict[str, dict[str, Received]]:
    """Ask for every path with every method."""
    async with running(snapshot(provider("house", models=[Model("m")]))) as gateway:

        async def ask(path: str, method: str) -> Received:
            # Of an answer to HEAD there is no body to be read, whatever its length says.
            return await fetch(gateway.url + path, b"", {"connection": "close"}, method)

        pairs = [(path, method) for path in paths for method in METHODS]
        answers = await asyncio.gather(*(ask(*pair) for pair in pairs))
    found: dict[str, dict[str, Received]] = {path: {} for path in paths}
    for (path, method), answer in zip(pairs, answers, strict=True):
        found[path][method] = answer
    return found


async def test_nothing_but_the_operations_table_answers_anything_but_get_and_head_outside_the_api() -> None:
    for path, answers in (await by_method(READ_ONLY)).items():
        for method, answer in answers.items():
            if method in READING:
                assert answer.status == 200, (method, path)
                continue
            assert answer.status == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == READING, (method, path)
            assert answer.json()["error"]["code"] == "method_not_allowed", (method, path)
            assert f"{path} answers GET, HEAD, not {method}" in answer.json()["error"]["message"]


async def test_the_api_answers_post_only() -> None:
    for path, answers in (await by_method(ASKED)).items():
        for method, answer in answers.items():
            if method == "POST":
                assert answer.status == 400, path  # the body is empty
                continue
            assert (answer.status, answer.headers["allow"]) == (405, "POST"), (method, path)
            assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_allowed", (method, path)


async def test_what_is_in_no_table_is_not_found_whatever_the_method() -> None:
    paths = ["/", "/api", "/api/config", "/api/config/status/", "/healthz/", "/v1", "/v1/providers/house/embeddings"]
    for path, answers in (await by_method(paths)).items():
        assert {answer.status for answer in answers.values()} == {404}, path


def test_the_applications_routes_are_the_tables_and_nothing_else() -> None:
    eyes = Eyes(dict, bytes, "text/plain")
    application = pages(None, eyes)  # type: ignore[arg-type]  # no request reaches it
    routes = application.routes
    assert all(isinstance(route, Route) for route in routes)
    methods = {route.path: route.methods for route in routes if isinstance(route, Route)}
    operations = {page.path for page in OPERATIONS}
    assert set(methods) == {page.path for page in PAGES} | operations
    assert {path: found for path, found in methods.items() if found != READING} == dict.fromkeys(operations)
    assert application.user_middleware == []
    assert not application.router.redirect_slashes


def test_every_page_has_a_path_and_a_name_of_its_own_and_is_described() -> None:
    assert len({page.path for page in PAGES}) == len({page.name for page in PAGES}) == len(PAGES)
    assert all(page.summary for page in PAGES)


def test_every_inference_path_speaks_a_format_that_there_is() -> None:
    assert {*INFERENCE.values(), *DEDICATED.values()} <= set(CODECS)


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
        *((path, False) for path in READ_ONLY),
        ("/v1/providers/house/models", False),
        ("/v1/chat/completions/", False),
    ],
)
def test_paths_of_the_api_are_told_from_others(path: str, answers: bool) -> None:
    assert is_inference(path) is answers
