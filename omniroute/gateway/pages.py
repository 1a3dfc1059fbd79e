"""Everything that is not inference: health, metrics, model lists, runtime data, and the operations on that.

Always true: pages answer GET and HEAD, and POST where ``routes.READS`` says so; they change nothing and show no secret.
An operation needs a key that may operate, even where other requests need none: else any web page that this machine's
browser opens could ask for it. It is reported whatever comes of it, and so is every caller who is refused.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from omniroute import __version__
from omniroute.config.policy import Policy
from omniroute.engine.admission import HOW, Caller, admit
from omniroute.engine.exchange import faulted
from omniroute.engine.runtime import Runtime
from omniroute.engine.terms import unix_micros
from omniroute.errors import Bug, Malformed, OmniRouteError, Refused, Unauthenticated
from omniroute.formats import CODECS
from omniroute.formats.codec import ErrorView
from omniroute.gateway.inbound import key_of, origin, too_large
from omniroute.gateway.models import FORMS, find, ollama_show
from omniroute.gateway.operations import Act, Eyes, Look, Operations
from omniroute.gateway.routes import (
    ACTIONS,
    INFERENCE,
    MODELS_PREFIXES,
    OPERATIONS,
    PAGES,
    READS,
    Operation,
    Page,
    dialect,
    is_inference,
    taught,
)
from omniroute.names import Format, Scope
from omniroute.observe.events import Audited
from omniroute.routing.permit import written_address
from omniroute.storage.audit import REFUSED

Handler = Callable[[Request], Awaitable[Response]]

_READ_PATHS = frozenset(path for page in READS for path in page.paths)
_PAGE_PATHS = frozenset(path for page in PAGES for path in page.paths)
_ONLY_OPERATED = frozenset(each.path for each in OPERATIONS) - _PAGE_PATHS

CALLER = "omniroute.caller"
"""Where a scope has who sees a page."""
BROKEN = "something in the gateway broke; its log has the details"


OLLAMA_VERSION = "0.12.6"
"""The version of Ollama whose chat API is followed; clients compare it with the oldest that they know how to use."""


def pages(rt: Runtime, eyes: Eyes) -> Starlette:
    """Make the application that answers everything but inference."""
    operations = Operations(rt, eyes)
    acts = operations.acts()
    shown = {name: _written(look) for name, look in operations.looks().items()}
    handlers: Mapping[str, Handler] = {**_Pages(rt, eyes).handlers(), **shown}
    application = Starlette(
        routes=[
            *(
                Route(path, _guarded(rt, page, handlers[page.name]), methods=[method])
                for method, table in (("GET", PAGES), ("POST", READS))
                for page in table
                for path in page.paths
            ),
            *(Route(each.path, _operated(rt, each, acts[each.name]), methods=[*each.methods]) for each in OPERATIONS),
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
        return _json(many(self._rt.holder.current, request.query_params, _policy(request)))

    async def _model(self, request: Request) -> Response:
        if is_inference(request.scope["path"]):
            return await _http_error(request, HTTPException(405))
        one, _ = FORMS[_dialect(request)]
        return _json(one(find(self._rt.holder.current, request.path_params["model"], _policy(request))))

    async def _version(self, _: Request) -> Response:
        return _json({"version": OLLAMA_VERSION, "omniroute": __version__})

    async def _show(self, request: Request) -> Response:
        live = self._rt.holder.current
        try:
            asked = msgspec.json.decode(await _body(request, live.snapshot.server.max_body), type=_Show)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = f"the request body is not what /api/show takes: {error}"
            raise Malformed(message) from None
        return _json(ollama_show(find(live, asked.model or asked.name, _policy(request))))

    async def _config_status(self, _: Request) -> Response:
        return _json(self._eyes.config_status())


def _guarded(rt: Runtime, page: Page, handler: Handler) -> Handler:
    """Let a page be seen only by keys with its scope, where keys are asked for; and answer what goes wrong in it."""

    async def guarded(request: Request) -> Response:
        try:
            if page.scope is not None:
                request.scope[CALLER] = _admitted(rt, request, page, page.scope)
            return await handler(request)
        except OmniRouteError as error:
            return _error(request, error.status, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - as in engine.exchange: a bug in a page is reported, and ends nothing else
            rt.report(faulted(request.scope["omniroute.request_id"], error))
            return _error(request, Bug.status, Bug.code, BROKEN)

    return guarded


def _operated(rt: Runtime, operation: Operation, act: Act) -> Handler:
    """Let an operation be done only by keys that may, and report it."""

    async def handler(request: Request) -> Response:
        actor = _admitted(rt, request, operation, Scope.OPERATE).name
        if not actor:
            message = f"operations always need a client key with the scope '{Scope.OPERATE}': {HOW}"
            _refused(rt, request, operation, message)
            raise Unauthenticated(message)
        try:
            done = await act(request)
        except OmniRouteError as error:
            rt.report(Audited(unix_micros(), actor, operation.action, detail=f"failed: {error.message}"))
            raise
        rt.report(Audited(unix_micros(), actor, operation.action, done.target, done.detail))
        return _json(done.answer)

    return _guarded(rt, msgspec.structs.replace(operation, scope=None), handler)


def _admitted(rt: Runtime, request: Request, page: Page, scope: Scope) -> Caller:
    """Say who a request came from; report who is refused."""
    try:
        now, snapshot = unix_micros() / 1e6, rt.holder.current.snapshot
        address = origin(request.scope, snapshot.server.trusted_proxies)
        return admit(snapshot, key_of(request.scope), scope, now, address)
    except Refused as error:
        _refused(rt, request, page, error.message)
        raise


def _policy(request: Request) -> Policy | None:
    """Give the policy that holds for whoever sees a page, if any does."""
    caller: Caller | None = request.scope.get(CALLER)
    return caller.policy if caller is not None else None


def _refused(rt: Runtime, request: Request, page: Page, why: str) -> None:
    address = origin(request.scope, rt.holder.current.snapshot.server.trusted_proxies)
    rt.report(Audited(unix_micros(), written_address(address), REFUSED, page.path, why))


def _written(look: Look) -> Handler:
    """Make a handler of something that gives what is to be written as JSON."""

    async def handler(request: Request) -> Response:
        return _json(await look(request))

    return handler


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
    lesson = taught(path, request.method)
    if lesson is not None:
        message = (
            f"nothing over HTTP changes the configuration; {lesson.what} is written into one of its files, which take "
            f"effect when they are saved:\n\n{lesson.toml}"
        )
        return _not_allowed(request, message)
    if is_inference(path) or (isinstance(error, HTTPException) and error.status_code == 405):
        return _not_allowed(request, f"{path} answers {_allowed(path)}, not {request.method}")
    return _error(request, 404, "not_found", f"there is nothing at {path}; inference is at {', '.join(INFERENCE)}")


def _not_allowed(request: Request, message: str) -> Response:
    answer = _error(request, 405, "method_not_allowed", message)
    answer.headers["allow"] = _allowed(request.scope["path"])
    return answer


def _allowed(path: str) -> str:
    """List the methods that a path answers; none for one that does not exist (RFC 9110, section 10.2.1)."""
    if is_inference(path) or path in _READ_PATHS:
        return "POST"
    unread = path in _ONLY_OPERATED or (path not in _PAGE_PATHS and taught(path, "POST") is not None)
    reads = [] if unread else ["GET", "HEAD"]
    return ", ".join([*reads, *(method for each in OPERATIONS if each.path == path for method in each.methods)])


def _dialect(request: Request) -> Format:
    return dialect(request.scope["path"], request.scope["headers"])


def _error(request: Request, status: int, code: str, message: str) -> Response:
    """Render an error in the wire format of whoever asks at this path."""
    view = ErrorView(status, code, message, request.scope["omniroute.request_id"])
    return Response(CODECS[_dialect(request)].render_error(view), status, media_type="application/json")
