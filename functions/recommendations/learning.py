"""The part of the pipeline that learns: shards of listeners in, the model's objects out."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from scipy import sparse

from functions.recommendations import factors, ridge, tiles
from functions.recommendations.listening import Heard, Plays, Shard, profiles, split, weigh
from functions.recommendations.matrix import (
    MIN_LISTENERS,
    Ints,
    Matrix,
    Tally,
    Vocabulary,
    row_bounds,
)
from functions.recommendations.plan import Plan
from functions.recommendations.shelf import Shelf, model_folder, packed, unpacked

COLUMNS_PER_TILE = 50_000
"""Tracks in one object of weights: 200 weights each, 80 MB."""
PAIRS_PER_TILE = 4_000_000
MAX_SAMPLE = 200_000
"""Listeners that the factors are learned from, at most; everyone's are then folded in."""
HELD_OUT = 20
"""One listener in so many teaches the models nothing: quality is measured on these."""
NAMESPACE = "recommendations"


def shard_of(user_id: str, shards: int) -> int:
    return zlib.crc32(user_id.encode()) % shards


def held_out(user_id: str, generation: str) -> bool:
    """Whether the generation is measured on this listener; others each week."""
    return zlib.crc32(f"{generation}/{user_id}".encode()) % HELD_OUT == 0


