"""Live connections: memory of each, CPU of a delivery, how late the last of a thousand hears.

`python -m benchmarks.realtime [--connections 1000] [--held 5000] [--messages 200]` runs the
gateway and, beside it in the same run, a bare `websockets` server that broadcasts. The floor is
what the same bytes cost when they are written to plain sockets in a loop.
"""

import argparse
import asyncio
import json
import resource
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import uvloop

from benchmarks.realtime_servers import CHANNEL
from benchmarks.report import emit

PER_SECOND = 20.0
BYTES = 200
_HEAD = "host: b\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"


class Server:
    """One of the servers, in its own process."""

    def __init__(self, which: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.realtime_servers", which],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        first = self._line()
        self.port, self.tokens = first["port"], first["tokens"]

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    async def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return await asyncio.get_running_loop().run_in_executor(None, self._line)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Listener(asyncio.Protocol):
    """A client as cheap as can be: it finds frames, and when each was sent."""

    def __init__(self, token: str, ready: "asyncio.Future[None]", late: list[float]) -> None:
        self._token, self._ready, self._late = token, ready, late
        self._data = b""
        self._open = False
        self.heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._transport.write(
            f"GET /live?access_token={self._token} HTTP/1.1\r\n{_HEAD}"
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._data += data
        if not self._open:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head, head
            self._open, self._data = True, rest
        while len(self._data) >= 2:
            size, start = self._data[1], 2
            if size == 126:
                if len(self._data) < 4:
                    return
                size, start = int.from_bytes(self._data[2:4], "big"), 4
            if len(self._data) < start + size:
                return
            frame = self._data[start : start + size]
            opcode, self._data = self._data[0] & 15, self._data[start + size :]
            if opcode == 1:
                self._frame(frame, now)

    def _frame(self, frame: bytes, now: float) -> None:
        if frame.startswith((b'{"op":"pub"', b'{"op": "pub"')):
            at = frame.index(b"sent") + 5
            self._late.append(now - float(frame[at:].lstrip(b'\\": ').partition(b",")[0]))
            self.heard += 1
        elif b'"ready"' in frame:
            body = json.dumps({"op": "sub", "ch": CHANNEL}).encode()
            self._transport.write(bytes((0x81, 0x80 | len(body))) + bytes(4) + body)
        elif not self._ready.done():
            self._ready.set_result(None)


@dataclass(frozen=True, slots=True)
class Measured:
    kb_each: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


async def crowd(server: Server, count: int, late: list[float]) -> list[Listener]:
    """`count` subscribers, connected fifty at a time."""
    loop = asyncio.get_running_loop()
    found: list[Listener] = []
    for start in range(0, count, 50):
        waits: list[asyncio.Future[None]] = []
        for n in range(start, min(count, start + 50)):
            ready = loop.create_future()
            waits.append(ready)
            token = server.tokens[n % len(server.tokens)]
            _, one = await loop.create_connection(
                lambda ready=ready, token=token: Listener(token, ready, late),
                "127.0.0.1",
                server.port,
            )
            found.append(one)
        await asyncio.wait_for(asyncio.gather(*waits), 30)
    return found


async def measure(which: str, connections: int, messages: int) -> Measured:
    server = Server(which)
    late: list[float] = []
    try:
        await crowd(server, 20, [])  # what is made once is not what each one costs
        before = await server.ask("use")
        listeners = await crowd(server, connections, late)
        await asyncio.sleep(0.5)
        joined = await server.ask("use")
        await server.ask(f"publish {messages} {PER_SECOND} {BYTES}")
        await asyncio.sleep(1)
        after = await server.ask("use")
        heard = sum(it.heard for it in listeners)
        assert heard == connections * messages, f"{heard} of {connections * messages} arrived"
        late.sort()
        return Measured(
            (joined["resident_kb"] - before["resident_kb"]) / connections,
            (after["cpu_s"] - joined["cpu_s"]) / (heard + 20 * messages) * 1e6,
            statistics.median(late) * 1000,
            late[int(len(late) * 0.99)] * 1000,
        )
    finally:
        server.stop()


async def hold(count: int) -> tuple[int, float]:
    """How many of `count` connections hear one message, and KB of each."""
    server = Server("ours")
    late: list[float] = []
    try:
        before = await server.ask("use")
        listeners = await crowd(server, count, late)
        held = await server.ask("use")
        await server.ask(f"publish 1 1 {BYTES}")
        await asyncio.sleep(2)
        each = (held["resident_kb"] - before["resident_kb"]) / count
        return sum(it.heard == 1 for it in listeners), each
    finally:
        server.stop()


def floor_us(connections: int, rounds: int = 20) -> float:
    """CPU of one write of a message's bytes to one socket, in a loop and nothing else."""
    pairs = [socket.socketpair() for _ in range(connections)]
    data = b"x" * (BYTES + 80)
    start = time.process_time()
    for _ in range(rounds):
        for one, _ in pairs:
            one.send(data)
    used = time.process_time() - start
    for one, other in pairs:
        one.close()
        other.close()
    return used / (rounds * connections) * 1e6


async def run(connections: int, held: int, messages: int) -> None:
    peer = await measure("peer", connections, messages)
    ours = await measure("ours", connections, messages)
    floor = floor_us(min(connections, 1000))
    print(f"{connections} connections, {messages} messages of {BYTES} B, {PER_SECOND:.0f} a second")
    for name, it in (("ours", ours), ("websockets broadcast", peer)):
        print(
            f"  {name:22} {it.kb_each:6.1f} KB each   {it.cpu_us:5.1f} us CPU a delivery   "
            f"fan-out p50 {it.p50_ms:5.1f} ms, p99 {it.p99_ms:5.1f} ms"
        )
    print(f"  floor                                {floor:5.1f} us CPU a send()")
    if held:
        count, each = await hold(held)
        print(f"{held} connections held: {count} heard, {each:.1f} KB each")
        assert count == held
    ok = ours.kb_each <= 35 and ours.cpu_us <= 12 and ours.p99_ms <= 50
    print("within 35 KB, 12 us, 50 ms:", "yes" if ok else "NO")
    emit(
        "realtime fan-out",
        "us CPU a delivery",
        ours.cpu_us,
        peers={"websockets broadcast": peer.cpu_us},
        floor=floor,
        higher_is_better=False,
        kb_each={"ours": round(ours.kb_each, 1), "peer": round(peer.kb_each, 1)},
        fan_out_p99_ms={"ours": round(ours.p99_ms, 1), "peer": round(peer.p99_ms, 1)},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--held", type=int, default=5000)
    parser.add_argument("--messages", type=int, default=200)
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(run(given.connections, given.held, given.messages))
