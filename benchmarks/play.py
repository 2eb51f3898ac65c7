"""`POST /v1/plays`, warm: ours, the same over plain FastAPI, the bare framework.

`python -m benchmarks.play`: answers per CPU-second of the server process, and latency at 70% of
what that gives. All run on the same server (uvicorn, uvloop, httptools, one process).

- ours: playback as deployed, over documents in memory: token, track, rights by the compiled table,
  the plan's stream (one document read), three edges ranked and signed, cookie, JSON.
- bare: the bare framework: a FastAPI route with the same request body that answers bytes it has.
- hello: FastAPI answering a constant to a GET, the least that it can do.

Rounds alternate, so that a busy machine slows all of them; the median round counts. The latency is
measured in this process, with requests at fixed times, whether or not earlier ones have been
answered; it includes this process' own share of a machine with few cores, and whatever else runs
there. What playback itself is answerable for is `queued_p99_ms`: Poisson arrivals at 70% load
through one server whose service times are the CPU times of single requests, as measured.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from dataclasses import replace

from fastapi import FastAPI, Response
from pydantic import BaseModel

from benchmarks.report import emit
from benchmarks.serving import (
    HEALTH,
    Connection,
    Server,
    answers_per_cpu_s,
    connections,
    load,
    request_of,
    run,
    server,
)
from functions.playback.edges import Edge
from tests.functions.playback.events import TRACK
from tests.functions.playback.service import TOKENS, Service

REQUESTS, ROUNDS = 2_000, 5
LATENCY_S = 8.0
LOAD = 0.7
EDGES = (
    Edge("eu", "https://edge-eu.segue.example", 50.45, 3.82, 400),
    Edge("us", "https://edge-us.segue.example", 33.2, -80.01, 200),
)
GEO = {"x-client-geo-region": "SE", "x-client-geo-location": "59.33,18.06"}


class Play(BaseModel):
    track_id: str


async def playback() -> tuple[FastAPI, dict[str, str]]:
    """Playback with one track, and a listener's headers."""
    service = Service(edges=EDGES)
    await service.ready()
    service.playables._ttl_s = float("inf")  # warm, by a clock that stands
    return service.app(), {**TOKENS.bearer(sub="a-person", exp=int(time.time()) + 9000), **GEO}


def bare_app(body: bytes) -> FastAPI:
    """The bare framework, with an answer of the same size."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/plays")
    async def play(asked: Play) -> Response:
        return Response(body, 201, media_type="application/json")

    @app.get("/hello")
    async def hello() -> Response:
        return Response(b'{"hello":"world"}', media_type="application/json")

    @app.get(HEALTH)
    async def health() -> Response:
        return Response(b"ok")

    return app


def run_server(kind: str) -> None:
    """Serve until SIGTERM."""
    app, headers = asyncio.run(playback())
    request = request_of("POST", "/v1/plays", headers, json.dumps({"track_id": TRACK}).encode())
    run(app if kind == "ours" else bare_app(b'{"play":"' + b"x" * 5000 + b'"}'), request)


async def latencies(server: Server, per_s: float, seconds: float) -> list[float]:
    """Milliseconds of each of the requests that fall due at `per_s`."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = await connections(server.port, 64)
    for it in opened:
        free.put_nowait(it)
    found: list[float] = []

    async def one(due: float) -> None:
        connection = await free.get()
        await connection.ask(server.request)
        free.put_nowait(connection)
        found.append(1000 * (time.perf_counter() - due))

    began, tasks = time.perf_counter(), []
    for number in range(int(per_s * seconds)):
        due = began + number / per_s
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.ensure_future(one(due)))
    await asyncio.gather(*tasks)
    await asyncio.gather(*(it.close() for it in opened))
    return sorted(found)


async def service_times(requests: int) -> list[float]:
    """CPU seconds of each of many plays, in this process, without the HTTP server's own share."""
    app, headers = await playback()
    body = json.dumps({"track_id": TRACK}).encode()
    more = {"content-type": "application/json", "content-length": str(len(body))}
    scope = {
        "type": "http", "method": "POST", "path": "/v1/plays", "raw_path": b"/v1/plays",
        "query_string": b"", "scheme": "http", "server": ("h", 1), "client": ("c", 1),
        "headers": [(k.encode(), v.encode()) for k, v in {**headers, **more}.items()],
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    found: list[float] = []
    for _ in range(requests):
        began = time.thread_time()
        await app(dict(scope), receive, send)  # type: ignore[arg-type]
        found.append(time.thread_time() - began)
    assert set(statuses) == {201}
    return found[200:]


def queued_ms(services: list[float], load_share: float, part: float) -> float:
    """The time in the system that `part` of Poisson arrivals stay below (Lindley's recursion)."""
    rng, mean = random.Random(7), statistics.fmean(services)
    wait, stays = 0.0, []
    for _ in range(100_000):
        service = rng.choice(services)
        stays.append(wait + service)
        wait = max(0.0, wait + service - rng.expovariate(load_share / mean))
    return 1000 * sorted(stays)[int(len(stays) * part)]


def main() -> None:
    """Measure, and print the result."""
    if sys.argv[1:2] == ["--serve"]:
        run_server(sys.argv[2])
        return
    found: dict[str, list[float]] = {"ours": [], "bare": [], "hello": []}
    sizes: dict[str, int] = {}
    with server("benchmarks.play", "ours") as ours, server("benchmarks.play", "bare") as bare:
        hello = replace(bare, request=request_of("GET", "/hello", {}))
        servers = {"ours": ours, "bare": bare, "hello": hello}
        for it in servers.values():
            asyncio.run(load(it, 480))
        for _ in range(ROUNDS):
            for name, it in servers.items():
                rate, sizes[name] = answers_per_cpu_s(it, REQUESTS)
                found[name].append(rate)
        best = {name: statistics.median(rates) for name, rates in found.items()}
        for name, rate in best.items():
            print(f"{name:<6} {rate:>9,.0f} answers per CPU-second, {sizes[name]:,} bytes each")
        began = time.perf_counter()
        asyncio.run(load(ours, REQUESTS))
        capacity = REQUESTS / (time.perf_counter() - began)
        waits = asyncio.run(latencies(ours, LOAD * capacity, LATENCY_S))
    p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    print(
        f"at {LOAD:.0%} of {capacity:,.0f} answers/s: p50 {p50:.2f} ms, p99 {p99:.2f} ms,"
        f" of {len(waits):,}"
    )
    services = asyncio.run(service_times(3_200))
    # The HTTP server takes its share of every answer's time.
    whole = 1 / best["ours"] / statistics.fmean(services)
    queued = queued_ms([it * whole for it in services], LOAD, 0.99)
    print(f"by CPU times alone: p99 {queued:.2f} ms at {LOAD:.0%} load")
    emit(
        "play",
        "answers/CPU-s",
        best["ours"],
        peers={"bare": best["bare"]},
        floor=best["hello"],
        higher_is_better=True,
        p50_ms=round(p50, 2),
        p99_ms=round(p99, 2),
        queued_p99_ms=round(queued, 2),
        load=LOAD,
    )


if __name__ == "__main__":
    main()
