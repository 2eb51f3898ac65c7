"""Blended answers a second on one core, from cached candidates; and how soon a play changes them.

    python -m benchmarks.serve_recommendations [--tracks N] [--users N] [--answers N]

A made-up catalogue and listeners with a batch behind them. Four figures: `blend` is the blending
alone, `answer` blending and the JSON of twenty tracks with reasons, through the same code as the
HTTP routes, `http` the whole of GET /v1/me/next-up through the ASGI app without a network, and
`changed` the time from a play event to the first answer that knows of it. The peer is what a
feed without any of that would do: the twenty best by score from a list, as JSON. The floor is the
JSON alone. CPU time of this process; garbage collection is on.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

# One core is one core: numpy must not call in others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
import numpy as np

from benchmarks.report import emit
from functions.recommendations import blending
from functions.recommendations.blending import Rules, blend
from functions.recommendations.candidates import Candidate, gather
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.generations import (
    EVERYONE,
    Pointer,
    Source,
    UserGeneration,
    user_document,
)
from functions.recommendations.generations import Candidate as Found
from functions.recommendations.known import TEXT_WIDTH, KnownTrack, stamp
from functions.recommendations.service import Service, Surroundings, assemble
from functions.recommendations.shown import Rendered, explained
from functions.recommendations.store import COLLECTIONS, Store
from shared.events import Credit, Features, TrackPlayed
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id
from shared.webapi.cards import TrackCard

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = "2026-W47"
CANDIDATES = 200
SIZE = 20
FIRST_S = 0.050


def track(n: int, rng: np.random.Generator) -> KnownTrack:
    """Track `n` of some artist, with features drawn at random."""
    id, artist = derived_id("t", str(n)), n % 5000
    card = TrackCard(
        id, 1, f"Song {n}", (Credit(derived_id("a", str(artist)), f"Artist {artist}", "main"),),
        derived_id("l", str(n // 10)), f"Album {n // 10}", "album", (), 1, 1 + n % 10, 200_000,
        n % 20 == 0, None, "c" * 64, (NOW - timedelta(days=n % 3000)).date().isoformat(),
        ("DE",) if n % 30 == 0 else (), int(rng.integers(100)), True, (f"genre {n % 40}",),
    )  # fmt: skip
    timbre = tuple(rng.normal(size=30).round(3).tolist())
    judged = rng.random(7).round(3).tolist()
    values: Any = (90 + n % 80, n % 12, n % 2, 4, *judged, -12.0, 0.6, timbre)
    return KnownTrack(id, stamp(NOW, id), card, Features(*values))


def play(user: str, n: int, at: datetime) -> TrackPlayed:
    return TrackPlayed(
        derived_id("e", user, str(n), str(at)), at, derived_id("p"), user, derived_id("t", str(n)),
        at, 200_000, "aac", 160, "ended", "SE", "premium", None, None, None,
    )  # fmt: skip


async def prepared(tracks: int, users: int) -> tuple[Service, Store, list[str]]:
    """A service with a catalogue, and listeners with a history and a batch."""
    rng = np.random.default_rng(7)
    kept = {name: MemoryDocuments(cls, what) for name, (_, cls, what) in COLLECTIONS.items()}
    store = Store(**kept)

    async def publish(event: Any) -> None:
        await asyncio.sleep(0)

    service = assemble(
        Surroundings(
            store=store, publish=publish, public_url="https://segue.test",
            new_id=lambda: "r" * 22, now=lambda: NOW, clock=time.monotonic, random=Random,
            fresh_s=600.0, pointers_s=600.0,
        )
    )  # fmt: skip
    for n in range(tracks):
        service.catalogue.put(track(n, rng))
    texts = rng.normal(size=(tracks, TEXT_WIDTH))
    service.catalogue.put_texts(
        {id: tuple(row) for id, row in zip(service.catalogue.items, texts.tolist(), strict=True)}
    )
    names = [f"user{n}" for n in range(users)]
    pointer = Pointer(EVERYONE, WEEK, None, NOW)
    await store.pointers.put(EVERYONE, pointer)
    for name in names:
        found = rng.choice(tracks, CANDIDATES, replace=False)
        because = tuple(derived_id("t", str(n)) for n in rng.integers(tracks, size=3))
        candidates = tuple(
            Found(derived_id("t", str(n)), float(score), because)
            for n, score in zip(found, -np.sort(-rng.random(CANDIDATES)), strict=True)
        )
        mine = UserGeneration(name, WEEK, NOW, (Source("listening", candidates),), (), (), ())
        await store.pointers.put(name, pointer)
        await store.users.put(user_document(WEEK, name), mine)
        for n in rng.integers(tracks, size=30):
            event = play(name, int(n), NOW - timedelta(days=int(rng.integers(1, 60))))
            await service.handlers[TrackPlayed](event)
    return service, store, names


def timed(answers: int, work: Callable[[int], object]) -> tuple[float, float, float]:
    """Answers a CPU-second, and the median and 99th percentile of one in ms."""
    for n in range(min(50, answers)):
        work(n)
    took = []
    begun = time.process_time()
    for n in range(answers):
        start = time.process_time()
        work(n)
        took.append(time.process_time() - start)
    total = time.process_time() - begun
    took.sort()
    return answers / total, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3


async def timed_async(answers: int, work: Callable[[int], Any]) -> tuple[float, float, float]:
    for n in range(min(50, answers)):
        await work(n)
    took = []
    begun = time.process_time()
    for n in range(answers):
        start = time.process_time()
        await work(n)
        took.append(time.process_time() - start)
    total = time.process_time() - begun
    took.sort()
    return answers / total, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3


async def run(tracks: int, users: int, answers: int) -> None:
    service, _, names = await prepared(tracks, users)
    serving, rendered, rng = service.serving, Rendered("https://segue.test"), Random(1)
    rules = Rules(size=SIZE)
    catalogue: Catalogue = service.catalogue
    listening = [
        Candidate(it.track_id, "listening", 1.0 / (1 + n), ())
        for n, it in enumerate(list(catalogue.items.values())[:300])
    ]
    pool = gather(listening, catalogue.items)
    listener = blending.Listener(
        "user0", "SE", True, dict.fromkeys(list(catalogue.items)[:30], 1.0)
    )
    on = NOW.date()
    alone = timed(answers, lambda n: blend(pool, listener, rules, on=on, rng=rng))

    async def answer(n: int) -> bytes:
        offer = await serving.offer(names[n % len(names)], "SE", rules, rng)
        body = {
            "tracks": rendered.tracks(catalogue, offer.items, "SE"),
            "explanations": explained(offer.items, serving.names(catalogue)),
        }
        return msgspec.json.encode(body)

    for name in names:
        await serving.offer(name, "SE", rules, rng)
    whole = await timed_async(answers, answer)

    best = sorted(listening, key=lambda it: -it.score)

    def peer(n: int) -> bytes:
        ids = [it.track_id for it in best[:SIZE]]
        return msgspec.json.encode({"tracks": [rendered.track(catalogue, id, "SE") for id in ids]})

    plain = timed(answers, peer)
    raw = [rendered.track(catalogue, it.track_id, "SE") for it in best[:SIZE]]
    floor = timed(answers, lambda n: msgspec.json.encode({"tracks": raw}))
    http = await over_http(service, names, max(100, answers // 5))
    changed = await until_changed(service, names)
    rows = {"blend": alone, "answer": whole, "http": http, "top by score": plain, "json": floor}
    for name, (rate, median, last) in rows.items():
        print(f"{name:13} {rate:9.0f}/s   p50 {median:6.3f} ms   p99 {last:6.3f} ms")
    print(
        f"from a play to a changed answer: p50 {changed[0]:.1f} ms of CPU, worst {changed[1]:.1f}"
        f" ms; p50 {changed[2]:.1f} ms by the clock, at a load of {os.getloadavg()[0]:.0f}"
    )
    emit(
        "serve_recommendations",
        "answers/s/core",
        whole[0],
        peers={"top by score, no blending": plain[0]},
        floor=floor[0],
        higher_is_better=True,
        goal=1000,
        p99_ms=round(whole[2], 3),
        blend_only=round(alone[0]),
        http=round(http[0]),
        http_p99_ms=round(http[2], 3),
        changed_p50_cpu_ms=round(changed[0], 2),
        changed_worst_cpu_ms=round(changed[1], 2),
        changed_p50_wall_ms=round(changed[2], 2),
        tracks=tracks,
    )


async def over_http(service: Service, names: list[str], answers: int) -> tuple[float, float, float]:
    """GET /v1/me/next-up through the ASGI app, the token checked."""
    from shared.web.app import create_app
    from tests.web import Tokens, client_of

    tokens = Tokens()
    heads = [tokens.bearer("streaming", sub=name) for name in names]
    app = create_app("recommendations", *service.routers, verifier=tokens.verifier())
    async with client_of(app) as client:

        async def get(n: int) -> None:
            found = await client.get("/v1/me/next-up?limit=20", headers=heads[n % len(heads)])
            assert found.status_code == 200, found.text

        for n in range(len(names)):
            await get(n)
        return await timed_async(answers, get)


async def until_changed(service: Service, names: list[str]) -> tuple[float, float, float]:
    """Milliseconds from the arrival of a play to an answer that follows it: of CPU the median and
    the worst, and the median by the clock, which others on the machine lengthen."""
    rng, rules, took, clock = Random(2), Rules(size=10), [], []
    for n, name in enumerate(names[:20]):
        begun, start = time.perf_counter(), time.process_time()
        await service.handlers[TrackPlayed](play(name, n * 3, NOW - timedelta(seconds=1)))
        asked, candidates = await service.serving.session(name, "SE")
        offer = await service.serving.offer(name, "SE", rules, rng, extra=candidates)
        took.append((time.process_time() - start) * 1e3)
        clock.append((time.perf_counter() - begun) * 1e3)
        assert asked.session[0].track_id == derived_id("t", str(n * 3))
        assert derived_id("t", str(n * 3)) not in {it.item.track_id for it in offer.items}
        assert any(it.source == "session" for it in offer.items)
    return statistics.median(took), max(took), statistics.median(clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--answers", type=int, default=2000)
    given = parser.parse_args()
    asyncio.run(run(given.tracks, given.users, given.answers))


if __name__ == "__main__":
    main()
