"""The part of the pipeline that recommends: a learned generation and shards of listeners in,
documents, lists and a summary out."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from scipy import sparse

from functions.recommendations import mixing, relating, scoring, weekly
from functions.recommendations.candidates import Candidate as Offered
from functions.recommendations.crowds import Rows, crowd_of, rows_of
from functions.recommendations.generations import (
    CHARTS,
    EVERYONE,
    ITEMS,
    NEIGHBOURS,
    POINTERS,
    RUNS,
    USERS,
    WORLD,
    Chart,
    ItemGeneration,
    Neighbour,
    Pointer,
    Run,
    UserGeneration,
    chart_document,
    item_document,
    run_document,
    user_document,
)
from functions.recommendations.judging import HIDDEN, weights_of
from functions.recommendations.learned import Learned, learned
from functions.recommendations.learning import NAMESPACE, Kept, held_out
from functions.recommendations.listening import Shard
from functions.recommendations.matrix import Ints, Matrix, Vocabulary
from functions.recommendations.mixing import Found
from functions.recommendations.outlets import Opened, Outlet, facts_of, switch
from functions.recommendations.plan import Plan
from functions.recommendations.shelf import Shelf
from functions.recommendations.summary import Summary
from functions.recommendations.tiles import Sum
from shared.events import MixPublished
from shared.zones import zone_of

RANGE = 1_000
"""Tracks whose documents one worker writes at a time."""
AT_ONCE = 500
"""Listeners whose scores are in memory together."""
CHART = 200


class Charts(beam.DoFn):
    """(market, listeners of each track there, as a row) of a shard; the world's as `WORLD`."""

    def process(self, shard: Shard, vocabulary: Vocabulary) -> Iterator[tuple[str, Matrix]]:
        rows = scoring.as_ones(vocabulary.index(shard.profiles))
        markets = np.array(shard.markets)
        for market in np.unique(markets):
            own = Matrix(sparse.csr_matrix(rows[markets == market].sum(axis=0)))
            if market and own.nnz:
                yield str(market), own
        whole = Matrix(sparse.csr_matrix(rows.sum(axis=0)))
        if whole.nnz:
            yield WORLD, whole


