"""gRPC servers on raw bytes: one loopback port for each identity, one service behind them all.

Every method is served as a stream of messages, which unary callers cannot tell from a unary
method; methods whose service names a unary handler skip the streaming machinery.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio

from emulators.iam import Denied

log = logging.getLogger(__name__)

Metadata = tuple[tuple[str, str | bytes], ...]

SERVER_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port taken twice is an error, not a lottery
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
)

# Set anew by each hop.
_HOP_BY_HOP = ("user-agent", "content-type", "te")


class Refused(Exception):
    """A call ends with `status` and `text`."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `member` is who calls; `method` is short ("Commit"), `path` whole."""

    member: str
    path: str
    metadata: Metadata
    context: Any

    @property
    def method(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def timeout_s(self) -> float | None:
        """What is left of the caller's deadline; None without one, and for our own calls."""
        return None if self.context is None else self.context.time_remaining()


UnaryHandler = Callable[[Call, bytes], Awaitable[bytes]]


class Service(Protocol):
    """What serves the calls. Handlers raise `Denied` or `Refused`, or let an upstream's
    `grpc.aio.AioRpcError` through; each becomes the caller's status."""

    def unary(self, path: str) -> UnaryHandler | None:
        """The handler of a method known to be unary, if it is one."""
        ...

    def stream(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Any other method."""
        ...


async def serve(service: Service, ports: Mapping[str, int]) -> list[grpc.aio.Server]:
    """Listen on 127.0.0.1 at each member's port.

    Raises:
        RuntimeError: a port is taken.
    """
    servers: list[grpc.aio.Server] = []
    for member, port in ports.items():
        server = grpc.aio.server(options=SERVER_OPTIONS)
        server.add_generic_rpc_handlers((_Handler(service, member),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        servers.append(server)
    return servers


async def stop(servers: Sequence[grpc.aio.Server], grace_s: float = 0.5) -> None:
    await asyncio.gather(*(server.stop(grace_s) for server in servers))


def forwardable(metadata: Any) -> Metadata:
    """`metadata` without what belongs to one hop only."""
    return tuple(
        (key, value)
        for key, value in metadata or ()
        if key not in _HOP_BY_HOP and not key.startswith(("grpc-", ":"))
    )


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, service: Service, member: str) -> None:
        self._service = service
        self._member = member

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        metadata = forwardable(handler_call_details.invocation_metadata)
        unary = self._service.unary(path)
        if unary is not None:

            async def one(request: bytes, context: Any) -> bytes:
                try:
                    return await unary(Call(self._member, path, metadata, context), request)
                except Exception as error:
                    return await _end(context, error)

            return grpc.unary_unary_rpc_method_handler(one)  # type: ignore[arg-type]

        async def many(requests: AsyncIterator[bytes], context: Any) -> None:
            try:
                call = Call(self._member, path, metadata, context)
                async with contextlib.aclosing(self._service.stream(call, requests)) as responses:
                    async for response in responses:
                        await context.write(response)
            except Exception as error:
                await _end(context, error)

        return grpc.stream_stream_rpc_method_handler(many)  # type: ignore[arg-type]


async def _end(context: Any, error: Exception) -> bytes:
    """Abort `context` with the status that `error` stands for. Does not return."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, Denied):
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
    if isinstance(error, Refused):
        await context.abort(error.status, error.text)
    if isinstance(error, grpc.aio.AioRpcError):
        trailing = forwardable(error.trailing_metadata())
        await context.abort(error.code(), error.details() or "", trailing)
    log.error("call failed", exc_info=error)
    if isinstance(error, sqlite3.Error):  # the disk is full, say: nothing was acknowledged
        await context.abort(grpc.StatusCode.UNAVAILABLE, f"the journal: {error}")
    await context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
    raise error