class Weigh(beam.DoFn):
    """A block of plays → (shard, what its listeners heard)."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._plays = Metrics.counter(NAMESPACE, "plays")
        self._late = Metrics.counter(NAMESPACE, "plays of this week")

    def process(self, plays: Plays) -> Iterator[tuple[int, Heard]]:
        self._plays.inc(len(plays))
        self._late.inc(int((plays.at_ms >= self._plan.cut.timestamp() * 1000).sum()))
        numbers = np.array([shard_of(it, self._plan.shards) for it in plays.users], dtype=np.int32)
        yield from split(weigh(plays, self._plan.cut), numbers, self._plan.shards)


class Gather(beam.DoFn):
    """All that the listeners of a shard heard → their profiles."""

    def __init__(self) -> None:
        self._users = Metrics.counter(NAMESPACE, "listeners")
        self._bots = Metrics.counter(NAMESPACE, "bots")

    def process(self, element: tuple[int, Iterable[Heard]]) -> Iterator[Shard]:
        number, parts = element
        shard = profiles(number, list(parts))
        self._users.inc(len(shard.profiles))
        self._bots.inc(len(shard.bots))
        yield shard


class Teachers(beam.DoFn):
    """A shard without the listeners whom the generation is measured on."""

    def __init__(self, plan: Plan) -> None:
        self._generation = plan.generation

    def process(self, shard: Shard) -> Iterator[Shard]:
        held = np.array([held_out(it, self._generation) for it in shard.profiles.users], dtype=bool)
        rows = shard.profiles.rows.copy()
        rows.data[np.repeat(held, np.diff(rows.indptr))] = 0
        rows.eliminate_zeros()
        yield Shard(
            shard.number,
            type(shard.profiles)(shard.profiles.users, shard.profiles.tracks, rows),
            shard.markets, shard.heard, shard.bots, shard.plays,
        )  # fmt: skip


class SumTallies(beam.CombineFn):
    """Tallies of shards as one; many at a time, since each sum numbers all tracks anew."""

    def create_accumulator(self) -> list[Tally]:
        return []

    def add_input(self, accumulator: list[Tally], element: Tally) -> list[Tally]:
        accumulator.append(element)
        return [Tally.sum(accumulator)] if len(accumulator) > 32 else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Tally]]) -> list[Tally]:
        return self.compact([it for each in accumulators for it in each])

    def compact(self, accumulator: list[Tally]) -> list[Tally]:
        return [Tally.sum(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Tally]) -> Tally:
        return Tally.sum(accumulator)


def shards_of(plays: Any, plan: Plan) -> Any:
    """`Shard`s of all listeners, from blocks of plays."""
    return (
        plays
        | "weigh" >> beam.ParDo(Weigh(plan))
        | "by shard" >> beam.GroupByKey()
        | "profiles" >> beam.ParDo(Gather())
    )


def learn(shards: Any, plan: Plan, shelf: Shelf) -> tuple[Any, Any]:
    """Names of the objects of the whole model, which is then on `shelf`; and its vocabulary."""
    teachers = shards | "teachers" >> beam.ParDo(Teachers(plan))
    vocabulary = (
        teachers
        | "tally" >> beam.Map(lambda it: Tally.of(it.profiles))
        | "sum tallies" >> beam.CombineGlobally(SumTallies())
        | "vocabulary" >> beam.Map(lambda it: Vocabulary.of(it, MIN_LISTENERS))
    )
    known = pvalue.AsSingleton(vocabulary)
    bounds = pvalue.AsSingleton(vocabulary | "bounds" >> beam.Map(_bounds))
    weights = (
        tiles.solved(teachers, known, bounds)
        | "by object" >> beam.FlatMap(_by_object)
        | "objects" >> beam.GroupByKey()
        | "keep weights" >> beam.Map(_keep_weights, plan, shelf, known)
    )
    vectors = (
        teachers
        | "sample" >> beam.Map(_sample, known)
        | "together" >> beam.GroupByKey()
        | "factors" >> beam.Map(_keep_factors, plan, shelf)
    )
    words = vocabulary | "keep vocabulary" >> beam.Map(_keep_vocabulary, plan, shelf)
    return (words, weights, vectors) | "model" >> beam.Flatten(), vocabulary


def _bounds(vocabulary: Vocabulary) -> Ints:
    # A row has at most its listeners times the length of a profile entries.
    length = max(1.0, float(vocabulary.listeners.sum()) / max(1, vocabulary.users))
    return row_bounds(vocabulary.listeners, max(1, int(PAIRS_PER_TILE / length)))


def _by_object(solved: tuple[Ints, Matrix]) -> Iterator[tuple[int, tuple[Ints, Matrix]]]:
    numbers, weights = solved
    objects = numbers // COLUMNS_PER_TILE
    for each in np.unique(objects):
        own = objects == each
        yield int(each), (numbers[own] - each * COLUMNS_PER_TILE, Matrix(weights[own]))


def _keep_weights(
    element: tuple[int, Iterable[tuple[Ints, Matrix]]],
    plan: Plan,
    shelf: Shelf,
    vocabulary: Vocabulary,
) -> str:
    number, parts = element
    width = min(COLUMNS_PER_TILE, len(vocabulary) - number * COLUMNS_PER_TILE)
    own = ridge.columns(sorted(parts, key=lambda it: int(it[0][0])), len(vocabulary), width)
    name = f"{model_folder(plan.generation)}/weights-{number:05d}.npz"
    shelf.put(
        name,
        packed(data=own.data, indices=own.indices, indptr=own.indptr, shape=np.array(own.shape)),
    )
    return name


def _sample(shard: Shard, vocabulary: Vocabulary) -> tuple[int, tuple[int, Matrix]]:
    """Every so many-th listener, so that no more than `MAX_SAMPLE` meet in one worker."""
    rows = vocabulary.index(shard.profiles)
    step = -(-max(1, vocabulary.users) // MAX_SAMPLE)
    return 0, (shard.number, Matrix(rows[np.diff(rows.indptr) > 0][::step]))


def _keep_factors(
    element: tuple[int, Iterable[tuple[int, Matrix]]], plan: Plan, shelf: Shelf
) -> str:
    _, parts = element
    rows = [part for _, part in sorted(parts, key=lambda it: it[0])]
    plays = Matrix(sparse.vstack(rows))
    plays.data[:] = 1
    vectors = (
        factors.fit(plays, factors=plan.factors)
        if plays.nnz
        else np.zeros((plays.shape[1], plan.factors), dtype=np.float32)
    )
    name = f"{model_folder(plan.generation)}/factors.npz"
    shelf.put(name, packed(vectors=vectors, strength=np.array(factors.strength_of(plays))))
    return name


def _keep_vocabulary(vocabulary: Vocabulary, plan: Plan, shelf: Shelf) -> str:
    name = f"{model_folder(plan.generation)}/vocabulary.npz"
    shelf.put(
        name,
        packed(
            tracks=np.array(vocabulary.tracks, dtype=str),
            listeners=vocabulary.listeners,
            evened=vocabulary.evened,
            scale=np.array(vocabulary.scale),
            users=np.array(vocabulary.users),
        ),
    )
    return name


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation's model on its shelf."""

    shelf: Shelf
    generation: str

    def vocabulary(self) -> Vocabulary:
        found = unpacked(self._object("vocabulary.npz"))
        tracks = tuple(found["tracks"].tolist())
        return Vocabulary(
            tracks,
            found["listeners"],
            found["evened"],
            float(found["scale"]),
            int(found["users"]),
            {track: at for at, track in enumerate(tracks)},
        )

    def vectors(self) -> np.ndarray:
        return unpacked(self._object("factors.npz"))["vectors"]

    def side(self) -> factors.Side:
        """The tracks' factors, ready to fold listeners in."""
        found = unpacked(self._object("factors.npz"))
        strength = float(found.get("strength", factors.STRENGTH))
        return factors.Side.of(found["vectors"], strength=strength)

    def tiles(self) -> list[str]:
        """Names of the objects of weights, in the order of their columns."""
        return self.shelf.names(f"{model_folder(self.generation)}/weights-")

    def weights(self, name: str) -> tuple[int, Matrix]:
        """The number of an object's first column, and the columns, stored by rows."""
        found = unpacked(self.shelf.find(name) or b"")
        columns = sparse.csc_matrix(
            (found["data"], found["indices"], found["indptr"]), shape=tuple(found["shape"])
        )
        number = int(name.rpartition("-")[2].removesuffix(".npz"))
        return number * COLUMNS_PER_TILE, Matrix(columns)

    @property
    def complete(self) -> bool:
        return self.shelf.find(f"{model_folder(self.generation)}/DONE") is not None

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """An object's arrays by name; none where there is no such object."""
        data = self.shelf.find(f"{model_folder(self.generation)}/{name}")
        return unpacked(data) if data else {}

    def finish(self) -> None:
        """To be called once all of the model is kept: from then on it is never learned again."""
        self.shelf.put(f"{model_folder(self.generation)}/DONE", b"")

    def _object(self, name: str) -> bytes:
        data = self.shelf.find(f"{model_folder(self.generation)}/{name}")
        if data is None:
            raise LookupError(f"generation {self.generation} has no {name}")
        return data
