"""The co-occurrence matrix in tiles of rows, as steps of a Beam pipeline.

    profiles of a shard ── each tile's part of it ── summed tile by tile (combiner)
    a tile ── neighbourhoods of its rows ── blocks of tracks to solve together
    a block ── asks the tiles that own rows that it needs ── answers meet the block ── solved

Elements are blocks of numbers, never single pairs; no worker holds more than a tile and a block.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam import pvalue

from functions.recommendations import ridge
from functions.recommendations.listening import Shard
from functions.recommendations.matrix import Ints, Matrix, Vocabulary

PAIRS_AT_ONCE = 8_000_000
"""Co-occurrences that a worker counts before it hands them on: some 100 MB."""
FANOUT = 16
"""Workers that pre-sum a tile of much played tracks: all shards have something to add to it."""
HOT_TILES = 4
MANY_SHARDS = 64


class Count(beam.DoFn):
    """A shard's part of each tile: (tile, rows of G)."""

    def process(
        self, shard: Shard, vocabulary: Vocabulary, bounds: Ints
    ) -> Iterator[tuple[int, Matrix]]:
        rows = vocabulary.index(shard.profiles)
        played = ridge.evened(rows, np.diff(shard.profiles.rows.indptr))
        pairs = np.cumsum(np.diff(played.indptr).astype(np.int64) ** 2)
        begin = 0
        while begin < played.shape[0]:
            before = pairs[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(pairs, before + PAIRS_AT_ONCE)))
            part = played[begin:end]
            both = Matrix(part.T @ part)
            for tile in range(len(bounds) - 1):
                rows_of = both[bounds[tile] : bounds[tile + 1]]
                if rows_of.nnz:
                    yield tile, rows_of
            begin = end


class Sum(beam.CombineFn):
    """Sums matrices of one shape; parts wait until they outweigh what they are added to."""

    def create_accumulator(self) -> list[Matrix]:
        return []

    def add_input(self, accumulator: list[Matrix], element: Matrix) -> list[Matrix]:
        accumulator.append(element)
        waiting = sum(it.nnz for it in accumulator[1:])
        if len(accumulator) > 1 and waiting >= max(accumulator[0].nnz, 1_000_000):
            return [_total(accumulator)]
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Matrix]]) -> list[Matrix]:
        merged: list[Matrix] = []
        for each in accumulators:
            for part in each:
                merged = self.add_input(merged, part)
        return merged

    def compact(self, accumulator: list[Matrix]) -> list[Matrix]:
        return [_total(accumulator)] if accumulator else accumulator

    def extract_output(self, accumulator: list[Matrix]) -> Matrix:
        return _total(accumulator)


def _total(parts: list[Matrix]) -> Matrix:
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    found.sort_indices()
    return found


class Blocks(beam.DoFn):
    """The blocks of a tile, and what each asks of the tiles: outputs `block` and `ask`."""

    def process(
        self, element: tuple[int, Matrix], vocabulary: Vocabulary, bounds: Ints
    ) -> Iterator[Any]:
        tile, rows = element
        first = int(bounds[tile])
        near = ridge.neighbourhoods(rows, first, vocabulary.evened)
        for number, block in enumerate(ridge.blocks(near, first)):
            key = (tile, number)
            yield pvalue.TaggedOutput("block", (key, block))
            owners = np.searchsorted(bounds, block.needed, side="right") - 1
            for owner in np.unique(owners):
                yield pvalue.TaggedOutput("ask", (int(owner), (key, block.needed)))


class Answer(beam.DoFn):
    """A tile's part in what a block needs: (block, rows of G up to the diagonal)."""

    def process(
        self, element: tuple[int, dict[str, Iterable[Any]]], bounds: Ints
    ) -> Iterator[tuple[tuple[int, int], ridge.Half]]:
        owner, found = element
        for tile in found["tile"]:
            for key, needed in found["ask"]:
                yield key, ridge.half(tile, int(bounds[owner]), needed)


class Solve(beam.DoFn):
    """A block and the answers that it asked for → (numbers of its tracks, their weights)."""

    def process(
        self,
        element: tuple[tuple[int, int], dict[str, Iterable[Any]]],
        vocabulary: Vocabulary,
    ) -> Iterator[tuple[Ints, Matrix]]:
        _, found = element
        for block in found["block"]:
            among = ridge.whole(found["answer"], len(block.needed))
            weights = ridge.solve(block, among, vocabulary.evened, vocabulary.scale)
            yield block.rows, weights


def solved(shards: Any, vocabulary: Any, bounds: Any) -> Any:
    """(numbers, weights) of all tracks, from the profiles of all shards.

    `vocabulary` and `bounds` are side inputs (`AsSingleton`).
    """
    counted = shards | "count" >> beam.ParDo(Count(), vocabulary, bounds)
    summed: Any = beam.CombinePerKey(Sum())
    tiles = counted | "sum tiles" >> summed.with_hot_key_fanout(_fanout)
    blocks = tiles | "blocks" >> beam.ParDo(Blocks(), vocabulary, bounds).with_outputs(
        "block", "ask"
    )
    answers = (
        {"tile": tiles, "ask": blocks.ask}
        | "ask tiles" >> beam.CoGroupByKey()
        | "answer" >> beam.ParDo(Answer(), bounds)
    )
    return (
        {"block": blocks.block, "answer": answers}
        | "meet answers" >> beam.CoGroupByKey()
        | "solve" >> beam.ParDo(Solve(), vocabulary)
    )


def _fanout(tile: int) -> int:
    return FANOUT if tile < HOT_TILES else 1
