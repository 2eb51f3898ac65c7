"""The FastAPI app that every deployable serves: errors, bounds, request ids, liveness."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web import errors, openapi
from shared.web.answers import cacheable_body
from shared.web.envelope import MAX_BODY_BYTES, Envelope
from shared.web.principal import Verifier
from shared.web.routing import Index
from shared.web.shapes import Answers

DOCUMENT_MAX_AGE_S = 300


def create_app(
    name: str,
    *routers: APIRouter,
    verifier: Verifier | None = None,
    answers: Mapping[str, Answers | None] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    on_start: Iterable[Callable[[], object]] = (),
    on_stop: Iterable[Callable[[], Awaitable[None]]] = (),
) -> FastAPI:
    """An app called `name` that serves `routers`.

    `verifier` checks bearer tokens for routes that depend on `requires(...)`. `on_start`
    is called, in order, when the event loop runs, and must not wait; `on_stop` is awaited, in
    order, when the process is told to stop. The service's OpenAPI document is served
    at `/v1/openapi/{name}.json`; `answers` tell it what each operation answers.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        for start in on_start:
            start()
        yield
        for stop in on_stop:
            await stop()

    app = _App(
        title=name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.verifier = verifier
    app.state.answers = answers or {}
    errors.install(app)
    app.add_api_route("/_health", _health, methods=["GET"])
    app.add_api_route(
        openapi.path_of(name), _documented(app, name), methods=["GET"], include_in_schema=False
    )
    # Not `include_router`: our routers carry neither prefix nor dependencies to include.
    app.state.served = [*app.router.routes, *(it for router in routers for it in router.routes)]
    index = Index(app.state.served)
    app.router.routes[:] = [index]
    app.enveloped = Envelope(app.general, max_body_bytes, index.short)
    return app


class _App(FastAPI):
    """Outermost is our envelope: what it answers straight passes none of the framework's layers."""

    enveloped: Envelope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.enveloped(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        # Without Starlette's last resort for errors, which is the envelope's task.
        inner = AsyncExitStackMiddleware(self.router)
        return ExceptionMiddleware(inner, handlers=self.exception_handlers)

    async def general(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)


def _documented(app: FastAPI, name: str) -> Callable[[Request], Awaitable[Response]]:
    made: list[bytes] = []

    async def document(request: Request) -> Response:
        # At the first request: making it costs more than a start may.
        if not made:
            found = openapi.document(name, app.state.served, app.state.answers)
            made.append(msgspec.json.encode(found))
        return cacheable_body(request, made[0], max_age_s=DOCUMENT_MAX_AGE_S)

    return document


async def _health() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")
