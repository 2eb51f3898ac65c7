"""The way to one of Google's emulators: open only while the emulator holds what it should.

The emulators keep nothing when they die. So the gate closes when the connection breaks, and
opens again after `prepare` has put the state back into whatever answers on the port. A channel
object lives as long as one connection: no call can slip into a restarted, still empty emulator.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator

import grpc
import grpc.aio

from emulators.runtime.grpc_proxy import Call, Refused

log = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long a call waits for the emulator to come back before it fails UNAVAILABLE."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # idle is not broken
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.enable_retries", 0),
)

Prepare = Callable[[grpc.aio.Channel], Awaitable[None]]


class Upstream:
    """An emulator at `target` ("127.0.0.1:8080"), made ready by `prepare` at each connection."""

    def __init__(self, name: str, target: str, prepare: Prepare) -> None:
        self.name = name
        self._target = target
        self._prepare = prepare
        self._channel: grpc.aio.Channel | None = None
        self._open = asyncio.Event()
        self._in_use = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self.connections = 0
        self.trouble: str | None = "not connected yet"

    async def run(self) -> None:
        """Keep the gate, until cancelled."""
        while True:
            channel = grpc.aio.insecure_channel(self._target, options=CHANNEL_OPTIONS)
            try:
                await channel.channel_ready()
                broken = asyncio.ensure_future(
                    channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
                )
                await self._unused.wait()
                await self._prepare(channel)
                if broken.done():
                    raise ConnectionError("it went away while it was made ready")
                self._channel, self.trouble = channel, None
                self.connections += 1
                self._open.set()
                log.info("%s is ready on %s", self.name, self._target)
                await broken
                self.trouble = "the connection broke"
                log.warning("%s: the connection broke; calls wait until it is back", self.name)
            except Exception as error:  # whatever prepare met: say it, try again
                self.trouble = f"{type(error).__name__}: {error}"
                log.exception("%s could not be made ready", self.name)
                await asyncio.sleep(0.5)
            finally:
                self._open.clear()
                self._channel = None
                await channel.close()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    async def channel(self, wait_s: float = WAIT_S) -> grpc.aio.Channel:
        """The live channel.

        Raises:
            Refused: UNAVAILABLE, the emulator did not come back within `wait_s`.
        """
        if self._channel is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._open.wait(), wait_s)
        if self._channel is None:
            raise Refused(
                grpc.StatusCode.UNAVAILABLE, f"{self.name} is not running: {self.trouble}"
            )
        return self._channel

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """While a call's answer is still to be dealt with: no new connection is prepared before."""
        self._in_use += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._unused.set()

    async def unary(self, call: Call, request: bytes) -> bytes:
        """Pass one unary call on."""
        channel = await self.channel(patience_s(call))
        running = channel.unary_unary(call.path)(
            request, metadata=call.metadata, timeout=call.timeout_s
        )
        try:
            return await running
        except asyncio.CancelledError:
            if self._channel is channel:
                raise  # the caller went away
            # The channel was closed under the call, which gRPC tells as if we had cancelled it.
            raise Refused(grpc.StatusCode.UNAVAILABLE, f"{self.name}: {self.trouble}") from None

    async def stream(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Pass a call on whose messages come in any number, either way."""
        channel = await self.channel(patience_s(call))
        method = channel.stream_stream(call.path)
        running = method(requests, metadata=call.metadata, timeout=call.timeout_s)
        try:
            async for response in running:
                yield response
        finally:
            running.cancel()


def patience_s(call: Call) -> float:
    """How long a call may wait for the gate: its own deadline, or `WAIT_S` if that is sooner."""
    return WAIT_S if call.timeout_s is None else max(0.0, min(WAIT_S, call.timeout_s))
