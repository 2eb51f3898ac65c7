"""The batch as one Beam pipeline. The same object runs on Dataflow and on Beam's local runner.

    plays ─ weigh ─ by shard ─ profiles ┬ learn: vocabulary, weights tile by tile, factors ─ model
    catalog ─ by blocks ────────────────┼ stock: unheard-of tracks and what is like them, releases
                                        ├ tracks' documents, charts, related artists
                                        ├ judge: what each source shall count ─ learned
                                        └ recommend (after learned) ─ summary ─ report

A generation that is learned already, by another zone's run of the same week or by one that was cut
off, is not learned again; listeners who are filled already are passed over.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import apache_beam as beam

from functions.recommendations import judging, learning, recommending, report, stocking
from functions.recommendations.blending import WEIGHTS
from functions.recommendations.generations import (
    CHARTS,
    ITEMS,
    RUNS,
    USERS,
    Run,
    before,
    run_document,
)
from functions.recommendations.learning import Kept
from functions.recommendations.outlets import Outlet
from functions.recommendations.plan import Plan
from functions.recommendations.plays import Source
from functions.recommendations.shelf import Shelf, zone_folder
from functions.recommendations.summary import Summary, drift
from functions.recommendations.weekly import WEEKLY

KEPT = 2
"""Generations before this one that stay: readers may be a week behind, a zone a day."""


def build(pipeline: Any, plan: Plan, source: Source, shelf: Shelf, outlet: Outlet) -> None:
    """Put every step onto `pipeline`, which is not run here."""
    kept = Kept(shelf, plan.generation)
    shards = learning.shards_of(source.read(pipeline), plan)
    if kept.complete:
        learned = pipeline | "learned before" >> beam.Create([0])
    else:
        _stage(outlet, plan, "learning")
        model, vocabulary = learning.learn(shards, plan, shelf)
        catalog = stocking.read(pipeline, plan, outlet)
        stock, owners = stocking.stock(catalog, vocabulary, plan, shelf)
        objects = (model, stock) | "model and stock" >> beam.Flatten()
        tracks, rest = recommending.keep(shards, objects, owners, plan, shelf, outlet)
        weighed = judging.judge(shards, rest, plan, shelf, outlet)
        whole = (rest, weighed) | "beside tracks and weights" >> beam.Flatten()
        learned = recommending.finish(tracks, whole, plan, shelf, outlet)
    ready = recommending.ready(shards, learned, plan, outlet)
    summary = recommending.recommend(shards, ready, plan, shelf, outlet)
    _ = summary | "finish" >> beam.Map(finish, plan, shelf, outlet)


def _stage(outlet: Outlet, plan: Plan, stage: str) -> None:
    def to(run: Run | None) -> Run | None:
        return None if run is None else replace(run, stage=stage)

    outlet.open().change(RUNS, {run_document(plan.generation, plan.zone): to})


def finish(summary: Summary, plan: Plan, shelf: Shelf, outlet: Outlet) -> None:
    """Keep the figures and the report, tell how the run went, clear generations long gone.

    A run that filled nobody (all were filled before) leaves an earlier run's report alone.
    """
    folder = zone_folder(plan.generation, plan.zone)
    known = shelf.find(f"{folder}/summary.json")
    vocabulary = Kept(shelf, plan.generation).vocabulary()
    if summary.listeners or known is None:
        facts = {
            "generation": plan.generation,
            "zone": plan.zone,
            "made_at": plan.now.isoformat(),
            "counts": {**summary.counts(), "vocabulary": len(vocabulary)},
            "figures": summary.figures(vocabulary.listeners),
            "sizes": summary.sizes.tolist(),
            "weights": _weights(Kept(shelf, plan.generation)),
            "shown": {
                vocabulary.tracks[at]: int(summary.shown[at])
                for at in (-summary.shown).argsort(kind="stable")[:2_000].tolist()
                if summary.shown[at]
            },
            "lorenz_shown": report.lorenz(summary.shown),
            "lorenz_plays": report.lorenz(vocabulary.listeners),
        }
        past = _past(shelf, plan)
        facts["figures"]["drift"] = _drifted(facts, past)
        shelf.put(f"{folder}/summary.json", json.dumps(facts).encode())
        shelf.put(f"{folder}/report.html", report.page([*past, facts]).encode())
    else:
        facts = json.loads(known)
    _told(facts, f"{folder}/report.html", plan, outlet)
    _swept(plan, outlet)


def _weights(kept: Kept) -> dict[str, Any]:
    """What each weekly source counted, what it would by hand, and why."""
    used = judging.weights_of(kept)
    return {
        "used": {it: used.values[it] for it in WEEKLY},
        "by_hand": {it: WEIGHTS[it] for it in WEEKLY},
        "adopted": used.adopted,
        "why": used.why,
        "listeners": used.listeners,
    }


def _past(shelf: Shelf, plan: Plan, weeks: int = 8) -> list[dict[str, Any]]:
    """The zone's figures of weeks before, oldest first; weeks without a batch are left out."""
    found: list[dict[str, Any]] = []
    generation = plan.generation
    for _ in range(weeks):
        generation = before(generation)
        data = shelf.find(f"{zone_folder(generation, plan.zone)}/summary.json")
        if data is not None:
            found.insert(0, json.loads(data))
    return found


def _drifted(facts: dict[str, Any], past: list[dict[str, Any]]) -> float:
    """How far what is shown moved since the last batch, 0 to 1; 0 for the first one."""
    return drift(_shares(facts["shown"]), _shares(past[-1]["shown"])) if past else 0.0


def _shares(shown: dict[str, int]) -> dict[str, float]:
    total = sum(shown.values()) or 1
    return {id: count / total for id, count in shown.items()}


def _told(facts: dict[str, Any], page: str, plan: Plan, outlet: Outlet) -> None:
    def done(run: Run | None) -> Run:
        began = run.started_at if run else plan.now
        total = facts["counts"]["listeners"] + facts["counts"]["skipped"]
        return Run(
            plan.generation, plan.zone, "done", "done", total, total, began, plan.now,
            facts["counts"], facts["figures"], None, page,
        )  # fmt: skip

    outlet.open().change(RUNS, {run_document(plan.generation, plan.zone): done})


def _swept(plan: Plan, outlet: Outlet) -> None:
    generation = plan.generation
    for _ in range(KEPT):
        generation = before(generation)
    opened = outlet.open()
    for _ in range(KEPT):  # a week without a batch leaves a gap
        generation = before(generation)
        for collection in (USERS, ITEMS, CHARTS):
            opened.delete_generation(collection, generation)


def counters(metrics: Iterable[Any]) -> dict[str, int]:
    """Beam's counters of a finished run by name."""
    return {it.key.metric.name: int(it.committed or it.attempted or 0) for it in metrics}
