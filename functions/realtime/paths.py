"""Which handler answers which path."""

from collections.abc import Awaitable, Callable

from websockets.http11 import Request

from functions.realtime.wire import Asked, Socket

Handler = Callable[[Socket, Request, Asked], Awaitable[None]]


class Paths:
    """Exact paths. `websocket` marks those that are upgraded; the handshake itself sees to it."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def get(self, path: str) -> Callable[[Handler], Handler]:
        """Names the handler of `GET path`."""

        def named(handler: Handler) -> Handler:
            self._handlers[path] = handler
            return handler

        return named

    websocket = get

    def find(self, path: str) -> Handler | None:
        return self._handlers.get(path)
