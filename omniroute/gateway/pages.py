"""The read-only pages: health, metrics, model list, configuration status.

Always true: they answer GET and HEAD, change nothing, and show no secret.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from omniroute.config.snapshot import Snapshot
from omniroute.engine.admission import admit
from omniroute.engine.exchange import faulted
from omniroute.engine.holder import Live
from omniroute.engine.runtime import Runtime, unix_micros
from omniroute.errors import Bug, OmniRouteError, UnknownModel
from omniroute.formats import CODECS
from omniroute.formats.codec import ErrorView
from omniroute.gateway.inbound import presented_key
from omniroute.gateway.routes import INFERENCE, PAGES, Page, is_inference
from omniroute.names import Format
from omniroute.routing.resolve import known_names

Handler = Callable[[Request], Awaitable[Response]]

BROKEN = "something in the gateway broke; its log has the details"


class Eyes(msgspec.Struct, frozen=True):
    """What the pages show beside the runtime: the reloader's status, and metrics ready to be sent."""

    config_status: Callable[[], Any]
    metrics: Callable[[], bytes]
    metrics_type: str


def pages(rt: Runtime, eyes: Eyes) -> Starlette:
    """Make the application that answers everything but inference."""
    handlers: Mapping[str, Handler] = _Pages(rt, eyes).handlers()
    application = Starlette(
        routes=[Route(page.path, _guarded(rt, page, handlers[page.name]), methods=["GET"]) for page in PAGES],
        exception_handlers={HTTPException: _http_error},
    )
    application.router.redirect_slashes = False  # a page has one address, whatever the method
    return application


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
            "models": self._models,
            "model": self._model,
            "config_status": self._config_status,
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

    async def _models(self, _: Request) -> Response:
        live = self._rt.holder.current
        names = dict.fromkeys(known_names(live.snapshot))
        return _json({"object": "list", "data": [_listed(live, name) for name in names]})

    async def _model(self, request: Request) -> Response:
        live = self._rt.holder.current
        name = request.path_params["model"]
        if name not in set(known_names(live.snapshot)):
            message = f"no model, alias or combo is listed as '{name}'"
            raise UnknownModel(message)
        return _json(_listed(live, name))

    async def _config_status(self, _: Request) -> Response:
        return _json(self._eyes.config_status())


def _listed(live: Live, name: str) -> dict[str, Any]:
    """Describe one name as OpenAI's model object does, with what is known of it besides."""
    snapshot: Snapshot = live.snapshot
    item: dict[str, Any] = {"id": name, "object": "model", "created": live.applied_at // 1_000_000}
    if name in snapshot.combos:
        return {**item, "owned_by": "combo", "targets": [target.id for target in snapshot.combos[name].targets]}
    if name in snapshot.aliases:
        return {**item, "owned_by": "alias", "root": snapshot.aliases[name].target}
    provider, _, model_name = name.partition("/")
    model = snapshot.providers[provider].models[model_name]
    item["owned_by"] = provider
    if model.context is not None:
        item["context_length"] = model.context
    if model.capabilities:
        item["capabilities"] = sorted(model.capabilities)
    return item


def _guarded(rt: Runtime, page: Page, handler: Handler) -> Handler:
    """Let a page be seen only by keys with its scope, where keys are asked for; and answer what goes wrong in it."""
    scope = page.scope

    async def guarded(request: Request) -> Response:
        try:
            if scope is not None:
                key = presented_key(request.scope["headers"])
                admit(rt.holder.current.snapshot, key, scope, unix_micros() / 1e6)
            return await handler(request)
        except OmniRouteError as error:
            return _error(request, error.status, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - as in engine.exchange: a bug in a page is reported, and ends nothing else
            rt.report(faulted(request.scope["omniroute.request_id"], error))
            return _error(request, Bug.status, Bug.code, BROKEN)

    return guarded


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer a path or a method that does not exist."""
    path = request.scope["path"]
    allowed = "POST" if is_inference(path) else "GET, HEAD"
    if allowed == "POST" or (isinstance(error, HTTPException) and error.status_code == 405):
        answer = _error(request, 405, "method_not_allowed", f"{path} answers {allowed}, not {request.method}")
        answer.headers["allow"] = allowed
        return answer
    return _error(request, 404, "not_found", f"there is nothing at {path}; inference is at {', '.join(INFERENCE)}")


def _error(request: Request, status: int, code: str, message: str) -> Response:
    """Render an error as OpenAI's API does: it is the form that most who read these pages know."""
    view = ErrorView(status, code, message, request.scope["omniroute.request_id"])
    body = CODECS[Format.OPENAI_CHAT].render_error(view)
    return Response(body, status, media_type="application/json")
