"""The servers that `benchmarks.realtime` measures, each alone in a process: ours and a peer.

`python -m benchmarks.realtime_servers ours|peer` prints its port, then obeys lines on stdin:
`use` prints CPU seconds and resident KB; `publish COUNT PER_SECOND BYTES` fans messages out.
"""

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any

import uvloop
from joserfc import jwt
from joserfc.jwk import ECKey

from functions.realtime.channels import Name
from functions.realtime.gateway import LiveGateway
from functions.realtime.hub import Hub
from functions.realtime.main import listening
from functions.realtime.owners import Changes
from shared.events import ChannelPublished
from shared.ids import new_id
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier

CHANNEL = "playlist:benchmark"
USERS = 300
ISSUER = "http://benchmark"


def token(key: ECKey, user: str) -> str:
    """An access token as accounts signs them."""
    claims = {
        "iss": ISSUER, "aud": "segue", "sub": user, "client_id": "b", "exp": time.time() + 3600,
        "scope": "streaming", "plan": "premium", "territory": "SE",
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": "k"}, claims, key)


class Owner:
    """The channel's owner, who lets everybody in."""

    def __init__(self) -> None:
        self.tail = 0

    async def changes(
        self, name: Name, token: str, epoch: str | None = None, since: int | None = None
    ) -> Changes:
        if epoch is None or since is None:
            return Changes("e", self.tail, False, (), b"{}")
        return Changes("e", self.tail, True, (), None)


def payload(size: int) -> str:
    """JSON of about `size` bytes that says when it was published."""
    return json.dumps({"sent": time.time(), "fill": "x" * max(0, size - 40)})


async def ours(key: ECKey) -> tuple[int, Any]:
    """The gateway with everything it does; only the owner and the bus are in this process."""
    owner = Owner()

    async def publish(event: object) -> None:
        return

    hub = Hub("b", owner, publish, now=time.monotonic, wall=_now, new_id=new_id)
    gateway = LiveGateway(hub, Verifier(StaticKeys({"k": key}), ISSUER))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(gateway.socket, sock=listening("127.0.0.1", 0))
    gateway.spawn(gateway.sweep())

    def fan_out(size: int) -> None:
        owner.tail += 1
        hub.on_event(ChannelPublished("i", _now(), CHANNEL, "e", owner.tail, payload(size)))

    fan_out.keep = server  # type: ignore[attr-defined]
    return server.sockets[0].getsockname()[1], fan_out


async def peer(key: ECKey) -> tuple[int, Any]:
    """A bare `websockets` server and its `broadcast`: no tokens, channels, numbers or recovery."""
    from websockets.asyncio.server import broadcast, serve

    connections: set[Any] = set()

    async def handler(connection: Any) -> None:
        await connection.send(json.dumps({"op": "ready"}))
        await connection.recv()
        await connection.send(json.dumps({"op": "sub"}))
        connections.add(connection)
        await connection.wait_closed()

    server = await serve(
        handler, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096
    )

    def fan_out(size: int) -> None:
        frame = {"op": "pub", "ch": CHANNEL, "epoch": "e", "seq": 1, "payload": payload(size)}
        broadcast(connections, json.dumps(frame))

    fan_out.keep = server  # type: ignore[attr-defined]
    return next(iter(server.sockets)).getsockname()[1], fan_out


def _now() -> datetime:
    return datetime.now(UTC)


def resident_kb() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


async def main(which: str) -> None:
    key = ECKey.generate_key("P-256")
    port, fan_out = await {"ours": ours, "peer": peer}[which](key)
    tokens = [token(key, f"user{n}") for n in range(USERS)]
    print(json.dumps({"port": port, "tokens": tokens}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, *rest = line.split()
        if word == "publish":
            count, rate, size = int(rest[0]), float(rest[1]), int(rest[2])
            start = loop.time()
            for n in range(count):
                await asyncio.sleep(max(0.0, start + n / rate - loop.time()))
                fan_out(size)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "resident_kb": resident_kb()}),
            flush=True,
        )


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(main(sys.argv[1]))
