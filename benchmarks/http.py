"""A page of 20 tracks over HTTP: ours, the plain pydantic path, the floor.

`python -m benchmarks.http`: pages per CPU-second of the server process; all three run on the same
server (uvicorn, uvloop, httptools, one process) and answer the same 20 full track objects.

- ours: the catalog as deployed, `GET /v1/tracks?ids=…`: token check, parameters, every track
  asked of its cache of encoded objects, which is warm, ETag.
- pydantic: a FastAPI route that returns its models, as FastAPI's tutorial has it.
- floor: a bare ASGI function that encodes the page by msgspec. No routing, no token.

All are asked at the same rate, which each can keep: at its own full speed a fast server never
wakes the client, and a slower one pays for waking it with every answer. CPU time is the
scheduler's, in ns (the ticks of `cpu_times` are too coarse). Rounds alternate, so that a busy
machine slows all of them; the median round counts.
"""

import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.report import emit
from shared.web.serve import serve
from tests.functions.catalog import fakes
from tests.web import client_of

TRACKS, REQUESTS, CONNECTIONS, ROUNDS = 20, 3_200, 16, 5
RATE = 2_000
"""Requests a second."""
HEALTH = "/_health"


class Image(BaseModel):
    url: str
    width: int | None
    height: int | None


class Artist(BaseModel):
    external_urls: dict[str, str]
    href: str
    id: str
    name: str
    type: str
    uri: str


class Album(BaseModel):
    album_type: str
    artists: list[Artist]
    available_markets: list[str] | None = None
    external_urls: dict[str, str]
    href: str
    id: str
    images: list[Image]
    name: str
    release_date: str
    release_date_precision: str
    total_tracks: int
    type: str
    uri: str


class Track(BaseModel):
    album: Album
    artists: list[Artist]
    available_markets: list[str] | None = None
    disc_number: int
    duration_ms: int
    explicit: bool
    external_ids: dict[str, str]
    external_urls: dict[str, str]
    href: str
    id: str
    is_local: bool
    name: str
    popularity: int
    preview_url: str | None
    track_number: int
    type: str
    uri: str


class Page(BaseModel):
    tracks: list[Track]


async def catalog() -> tuple[FastAPI, str, dict[str, str]]:
    """The catalog with 20 tracks, the page's path and the listener's headers."""
    made = fakes.Catalog(
        fresh_s=2.0
    )  # by a clock that stands: on a busy machine no round is colder
    app = made.app()
    bearer = fakes.TOKENS.bearer("uploads:write")
    ids: list[str] = []
    async with client_of(app) as client:
        for number in range(TRACKS):
            asked = {"filename": f"{number}.flac", "size_bytes": 500}
            upload = (await client.post("/v1/uploads", json=asked, headers=bearer)).json()
            title = {"title": f"Song number {number}", "artists": (f"Artist {number % 5}", "Ada")}
            told = fakes.transcoded(upload, f"audio {number}", album=f"Album {number % 7}", **title)
            (await fakes.PUSHES.push(client, told)).raise_for_status()
            ids.append(upload["track_id"])
    return app, "/v1/tracks?market=SE&ids=" + ",".join(ids), bearer


async def page_of(app: FastAPI, path: str, headers: dict[str, str]) -> Any:
    """What the catalog answers: the value that the other two answer as well."""
    async with client_of(app) as client:
        response = await client.get(path, headers=headers)
    page = response.raise_for_status().json()
    assert len(page["tracks"]) == TRACKS
    assert all(page["tracks"])
    return page


def pydantic_app(page: Any) -> FastAPI:
    """The peer."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/page", response_model=Page, response_model_exclude_unset=False)
    async def get_page() -> Any:
        return page

    @app.get(HEALTH)
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def bare_app(page: Any) -> Any:
    """The floor."""
    encoder = msgspec.json.Encoder()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = encoder.encode(page)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def run_server(kind: str) -> None:
    """Print the path and the token to ask with, and serve until SIGTERM."""
    app, path, headers = asyncio.run(catalog())
    page = asyncio.run(page_of(app, path, headers))
    served = {"ours": app, "pydantic": pydantic_app(page), "floor": bare_app(page)}[kind]
    target = path if kind == "ours" else "/page"
    print(target, headers["authorization"], sep="\n", flush=True)
    serve(lambda: served)


@contextmanager
def server(kind: str) -> Iterator[tuple[psutil.Process, int, bytes]]:
    """A server process, its port, and the request to send."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.http", "--serve", kind],
        env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        path, token = process.stdout.readline().strip(), process.stdout.readline().strip()
        for _ in range(200):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{HEALTH}", timeout=5)
                break
            time.sleep(0.05)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n"
        yield psutil.Process(process.pid), port, request.encode()
    finally:
        process.terminate()
        process.wait(15)


async def load(port: int, request: bytes, requests: int) -> int:
    """Send `requests` over kept connections; the bytes of one body."""

    async def connection(count: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        length = 0
        began, gap_s = (
            time.perf_counter() + random.random() * CONNECTIONS / RATE,
            CONNECTIONS / RATE,
        )
        for number in range(count):
            await asyncio.sleep(began + number * gap_s - time.perf_counter())
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()
        await writer.wait_closed()
        return length

    share = requests // CONNECTIONS
    return (await asyncio.gather(*(connection(share) for _ in range(CONNECTIONS))))[0]


def pages_per_cpu_s(process: psutil.Process, port: int, request: bytes) -> tuple[float, int]:
    def cpu_s() -> float:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9

    before = cpu_s()
    size = asyncio.run(load(port, request, REQUESTS))
    return REQUESTS // CONNECTIONS * CONNECTIONS / (cpu_s() - before), size


def main() -> None:
    """Measure the three, and print the result."""
    if sys.argv[1:2] == ["--serve"]:
        run_server(sys.argv[2])
        return
    found: dict[str, list[float]] = {"ours": [], "pydantic": [], "floor": []}
    sizes: dict[str, int] = {}
    with server("ours") as ours, server("pydantic") as peer, server("floor") as floor:
        servers = {"ours": ours, "pydantic": peer, "floor": floor}
        for at in servers.values():
            asyncio.run(load(*at[1:], 400))
        for _ in range(ROUNDS):
            for name, at in servers.items():
                rate, sizes[name] = pages_per_cpu_s(*at)
                found[name].append(rate)
    best = {name: statistics.median(rates) for name, rates in found.items()}
    for name, rate in best.items():
        print(f"{name:<10} {rate:>9,.0f} pages per CPU-second, {sizes[name]:,} bytes each")
    emit(
        "http",
        "pages/CPU-s",
        best["ours"],
        peers={"pydantic": best["pydantic"]},
        floor=best["floor"],
        higher_is_better=True,
        tracks=TRACKS,
    )


if __name__ == "__main__":
    main()
