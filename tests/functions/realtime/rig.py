"""A gateway in this process, on a real socket; owners and the bus are in memory and may fail."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from functions.realtime.channels import Name
from functions.realtime.gateway import LiveGateway
from functions.realtime.hub import Hub
from functions.realtime.main import listening
from functions.realtime.owners import Changes
from shared.errors import Forbidden, Unavailable
from shared.events import ChannelPublished
from shared.ids import new_id
from tests.web import Tokens

Payload = dict[str, Any]


@dataclass
class Log:
    """What one channel's owner keeps. `kept`: older numbers are no longer there."""

    epoch: str = "e1"
    payloads: list[Payload] = field(default_factory=list)
    first: int = 1

    @property
    def tail(self) -> int:
        return self.first + len(self.payloads) - 1

    def after(self, epoch: str | None, since: int | None) -> Changes:
        if epoch != self.epoch or since is None or not self.first - 1 <= since <= self.tail:
            snapshot = json.dumps({"tail": self.tail}).encode()
            return Changes(self.epoch, self.tail, False, (), snapshot)
        pubs = [
            (self.first + at, json.dumps(payload).encode())
            for at, payload in enumerate(self.payloads)
            if self.first + at > since
        ]
        return Changes(self.epoch, self.tail, True, tuple(pubs), None)


class MemoryOwners:
    """Owners of every channel. `down`: no answer; `refused` are (channel, user) pairs."""

    def __init__(self, users: Callable[[str], str]) -> None:
        self.logs: dict[str, Log] = {}
        self.refused: set[tuple[str, str]] = set()
        self.down = False
        self.asked: list[tuple[str, str | None, int | None]] = []
        self.delay_s = 0.0
        self._users = users

    def log(self, channel: str) -> Log:
        return self.logs.setdefault(channel, Log())

    async def changes(
        self, name: Name, token: str, epoch: str | None = None, since: int | None = None
    ) -> Changes:
        self.asked.append((str(name), epoch, since))
        answer = self.log(str(name)).after(epoch, since)
        await asyncio.sleep(self.delay_s)
        if self.down:
            raise Unavailable("down")
        if (str(name), self._users(token)) in self.refused:
            raise Forbidden("no longer", code="NOT_A_MEMBER")
        return answer


class Bus:
    """Delivers to every hub; loses what `loses` says."""

    def __init__(self) -> None:
        self.hubs: list[Hub] = []
        self.loses: Callable[[ChannelPublished], bool] = lambda _: False

    async def publish(self, event: ChannelPublished) -> None:
        await asyncio.sleep(0)
        for hub in self.hubs:
            if not self.loses(event):
                hub.on_event(event)


class Rig:
    """Owners, bus and gateways. Every connection is to the gateway that `connect` names."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self._users: dict[str, str] = {}
        self.owners = MemoryOwners(lambda token: self._users[token])
        self.bus = Bus()
        self.gateways: list[LiveGateway] = []
        self.servers: list[asyncio.Server] = []
        self._sweeps: list[asyncio.Task[None]] = []

    def token(self, user: str = "alice", **claims: Any) -> str:
        token = self.tokens.sign(self.tokens.claims(sub=user, jti=new_id(), **claims))
        self._users[token] = user
        return token

    async def add_gateway(
        self, *, tail_check_s: tuple[float, float] = (0.2, 0.3), **options: Any
    ) -> int:
        """One more gateway; its port."""
        hub = Hub(
            f"g{len(self.gateways)}",
            self.owners,
            self.bus.publish,
            now=time.monotonic,
            wall=lambda: datetime.now(UTC),
            new_id=new_id,
            tail_check_s=tail_check_s,
        )
        gateway = LiveGateway(hub, self.tokens.verifier(), **options)
        self.bus.hubs.append(hub)
        self.gateways.append(gateway)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(gateway.socket, sock=listening("127.0.0.1", 0))
        self.servers.append(server)
        self._sweeps.append(asyncio.create_task(gateway.sweep()))
        return server.sockets[0].getsockname()[1]

    async def publish(
        self, channel: str, payload: Payload, *, recheck: bool = False, lost: bool = False
    ) -> int:
        """Append to the owner's log and tell the bus, as an owner does."""
        log = self.owners.log(channel)
        log.payloads.append(payload)
        if not lost:
            await self.bus.publish(event(channel, log.epoch, log.tail, payload, recheck))
        return log.tail

    async def close(self) -> None:
        for task in self._sweeps:
            task.cancel()
        for server in self.servers:
            server.close()
        for gateway in self.gateways:
            await gateway.drain(0)
        for hub in self.bus.hubs:
            await hub.close()
        await asyncio.sleep(0.01)


def event(
    channel: str, epoch: str, seq: int, payload: Payload, recheck: bool = False
) -> ChannelPublished:
    text = json.dumps(payload)
    return ChannelPublished(new_id(), datetime.now(UTC), channel, epoch, seq, text, recheck)


@dataclass
class Client:
    """A bare client: frames as they are."""

    socket: ClientConnection

    async def send(self, op: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"op": op, **fields}))

    async def next(self, *ops: str, within_s: float = 3.0) -> Payload:
        """The next frame, of one of `ops` if any are named; others are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                frame = json.loads(await self.socket.recv())
                if not ops or frame["op"] in ops:
                    return frame

    async def subscribe(self, channel: str, **more: Any) -> Payload:
        await self.send("sub", ch=channel, **more)
        return await self.next("sub", "error")

    async def numbers(self, count: int, within_s: float = 3.0) -> list[int]:
        return [(await self.next("pub", within_s=within_s))["seq"] for _ in range(count)]

    async def closed(self) -> tuple[int, str]:
        """Wait for the end: code and reason."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), 5)
        return self.socket.close_code or 0, self.socket.close_reason or ""


@contextlib.asynccontextmanager
async def connected(port: int, token: str | None, **options: Any) -> AsyncIterator[Client]:
    """A client of the gateway at `port`; with `token` in the handshake, past `ready`."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"ws://127.0.0.1:{port}/live"
    async with websockets.connect(
        url, additional_headers=headers, compression=None, proxy=None, **options
    ) as socket:
        client = Client(socket)
        if token:
            assert (await client.next())["op"] == "ready"
        yield client


def losing(share: float, seed: int) -> Callable[[ChannelPublished], bool]:
    chance = random.Random(seed)
    return lambda _: chance.random() < share
