"""A page of 20 tracks over HTTP: ours, the plain pydantic path, the floor.

`python -m benchmarks.http`: pages per CPU-second of the server process; all three run on the same
server (uvicorn, uvloop, httptools, one process) and answer the same 20 full track objects.

- ours: the catalog as deployed, `GET /v1/tracks?ids=…`: token check, parameters, every track
  asked of its cache of encoded objects, which is warm, ETag.
- pydantic: a FastAPI route that returns its models, as FastAPI's tutorial has it.
- floor: a bare ASGI function that encodes the page by msgspec. No routing, no token.

All are asked at the same rate, which each can keep: at its own full speed a fast server never
wakes the client, and a slower one pays for waking it with every answer. Rounds alternate, so that
a busy machine slows all of them; the median round counts.
"""

import asyncio
import statistics
import sys
from contextlib import ExitStack
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.report import emit
from benchmarks.serving import HEALTH, answers_per_cpu_s, load, request_of, run, server
from tests.functions.catalog import fakes
from tests.web import client_of

TRACKS, REQUESTS, ROUNDS = 20, 3_200, 5
RATE = 2_000
"""Requests a second."""


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
    """Serve until SIGTERM."""
    app, path, headers = asyncio.run(catalog())
    page = asyncio.run(page_of(app, path, headers))
    served = {"ours": app, "pydantic": pydantic_app(page), "floor": bare_app(page)}[kind]
    run(served, request_of("GET", path if kind == "ours" else "/page", headers))


def main() -> None:
    """Measure the three, and print the result."""
    if sys.argv[1:2] == ["--serve"]:
        run_server(sys.argv[2])
        return
    found: dict[str, list[float]] = {"ours": [], "pydantic": [], "floor": []}
    sizes: dict[str, int] = {}
    with ExitStack() as stack:
        servers = {it: stack.enter_context(server("benchmarks.http", it)) for it in found}
        for it in servers.values():
            asyncio.run(load(it, 400))
        for _ in range(ROUNDS):
            for name, it in servers.items():
                rate, sizes[name] = answers_per_cpu_s(it, REQUESTS, RATE)
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
