"""Serves one ASGI application on several loopback ports of one process."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterable

import uvicorn

from emulators.runtime.edge.asgi import App
from emulators.runtime.edge.websocket import MAX_MESSAGE_BYTES


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; a port left by a killed process may be taken again."""
    # The protocol is named because asyncio sets TCP_NODELAY only where it is: else 40 ms are lost.
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    one.listen(2048)
    one.setblocking(False)
    return one


def server(app: App) -> uvicorn.Server:
    """uvicorn on uvloop and httptools. Forwarded headers are the edge's to write, not to trust."""
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            loop="none",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="warning",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
    )


async def serve(app: App, ports: Iterable[int]) -> None:
    """Serve until SIGTERM or SIGINT; then let what runs finish for a moment, and return."""
    one = server(app)
    # uvicorn would raise the signal again when it is done, before our own cleaning up.
    one.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, one.handle_exit, number, None)
    await one.serve([listen(port) for port in ports])
