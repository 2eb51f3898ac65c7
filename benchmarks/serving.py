"""Server processes under load: what benchmarks over HTTP share.

A benchmark's module runs itself again as `python -m MODULE --serve KIND`; that process says the
request to send it, by `run`, and serves. `server` starts it, `load` asks it over kept connections
and `answers_per_cpu_s` says what that cost. CPU time is the scheduler's, in ns: the ticks of
`cpu_times` are too coarse.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.web.serve import serve

CONNECTIONS = 16
HEALTH = "/_health"


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that answers at `port`, and the bytes of the `request` to send."""

    pid: int
    port: int
    request: bytes

    def cpu_s(self) -> float:
        """CPU seconds of its life so far."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9


def run(app: Any, request: bytes) -> None:
    """Say `request`, and serve `app` until SIGTERM: the process that `server` starts."""
    print(json.dumps(request.decode()), flush=True)
    serve(lambda: app)


def request_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def server(module: str, kind: str) -> Iterator[Server]:
    """`python -m MODULE --serve KIND`, once it answers at `HEALTH`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--serve", kind],
        env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        request = json.loads(process.stdout.readline())
        for _ in range(400):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{HEALTH}", timeout=5)
                break
            time.sleep(0.05)
        yield Server(process.pid, port, request.encode())
    finally:
        process.terminate()
        process.wait(15)


class Connection:
    """A kept connection: one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send it; the length of the answer."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 20"), head
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        await self.reader.readexactly(length)
        return length

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def connections(port: int, count: int) -> list[Connection]:
    """`count` of them, open."""
    opened = (asyncio.open_connection("127.0.0.1", port) for _ in range(count))
    return [Connection(*it) for it in await asyncio.gather(*opened)]


async def load(server: Server, requests: int, per_s: float | None = None) -> int:
    """Send `requests` over `CONNECTIONS`, `per_s` in all or as fast as they are answered; the
    bytes of one answer."""
    opened = await connections(server.port, CONNECTIONS)
    gap_s = CONNECTIONS / per_s if per_s else 0.0

    async def share(connection: Connection) -> int:
        length = 0
        # Not in step with the others.
        due = time.perf_counter() + random.random() * gap_s
        for _ in range(requests // CONNECTIONS):
            if gap_s:
                await asyncio.sleep(due - time.perf_counter())
                due += gap_s
            length = await connection.ask(server.request)
        return length

    lengths = await asyncio.gather(*(share(it) for it in opened))
    await asyncio.gather(*(it.close() for it in opened))
    return lengths[0]


def answers_per_cpu_s(
    server: Server, requests: int, per_s: float | None = None
) -> tuple[float, int]:
    """What a CPU-second of `server` answers, and the bytes of one answer."""
    before = server.cpu_s()
    size = asyncio.run(load(server, requests, per_s))
    return requests // CONNECTIONS * CONNECTIONS / (server.cpu_s() - before), size