class KeepCharts(beam.DoFn):
    """Writes a market's chart; answers its market."""

    def __init__(self, plan: Plan, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet

    def process(self, element: tuple[str, Matrix], vocabulary: Vocabulary) -> Iterator[str]:
        market, row = element
        order = np.lexsort((row.indices, -row.data))[:CHART]
        chart = Chart(
            market,
            self._plan.generation,
            tuple(vocabulary.tracks[it] for it in row.indices[order]),
            tuple(int(it) for it in row.data[order]),
        )
        id = chart_document(self._plan.generation, market)
        self._outlet.open().put(CHARTS, {id: chart})
        yield market


class KeepItems(beam.DoFn):
    """Writes the documents of a range of tracks; answers how many, and under "related" what they
    say of artists."""

    def __init__(self, plan: Plan, shelf: Shelf, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet
        self._kept = Kept(shelf, plan.generation)

    def process(
        self, bounds: tuple[int, int], owners: tuple[Ints, tuple[str, ...]]
    ) -> Iterator[Any]:
        first, last = bounds
        model = learned(self._kept)
        vocabulary, vectors = model.vocabulary, model.vectors
        last = min(last, len(vocabulary))
        if first >= last:
            return
        near: list[list[tuple[int, float]]] = [[] for _ in range(first, last)]
        for column, weights in model.tiles():
            rows = Matrix(weights[first:last])
            for at, more in enumerate(scoring.neighbours(rows, column, NEIGHBOURS)):
                near[at] = sorted([*near[at], *more], key=lambda it: -it[1])[:NEIGHBOURS]
        lengths = np.linalg.norm(vectors[first:last], axis=1, keepdims=True)
        units = vectors[first:last] / np.where(lengths > 0, lengths, 1)
        documents = {}
        for at, row in enumerate(range(first, last)):
            track_id = vocabulary.tracks[row]
            documents[item_document(self._plan.generation, track_id)] = ItemGeneration(
                track_id,
                self._plan.generation,
                tuple(np.round(units[at].astype(float), 5).tolist()),
                tuple(Neighbour(vocabulary.tracks[it], round(w, 5)) for it, w in near[at]),
                round(float(vocabulary.listeners[row]) / max(1, vocabulary.users), 6),
            )
        self._outlet.open().put(ITEMS, documents)
        for element in relating.of_tracks(first, near, *owners).items():
            yield pvalue.TaggedOutput("related", element)
        yield len(documents)


class Recommend(beam.DoFn):
    """Fills the listeners of a shard, as many as are of the plan's zone and not filled yet."""

    def __init__(self, plan: Plan, shelf: Shelf, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet
        self._kept = Kept(shelf, plan.generation)
        self._lists = Metrics.counter(NAMESPACE, "lists")
        self._seconds = Metrics.distribution(NAMESPACE, "milliseconds of a shard")

    def process(self, shard: Shard, _learned: int) -> Iterator[Summary]:
        began = time.monotonic()
        model, weights = learned(self._kept), weights_of(self._kept).values
        total = Summary.nothing(len(model.vocabulary))
        here = _here(shard, self._plan.zone)
        total = total + _counted(total, elsewhere=len(shard.markets) - len(here))
        opened = self._outlet.open()
        for start in range(0, len(here), AT_ONCE):
            rows = here[start : start + AT_ONCE]
            ids = [shard.profiles.users[it] for it in rows]
            pointers: dict[str, Pointer] = opened.find(POINTERS, ids)
            left = [
                row
                for row, id in zip(rows, ids, strict=True)
                if id not in pointers or pointers[id].generation < self._plan.generation
            ]
            total = total + _counted(total, skipped=len(rows) - len(left))
            if left:
                total = total + self._fill(rows_of(shard, left), model, weights, opened)
            seen = len(rows)
            _tell(opened, self._plan, lambda run, seen=seen: replace(run, done=run.done + seen))
        self._lists.inc(int(total.sizes.sum()))
        self._seconds.update(int((time.monotonic() - began) * 1000))
        yield total

    def _fill(
        self, rows: Rows, model: Learned, weights: Mapping[str, float], opened: Opened
    ) -> Summary:
        plan = self._plan
        crowd = crowd_of(rows, model, opened, plan)
        found = [
            _found(rows, row, crowd, offered, plan)
            for row, offered in enumerate(weekly.asked(crowd, model))
        ]
        made = [mixing.generation_of(it, plan.generation, plan.now) for it in found]
        facts = facts_of(opened, sorted({id for it in found for id in _mentioned(it)}))
        placed = mixing.placed(facts.items, model.places(facts.items))
        lists: list[MixPublished] = []
        for listener, document in zip(found, made, strict=True):
            lists += mixing.mixes(
                listener,
                document,
                mixing.Facts(placed, facts.names),
                crowd.tastes[listener.user_id],
                on=plan.now.date(),
                weights=weights,
            )
        opened.put(USERS, {user_document(plan.generation, it.user_id): it for it in made})
        opened.publish(lists)
        switch(opened, rows.users, plan.generation, plan.now)
        summary = summed(lists, made, rows.bots, model)
        return summary + self._measured(rows, crowd.profiles, model)

    def _measured(self, rows: Rows, known: Matrix, model: Learned) -> Summary:
        """What the model finds of the listeners that it did not learn from."""
        generation, vocabulary = self._plan.generation, model.vocabulary
        asked = [
            row
            for row, user in enumerate(rows.users)
            if held_out(user, generation) and known.indptr[row + 1] - known.indptr[row] >= 5
        ]
        total = Summary.nothing(len(vocabulary))
        if not asked:
            return total
        own = Matrix(known[asked])
        hidden = np.array(
            [_coin(generation, rows.users[row], it) for row, it in _places(own, asked)], dtype=bool
        )
        seen = own.copy()
        seen.data[hidden] = 0
        seen.eliminate_zeros()
        best = model.proposed(seen, seen, 20)
        gain = 1 / np.log2(np.arange(2, 12))
        recall = ndcg = chart_recall = 0.0
        held = 0
        for at in range(len(asked)):
            wanted = own.indices[own.indptr[at] : own.indptr[at + 1]][
                hidden[own.indptr[at] : own.indptr[at + 1]]
            ]
            shown = seen.indices[seen.indptr[at] : seen.indptr[at + 1]]
            if not len(wanted) or not len(shown):
                continue
            hits = np.isin(best.tracks[at], wanted)
            held += 1
            recall += hits.sum() / len(wanted)
            ndcg += (hits[:10] * gain).sum() / gain[: min(10, len(wanted))].sum()
            # The vocabulary begins with what most listeners play.
            popular = np.setdiff1d(np.arange(min(len(vocabulary), 20 + len(shown))), shown)[:20]
            chart_recall += np.isin(popular, wanted).sum() / len(wanted)
        return total + _counted(
            total, held=held, recall=float(recall), ndcg=float(ndcg),
            chart_recall=float(chart_recall),
        )  # fmt: skip


def _counted(like: Summary, **counts: float) -> Summary:
    nothing = Summary.nothing(len(like.shown))
    return Summary(nothing.shown, nothing.sizes, **counts)  # type: ignore[arg-type]


def _places(own: Matrix, asked: Sequence[int]) -> Iterator[tuple[int, int]]:
    rows = np.repeat(np.arange(len(asked)), np.diff(own.indptr))
    return ((asked[int(row)], int(item)) for row, item in zip(rows, own.indices, strict=True))


def _coin(generation: str, user_id: str, item: int) -> bool:
    return zlib.crc32(f"{generation}/{user_id}/{item}".encode()) % 1000 < HIDDEN * 1000


def _charts(opened: Opened, generation: str, markets: Iterable[str]) -> dict[str, Chart]:
    ids = [chart_document(generation, it) for it in markets if it]
    return {it.market: it for it in opened.find(CHARTS, ids).values()}


def _found(
    rows: Rows, row: int, crowd: weekly.Crowd, offered: Sequence[Offered], plan: Plan
) -> Found:
    """What the sources found for one listener."""
    now = plan.now.timestamp()
    own = slice(rows.profiles.indptr[row], rows.profiles.indptr[row + 1])
    weights, columns = rows.profiles.data[own], rows.profiles.indices[own]
    order = np.lexsort((columns, -weights))
    return Found(
        user_id=rows.users[row],
        market=rows.markets[row] or None,
        bot=rows.users[row] in rows.bots,
        offered=offered,
        played=[(rows.tracks[columns[it]], float(weights[it])) for it in order],
        heard={id: max(0.0, (now - when) / 86_400) for id, when in crowd.ever[row].items()},
        vector=np.round(crowd.found.vectors[row].astype(float), 5).tolist(),
    )


def _mentioned(found: Found) -> Iterator[str]:
    yield from (id for id, _ in found.played[: mixing.LOVED])
    for candidate in found.offered:
        yield candidate.track_id
        yield from candidate.because


def summed(
    lists: Sequence[MixPublished],
    made: Sequence[UserGeneration],
    bots: frozenset[str],
    model: Learned,
) -> Summary:
    """The numbers of some listeners' lists."""
    vocabulary = model.vocabulary
    total = Summary.nothing(len(vocabulary))
    weekly = [it for it in lists if it.kind == "discover-weekly"]
    bits = -np.log2(np.maximum(1, vocabulary.listeners) / max(1, vocabulary.users))
    novelty, explained, tracks, beyond = 0.0, 0, 0, 0
    for mix in weekly:
        total.sizes[min(30, len(mix.track_ids))] += 1
        tracks += len(mix.track_ids)
        explained += sum(bool(it) for it in mix.reasons)
        for track_id in mix.track_ids:
            place = vocabulary.places.get(track_id)
            beyond += track_id in model.unheard.places
            if place is not None:
                total.shown[place] += 1
                novelty += float(bits[place])
    return total + _counted(
        total,
        listeners=len(made),
        bots=sum(it.user_id in bots for it in made),
        empty=len(made) - len(weekly),
        mixes=len(lists) - len(weekly),
        explained=explained,
        tracks=tracks,
        beyond=beyond,
        novelty=novelty,
    )


class SumSummaries(beam.CombineFn):
    """Summaries of shards as one."""

    def create_accumulator(self) -> Summary | None:
        return None

    def add_input(self, accumulator: Summary | None, element: Summary) -> Summary:
        return element if accumulator is None else accumulator + element

    def merge_accumulators(self, accumulators: Iterable[Summary | None]) -> Summary | None:
        parts = [it for it in accumulators if it is not None]
        return Summary.sum(parts) if parts else None

    def extract_output(self, accumulator: Summary | None) -> Summary:
        return accumulator if accumulator is not None else Summary.nothing(0)


def keep(
    shards: Any, model: Any, owners: Any, plan: Plan, shelf: Shelf, outlet: Outlet
) -> tuple[Any, Any]:
    """Documents of tracks and charts, once the objects that `model` names are there, and word of
    related artists. Answers how many tracks, and what else must be there before they are served.

    `owners`: whose tracks those of the vocabulary are, as `stocking` tells.
    """
    kept = Kept(shelf, plan.generation)
    whole = model | "all of model" >> beam.combiners.ToList()
    vocabulary = whole | "read vocabulary" >> beam.Map(lambda _, kept: kept.vocabulary(), kept)
    known = pvalue.AsSingleton(vocabulary)
    items = (
        vocabulary
        | "ranges" >> beam.FlatMap(lambda it: [(at, at + RANGE) for at in range(0, len(it), RANGE)])
        | "spread ranges" >> beam.Reshuffle()
        | "keep tracks"
        >> beam.ParDo(KeepItems(plan, shelf, outlet), pvalue.AsSingleton(owners)).with_outputs(
            "related", main="tracks"
        )
    )
    tracks = items.tracks | "count tracks" >> beam.CombineGlobally(sum)
    charts = (
        shards
        | "charts" >> beam.ParDo(Charts(), known)
        | "sum charts" >> beam.CombinePerKey(Sum())
        | "keep charts" >> beam.ParDo(KeepCharts(plan, outlet), known)
    )
    told = (
        items.related
        | "by artist" >> beam.GroupByKey()
        | "nearest artists" >> beam.MapTuple(lambda id, parts: (id, relating.related(parts)))
        | "some artists" >> beam.BatchElements(min_batch_size=50, max_batch_size=500)
        | "tell of artists" >> beam.ParDo(relating.Tell(plan, outlet))
    )
    rest = (charts, told | "told" >> beam.Map(str)) | "beside tracks" >> beam.Flatten()
    return tracks, rest


def finish(tracks: Any, rest: Any, plan: Plan, shelf: Shelf, outlet: Outlet) -> Any:
    """Marks the generation as learned once all of it is there, and serves it to those who have
    none. Answers one element."""
    kept = Kept(shelf, plan.generation)
    return tracks | "learned" >> beam.Map(_learned, pvalue.AsList(rest), plan, kept, outlet)


def _learned(tracks: int, _rest: list[str], plan: Plan, kept: Kept, outlet: Outlet) -> int:
    kept.finish()
    switch(outlet.open(), [EVERYONE], plan.generation, plan.now)
    return tracks


def ready(shards: Any, learned: Any, plan: Plan, outlet: Outlet) -> Any:
    """Tells, once `learned` is there, how many listeners are to be filled."""
    total = (
        shards
        | "count listeners" >> beam.Map(lambda it: len(_here(it, plan.zone)))
        | "sum listeners" >> beam.CombineGlobally(sum)
    )
    return learned | "ready" >> beam.Map(_ready, pvalue.AsSingleton(total), plan, outlet)


def _ready(tracks: int, total: int, plan: Plan, outlet: Outlet) -> int:
    _tell(outlet.open(), plan, lambda run: replace(run, stage="recommending", done=0, total=total))
    return tracks


def _tell(opened: Opened, plan: Plan, change: Callable[[Run], Run]) -> None:
    """Change what the run's document says, if there is one."""

    def told(run: Run | None) -> Run | None:
        return None if run is None else replace(change(run), updated_at=datetime.now(UTC))

    opened.change(RUNS, {run_document(plan.generation, plan.zone): told})


def _here(shard: Shard, zone: str) -> list[int]:
    """The rows of a shard that live in the zone."""
    return [row for row, it in enumerate(shard.markets) if zone in ("all", zone_of(it).name)]


def recommend(shards: Any, learned: Any, plan: Plan, shelf: Shelf, outlet: Outlet) -> Any:
    """The summary of all shards, each of which is filled once `learned` is there."""
    return (
        shards
        | "recommend" >> beam.ParDo(Recommend(plan, shelf, outlet), pvalue.AsSingleton(learned))
        | "sum summaries" >> beam.CombineGlobally(SumSummaries())
    )
