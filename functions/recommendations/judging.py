"""The part of the pipeline that finds out how much each source shall count in a generation.

Listeners who were kept out of learning have a fifth of their tracks hidden; what all sources then
propose to them are the examples that `weighing` fits.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import msgspec
import numpy as np
from apache_beam import pvalue

from functions.recommendations import weekly, weighing
from functions.recommendations.blending import WEIGHTS
from functions.recommendations.candidates import Item, gather
from functions.recommendations.crowds import Rows, crowd_of, rows_of
from functions.recommendations.learned import Learned, learned
from functions.recommendations.learning import Kept, held_out
from functions.recommendations.listening import Shard
from functions.recommendations.matrix import Ints, Matrix
from functions.recommendations.outlets import Outlet
from functions.recommendations.plan import Plan
from functions.recommendations.shelf import Shelf, model_folder
from functions.recommendations.weighing import Examples, Weights

HIDDEN = 0.2
"""The share of a held-out listener's profile that is hidden."""
FEWEST = 5
AT_ONCE = 500


def coins(generation: str, user_id: str, track_ids: Sequence[str]) -> np.ndarray:
    """Which of a held-out listener's tracks are hidden: the same whenever it is asked."""
    return np.array(
        [
            zlib.crc32(f"{generation}/{user_id}/{it}".encode()) % 1000 < HIDDEN * 1000
            for it in track_ids
        ],
        dtype=bool,
    )


class Judge(beam.DoFn):
    """What all sources propose to the held-out listeners of a shard, and whether it was hidden."""

    def __init__(self, plan: Plan, shelf: Shelf, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet
        self._kept = Kept(shelf, plan.generation)

    def process(self, shard: Shard, _rest: list[str]) -> Iterator[Examples]:
        model = learned(self._kept)
        sizes = np.diff(model.vocabulary.index(shard.profiles).indptr)
        asked = [
            row
            for row, user in enumerate(shard.profiles.users)
            if sizes[row] >= FEWEST and held_out(user, self._plan.generation)
        ]
        for start in range(0, len(asked), AT_ONCE):
            rows = rows_of(shard, asked[start : start + AT_ONCE])
            yield Examples.sum(self._examples(rows, model))

    def _examples(self, rows: Rows, model: Learned) -> Iterator[Examples]:
        seen, hidden = parted(rows, self._plan.generation, model)
        crowd = crowd_of(seen, model, self._outlet.open(), self._plan)
        # What is heard is told by the taste too, which knows of the hidden ones.
        ever = [
            {id: at for id, at in known.items() if id not in own}
            for known, own in zip(crowd.ever, hidden, strict=True)
        ]
        crowd = replace(crowd, ever=ever)
        share = model.vocabulary.listeners / max(1, int(model.vocabulary.listeners.max(initial=0)))
        for user, offered, wanted, known in zip(
            rows.users, weekly.asked(crowd, model), hidden, ever, strict=True
        ):
            new = [it for it in offered if it.track_id not in known]
            pool = gather(new, {it.track_id: Item(it.track_id, ()) for it in new})
            if not len(pool) or not wanted:
                continue
            ids = [it.track_id for it in pool.items]
            at = [model.vocabulary.places.get(it, -1) for it in ids]
            listeners = np.array([share[it] if it >= 0 else 0.0 for it in at])
            hits = np.array([it in wanted for it in ids])
            number = zlib.crc32(user.encode())
            yield weighing.example(pool.sources, pool.scores, hits, listeners, number)


def parted(rows: Rows, generation: str, model: Learned) -> tuple[Rows, list[frozenset[str]]]:
    """Listeners without what is hidden of each, and that."""
    hidden = [
        _hidden(rows, row, generation, model.vocabulary.places) for row in range(len(rows.users))
    ]
    return (
        replace(
            rows,
            profiles=_without(rows.profiles, rows.tracks, hidden),
            heard=_without(rows.heard, rows.tracks, hidden),
        ),
        hidden,
    )


def _hidden(rows: Rows, row: int, generation: str, places: Mapping[str, int]) -> frozenset[str]:
    own: Ints = rows.profiles.indices[rows.profiles.indptr[row] : rows.profiles.indptr[row + 1]]
    ids = [rows.tracks[it] for it in own if rows.tracks[it] in places]
    chosen = coins(generation, rows.users[row], ids)
    return frozenset(id for id, hide in zip(ids, chosen, strict=True) if hide)


def _without(matrix: Matrix, tracks: Sequence[str], hidden: Sequence[frozenset[str]]) -> Matrix:
    found = matrix.copy()
    rows = np.repeat(np.arange(len(hidden)), np.diff(found.indptr)).tolist()
    gone = [tracks[at] in hidden[row] for row, at in zip(rows, found.indices.tolist(), strict=True)]
    found.data[np.array(gone, dtype=bool)] = 0
    found.eliminate_zeros()
    return found


class SumExamples(beam.CombineFn):
    """Examples of all shards, no more than fit into a worker."""

    def create_accumulator(self) -> list[Examples]:
        return []

    def add_input(self, accumulator: list[Examples], element: Examples) -> list[Examples]:
        return [Examples.sum([*accumulator, element])]

    def merge_accumulators(self, accumulators: Iterable[list[Examples]]) -> list[Examples]:
        return [Examples.sum([it for each in accumulators for it in each])]

    def extract_output(self, accumulator: list[Examples]) -> Examples:
        return Examples.sum(accumulator)


def judge(shards: Any, rest: Any, plan: Plan, shelf: Shelf, outlet: Outlet) -> Any:
    """The name of the weights' object, once `rest` (all else that is learned) is there."""
    return (
        shards
        | "judge" >> beam.ParDo(Judge(plan, shelf, outlet), pvalue.AsList(rest))
        | "sum examples" >> beam.CombineGlobally(SumExamples())
        | "weigh sources" >> beam.Map(_keep, plan, shelf)
    )


def _keep(examples: Examples, plan: Plan, shelf: Shelf) -> str:
    name = f"{model_folder(plan.generation)}/weights.json"
    shelf.put(name, msgspec.json.encode(weighing.fit(examples)))
    return name


def weights_of(kept: Kept) -> Weights:
    """What a generation's lists are blended by; those set by hand where none were kept."""
    data = kept.shelf.find(f"{model_folder(kept.generation)}/weights.json")
    if data is None:
        return Weights(dict(WEIGHTS), False, "this generation was learned without weights")
    return msgspec.json.decode(data, type=Weights)
