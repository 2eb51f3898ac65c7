"""The FastAPI app that every deployable serves: errors, bounds, request ids, liveness."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response

from shared.web import errors
from shared.web.envelope import MAX_BODY_BYTES, Envelope
from shared.web.principal import Verifier


def create_app(
    name: str,
    *routers: APIRouter,
    verifier: Verifier | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    on_stop: Iterable[Callable[[], Awaitable[None]]] = (),
) -> FastAPI:
    """An app called `name` that serves `routers`.

    `verifier` checks bearer tokens for routes that depend on `requires(...)`. `on_stop` is
    awaited, in order, when the process is told to stop. No generated documentation is served.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        yield
        for stop in on_stop:
            await stop()

    app = FastAPI(
        title=name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.verifier = verifier
    app.add_middleware(Envelope, max_body_bytes=max_body_bytes)
    errors.install(app)
    app.add_api_route("/_health", _health, methods=["GET"])
    for router in routers:
        app.include_router(router)
    return app


async def _health() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")
