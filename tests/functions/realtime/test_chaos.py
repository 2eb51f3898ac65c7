"""Everything at once: gateways are killed, the bus loses and goes down, a client stops reading.

200 clients of the SDK must each hear exactly 1..N, in order, without a reset.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from segue.live import Live, Published

from emulators.ports import free_port
from tests.web import Tokens

ROOT = Path(__file__).resolve().parents[3]
CHANNEL = "playlist:chaos"
CLIENTS = 200
MESSAGES = 400
EVERY_S = 0.1
LOST = 0.10
BUS_DOWN_S = (18.0, 33.0)
KILLS_AT_S = (4.0, 7.0, 11.0, 15.0, 21.0, 29.0, 36.0, 39.0)
DOWN_S = 0.8


@dataclass
class Owner:
    """The log, and an HTTP server that answers `…/changes` from it."""

    payloads: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    server: Any = None

    async def start(self) -> str:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ", 2)[1]
                query = dict(it.split("=") for it in path.partition("?")[2].split("&") if it)
                body = json.dumps(self._changes(query)).encode()
                status = b"HTTP/1.1 200 OK\r\ncontent-length: " + str(len(body)).encode()
                writer.write(status + b"\r\n\r\n" + body)
                self.asked += 1
        writer.close()

    def _changes(self, query: dict[str, str]) -> dict[str, Any]:
        tail = len(self.payloads)
        if query.get("epoch") != "1":
            return {"epoch": "1", "tail": tail, "recovered": False, "pubs": [], "snapshot": {}}
        since = int(query["since"])
        pubs = [{"seq": n + 1, "payload": self.payloads[n]} for n in range(since, tail)]
        return {"epoch": "1", "tail": tail, "recovered": True, "pubs": pubs, "snapshot": None}


@dataclass
class Bus:
    """To each gateway a copy of each event, or not."""

    chance: random.Random
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    down: bool = False
    lost: int = 0
    server: Any = None

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await reader.read()
        self.writers.discard(writer)

    def publish(self, seq: int, payload: dict[str, Any], *, last: bool) -> None:
        line = json.dumps([CHANNEL, "1", seq, payload]).encode() + b"\n"
        for writer in tuple(self.writers):
            if last or self.down or self.chance.random() < LOST:
                self.lost += 1
            else:
                writer.write(line)


@dataclass
class Gateways:
    """Two of them, each with its port for good; kept running by whoever kills them."""

    ports: list[int]
    arguments: list[str]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        command = [sys.executable, "-m", "tests.functions.realtime.chaos_gateway", str(port)]
        self.processes[port] = subprocess.Popen([*command, *self.arguments], cwd=ROOT)

    def kill(self, port: int) -> None:
        self.processes[port].send_signal(signal.SIGKILL)
        self.processes[port].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


async def until_listening(port: int) -> None:
    for _ in range(1_000):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError("a gateway did not start")


@dataclass
class Listening:
    """One client: the numbers it heard, and how late each came."""

    numbers: list[int] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    async def run(self, live: Live) -> None:
        async with live:
            changes = live.subscribe(CHANNEL, epoch="1", since=0)
            async for change in changes:
                assert isinstance(change, Published), change
                assert change.payload["n"] == change.seq
                self.numbers.append(change.seq)
                self.late_s.append(time.time() - change.payload["at"])
                if len(self.numbers) == MESSAGES:
                    break
            await changes.aclose()


def stop_reading(port: int, token: str) -> socket.socket:
    """A client that subscribes and never reads what comes."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", port))
    stuck.sendall(
        f"GET /live?access_token={token} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
        "connection: upgrade\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    body = json.dumps({"op": "sub", "ch": CHANNEL}).encode()
    time.sleep(0.2)
    stuck.sendall(bytes((0x81, 0x80 | len(body))) + bytes(4) + body)
    return stuck


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_every_client_hears_exactly_one_to_n_whatever_breaks() -> None:
    seed = int(os.environ.get("SEGUE_SEED", "1"))
    chance = random.Random(seed)
    tokens = Tokens()
    owner, bus = Owner(), Bus(chance)
    owner_url, bus_port = await owner.start(), await bus.start()
    jwk = json.dumps(tokens.key.as_dict(private=False))
    gateways = Gateways([free_port(), free_port()], [owner_url, str(bus_port), jwk])
    try:
        for port in gateways.ports:
            gateways.start(port)
        for port in gateways.ports:
            await until_listening(port)
        stuck = stop_reading(gateways.ports[0], tokens.sign(tokens.claims(sub="stuck")))
        clients = [Listening() for _ in range(CLIENTS)]
        lives = [client_of(gateways.ports, tokens, n, chance) for n in range(CLIENTS)]
        running = [
            asyncio.create_task(it.run(live)) for it, live in zip(clients, lives, strict=True)
        ]
        breaking = asyncio.create_task(break_things(gateways, bus))
        for n in range(1, MESSAGES + 1):
            payload = {"n": n, "at": time.time(), "fill": "x" * 500}
            owner.payloads.append(payload)
            bus.publish(n, payload, last=n == MESSAGES)
            await asyncio.sleep(EVERY_S)
        await breaking
        done, late = await asyncio.wait(running, timeout=30)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        missing = {
            n: (len(it.numbers), lives[n].connections, lives[n].state)
            for n, it in enumerate(clients)
            if len(it.numbers) < MESSAGES
        }
        assert missing == {}, "who heard less than all: numbers, connections, how it stands"
        assert all(it.numbers == list(range(1, MESSAGES + 1)) for it in clients)
        stuck.close()
    finally:
        gateways.stop()
        owner.server.close()
        bus.server.close()
    delays = sorted(it for client in clients for it in client.late_s)
    figures = {
        "clients": CLIENTS,
        "messages": MESSAGES,
        "kills": len(KILLS_AT_S),
        "lost on the bus": bus.lost,
        "connections": sum(it.connections for it in lives),
        "owner asked": owner.asked,
        "late p50 ms": round(statistics.median(delays) * 1000),
        "late p99 s": round(delays[int(len(delays) * 0.99)], 1),
    }
    print(json.dumps(figures))


def client_of(ports: list[int], tokens: Tokens, n: int, chance: random.Random) -> Live:
    token = tokens.sign(tokens.claims(sub=f"user{n}"))
    turn = [n]

    def host() -> str:
        turn[0] += 1
        return f"http://127.0.0.1:{ports[turn[0] % 2]}"

    async def give(fresh: bool) -> str:
        return token

    return Live(host, give, backoff_s=(0.05, 1.0))


async def break_things(gateways: Gateways, bus: Bus) -> None:
    start = asyncio.get_running_loop().time()

    async def at(second: float) -> None:
        await asyncio.sleep(max(0.0, start + second - asyncio.get_running_loop().time()))

    async def kills() -> None:
        for n, second in enumerate(KILLS_AT_S):
            await at(second)
            port = gateways.ports[n % 2]
            gateways.kill(port)
            await asyncio.sleep(DOWN_S)
            gateways.start(port)

    async def silence() -> None:
        await at(BUS_DOWN_S[0])
        bus.down = True
        await at(BUS_DOWN_S[1])
        bus.down = False

    await asyncio.gather(kills(), silence())
