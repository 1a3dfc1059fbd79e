"""The read-only pages: health, metrics, model lists, configuration status.

Always true: they answer GET and HEAD, and POST where ``routes.READS`` says so; they change nothing, and show no secret.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from omniroute import __version__
from omniroute.engine.admission import admit
from omniroute.engine.exchange import faulted
from omniroute.engine.runtime import Runtime, unix_micros
from omniroute.errors import Bug, Malformed, OmniRouteError
from omniroute.formats import CODECS
from omniroute.formats.codec import ErrorView
from omniroute.gateway.inbound import key_of, too_large
from omniroute.gateway.models import FORMS, find, ollama_show
from omniroute.gateway.routes import ACTIONS, INFERENCE, MODELS_PREFIXES, PAGES, READS, Page, dialect, is_inference
from omniroute.names import Format

Handler = Callable[[Request], Awaitable[Response]]

_READ_PATHS = frozenset(path for page in READS for path in page.paths)

BROKEN = "something in the gateway broke; its log has the details"


OLLAMA_VERSION = "0.12.6"
"""The version of Ollama whose chat API is followed; clients compare it with the oldest that they know how to use."""


class Eyes(msgspec.Struct, frozen=True):
    """What the pages show beside the runtime: the reloader's status, and metrics ready to be sent."""

    config_status: Callable[[], Any]
    metrics: Callable[[], bytes]
    metrics_type: str


def pages(rt: Runtime, eyes: Eyes) -> Starlette:
    """Make the application that answers everything but inference."""
    handlers: Mapping[str, Handler] = _Pages(rt, eyes).handlers()
    application = Starlette(
        routes=[
            Route(path, _guarded(rt, page, handlers[page.name]), methods=[method])
            for method, table in (("GET", PAGES), ("POST", READS))
            for page in table
            for path in page.paths
        ],
        exception_handlers={HTTPException: _http_error},
    )
    application.router.redirect_slashes = False  # a path that no table has is nothing, whatever the method
    return application


class _Show(msgspec.Struct):
    """What https://docs.ollama.com/api-reference/show-model-details is asked; ``name`` is the field's old name."""

    model: str = ""
    name: str = ""


class _Pages:
    """One method a page."""

    def __init__(self, rt: Runtime, eyes: Eyes) -> None:
        self._rt = rt
        self._eyes = eyes

    def handlers(self) -> dict[str, Handler]:
        """Name each page's handler as ``routes.PAGES`` does."""
        return {
            "health": self._health,
            "ready": self._ready,
            "metrics": self._metrics,
            "config_status": self._config_status,
            "root": self._root,
            "models": self._models,
            "model": self._model,
            "gemini_models": self._models,
            "gemini_model": self._model,
            "ollama_tags": self._models,
            "ollama_version": self._version,
            "ollama_show": self._show,
        }

    async def _health(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        live = self._rt.holder.current
        status = "stopping" if self._rt.draining else "ready"
        body = {"status": status, "generation": live.generation, "config": live.snapshot.short_id}
        return _json(body, 503 if self._rt.draining else 200)

    async def _metrics(self, _: Request) -> Response:
        # In a thread: with many providers it takes longer than a stream may wait.
        return Response(await asyncio.to_thread(self._eyes.metrics), media_type=self._eyes.metrics_type)

    async def _root(self, _: Request) -> Response:
        return Response("OmniRoute is running\n", media_type="text/plain")

    async def _models(self, request: Request) -> Response:
        _, many = FORMS[_dialect(request)]
        return _json(many(self._rt.holder.current, request.query_params))

    async def _model(self, request: Request) -> Response:
        if is_inference(request.scope["path"]):
            return await _http_error(request, HTTPException(405))
        one, _ = FORMS[_dialect(request)]
        return _json(one(find(self._rt.holder.current, request.path_params["model"])))

    async def _version(self, _: Request) -> Response:
        return _json({"version": OLLAMA_VERSION, "omniroute": __version__})

    async def _show(self, request: Request) -> Response:
        live = self._rt.holder.current
        try:
            asked = msgspec.json.decode(await _body(request, live.snapshot.server.max_body), type=_Show)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = f"the request body is not what /api/show takes: {error}"
            raise Malformed(message) from None
        return _json(ollama_show(find(live, asked.model or asked.name)))

    async def _config_status(self, _: Request) -> Response:
        return _json(self._eyes.config_status())


def _guarded(rt: Runtime, page: Page, handler: Handler) -> Handler:
    """Let a page be seen only by keys with its scope, where keys are asked for; and answer what goes wrong in it."""
    scope = page.scope

    async def guarded(request: Request) -> Response:
        try:
            if scope is not None:
                admit(rt.holder.current.snapshot, key_of(request.scope), scope, unix_micros() / 1e6)
            return await handler(request)
        except OmniRouteError as error:
            return _error(request, error.status, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - as in engine.exchange: a bug in a page is reported, and ends nothing else
            rt.report(faulted(request.scope["omniroute.request_id"], error))
            return _error(request, Bug.status, Bug.code, BROKEN)

    return guarded


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def _body(request: Request, limit: int) -> bytes:
    """Read a body of at most so many bytes."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise too_large(limit)
    except ClientDisconnect:
        message = "the client left before its request was complete"
        raise Malformed(message) from None
    return bytes(body)


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer a path or a method that does not exist."""
    path = request.scope["path"]
    asks = ":" in path.rpartition("/")[2] and path.startswith(MODELS_PREFIXES)
    if request.method == "POST" and asks and not is_inference(path):
        verbs = ", ".join(f":{verb}" for verb in ACTIONS)
        return _error(request, 404, "not_found", f"there is nothing at {path}; of a model can be asked: {verbs}")
    allowed = "POST" if is_inference(path) or path in _READ_PATHS else "GET, HEAD"
    if is_inference(path) or (isinstance(error, HTTPException) and error.status_code == 405):
        answer = _error(request, 405, "method_not_allowed", f"{path} answers {allowed}, not {request.method}")
        answer.headers["allow"] = allowed
        return answer
    return _error(request, 404, "not_found", f"there is nothing at {path}; inference is at {', '.join(INFERENCE)}")


def _dialect(request: Request) -> Format:
    return dialect(request.scope["path"], request.scope["headers"])


def _error(request: Request, status: int, code: str, message: str) -> Response:
    """Render an error in the wire format of whoever asks at this path."""
    view = ErrorView(status, code, message, request.scope["omniroute.request_id"])
    return Response(CODECS[_dialect(request)].render_error(view), status, media_type="application/json")
