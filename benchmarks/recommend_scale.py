"""The batch's learning as a Beam pipeline beside the same arithmetic in plain scipy.

    python -m benchmarks.recommend_scale [--times 10] [--growth] [--memory] [--every 4]

×k is k copies of the listening data: listeners are each copy's own, and so are all tracks but the
`SHARED` most played, which everyone shares, so that hot tracks grow hotter. `--growth` shows CPU
at ×1, ×4 and ×16, `--memory` what the largest element of each step allocates, both on each
`--every`-th listener.
"""

import argparse
import contextlib
import gc
import json
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from benchmarks.recommend_data import Matrix, load
from benchmarks.report import emit
from functions.recommendations import factors, learning, ridge, tiles
from functions.recommendations.listening import Plays, profiles, weigh
from functions.recommendations.matrix import Tally, Vocabulary
from functions.recommendations.plan import Plan, shards_for
from functions.recommendations.scoring import as_ones
from functions.recommendations.shelf import FolderShelf

SHARED = 500
ROWS = 50_000
NOW = datetime(2026, 11, 16, 3, tzinfo=UTC)
PLAYED_MS = int((NOW - timedelta(days=9)).timestamp() * 1000)
GROWTH = (1, 4, 16)


def world(times: int, every: int = 1) -> list[Plays]:
    """Blocks of plays of `times` copies of each `every`-th listener."""
    plays = Matrix(load().plays[::every])
    order = np.argsort(-np.asarray(plays.sum(axis=0)).ravel(), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return [it for copy in range(times) for it in _copy(plays, rank, copy)]


def _copy(plays: Matrix, rank: np.ndarray, copy: int) -> Iterator[Plays]:
    rows = np.repeat(np.arange(plays.shape[0]), np.diff(plays.indptr))
    places = rank[plays.indices]
    for begin in range(0, plays.nnz, ROWS):
        users, user = np.unique(rows[begin : begin + ROWS], return_inverse=True)
        tracks, track = np.unique(places[begin : begin + ROWS], return_inverse=True)
        count = len(user)
        yield Plays(
            tuple(f"u{copy}-{it}" for it in users),
            ("SE",) * len(users),
            tuple(f"t{it}" if it < SHARED else f"t{copy}-{it}" for it in tracks),
            user.astype(np.int32),
            track.astype(np.int32),
            np.full(count, PLAYED_MS),
            np.full(count, 200_000),
            np.full(count, 200_000),
        )


@dataclass(frozen=True)
class Blocks:
    """A source of blocks that are there already, as a bundle of files would be."""

    kept: tuple[Plays, ...]

    def read(self, pipeline: Any) -> Any:
        _BLOCKS[:] = self.kept
        numbers = list(range(len(self.kept)))
        return pipeline | beam.Create(numbers) | beam.Reshuffle() | beam.Map(_block)


_BLOCKS: list[Plays] = []


def _block(number: int) -> Plays:
    return _BLOCKS[number]


def beam_cpu_s(blocks: Sequence[Plays], shards: int) -> float:
    """CPU seconds of the pipeline up to the whole model on its shelf."""
    plan = Plan("2026-W47", "all", shards, NOW)
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            known = learning.shards_of(Blocks(tuple(blocks)).read(pipeline), plan)
            _ = learning.learn(known, plan, FolderShelf(Path(folder)))
        return time.process_time() - began


def scipy_cpu_s(blocks: Sequence[Plays]) -> float:
    """CPU seconds of the same in one process, with all of it in memory."""
    plan = Plan("2026-W47", "all", 1, NOW)
    gc.collect()
    began = time.process_time()
    shard = profiles(0, [weigh(it, plan.cut) for it in blocks])
    rows = shard.profiles.rows
    held = [learning.held_out(it, plan.generation) for it in shard.profiles.users]
    rows.data[np.repeat(held, np.diff(rows.indptr))] = 0
    rows.eliminate_zeros()
    vocabulary = Vocabulary.of(Tally.of(shard.profiles))
    known = vocabulary.index(shard.profiles)
    ridge.fit(known, vocabulary.evened, vocabulary.scale, np.diff(rows.indptr))
    factors.fit(as_ones(known))
    return time.process_time() - began


def peaks(blocks: Sequence[Plays], shards: int) -> dict[str, int]:
    """Bytes that a step's largest element allocates at most, by step."""
    found: dict[str, int] = {}
    steps: dict[str, type] = {
        "weigh": learning.Weigh, "profiles": learning.Gather, "count": tiles.Count,
        "blocks": tiles.Blocks, "answer": tiles.Answer, "solve": tiles.Solve,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        for name, step in steps.items():
            stack.enter_context(_measured(step, name, found))
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        beam_cpu_s(blocks, shards)
    return found


@contextlib.contextmanager
def _measured(step: type, name: str, found: dict[str, int]) -> Iterator[None]:
    plain = step.process

    def process(self: Any, *arguments: Any, **more: Any) -> Iterator[Any]:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for element in plain(self, *arguments, **more):
            found[name] = max(found.get(name, 0), tracemalloc.get_traced_memory()[1] - before)
            yield element
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()

    step.process = process
    try:
        yield
    finally:
        step.process = plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="of the listeners, for these two")
    given = parser.parse_args()
    more: dict[str, Any] = {}
    beam_cpu_s(world(1)[:1], 1)  # Beam loads and compiles what it needs
    if given.memory:
        more["peak_mb"] = {}
        for times in GROWTH:
            found = peaks(world(times, given.every), times)
            shown = {name: round(size / 1e6, 1) for name, size in found.items()}
            print(f"×{times}: peak MB of a step's largest element: {json.dumps(shown)}", flush=True)
            more["peak_mb"] |= {f"x{times}": max(shown.values())}  # type: ignore[operator]
    if given.growth:
        seconds = {}
        for times in GROWTH:
            blocks = world(times, given.every)
            seconds[times] = beam_cpu_s(blocks, max(1, times // 2))
            print(f"×{times}: {seconds[times]:.1f} CPU-s, {seconds[times] / times:.2f} per ×1")
        # What a run without a play costs is no growth.
        fixed = beam_cpu_s([], 1)
        per = {it: (seconds[it] - fixed) / it for it in GROWTH}
        more["growth"] = {f"x{it}": round(per[it] / per[1], 2) for it in GROWTH}
    blocks = world(given.times)
    plays = sum(map(len, blocks))
    ours = beam_cpu_s(blocks, shards_for(plays))
    floor = scipy_cpu_s(blocks)
    print(f"×{given.times}: {plays:,} plays; pipeline {ours:.1f} CPU-s, scipy {floor:.1f} CPU-s")
    emit(
        "recommend-scale",
        f"CPU-s to learn from the listening data ×{given.times}",
        ours,
        peers={"scipy, one process": floor},
        floor=floor,
        higher_is_better=False,
        **more,
    )


if __name__ == "__main__":
    main()
