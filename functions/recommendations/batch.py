"""The weekly batch: `python -m functions.recommendations.batch --zone europe …`.

On Dataflow the flex template's launcher starts it with the parameters of the launch and submits the
pipeline; locally it runs on Beam's own runner. Whatever is left out has no say in what is made:
the same week, fired twice, is made once.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from functions.recommendations import pipeline
from functions.recommendations.generations import (
    RUNS,
    Run,
    begins,
    generation_of,
    run_document,
)
from functions.recommendations.outlets import CloudOutlet, FolderOutlet, Outlet
from functions.recommendations.plan import Plan, shards_for
from functions.recommendations.plays import AvroSource, BigQuerySource, Source
from functions.recommendations.shelf import BucketShelf, FolderShelf, Shelf
from shared.web import logs
from shared.zones import ZONES

log = logging.getLogger(__name__)
EVERYWHERE = "all"


@dataclass(frozen=True, slots=True)
class Launch:
    """What a launch was told. `again`: also when the week is done, for listeners who came since."""

    plan: Plan
    source: Source
    shelf: Shelf
    outlet: Outlet
    again: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a launch may be told, `--zone europe` and so on. A pipeline has no environment: its
    template's parameters are these.

    `zone`: whom it fills; `generation`: 2026-W47, this week by default; `again` ("yes"): see
    `Launch`; `plays`: Avro files to read instead of BigQuery; `folder`: where to write instead of
    to the cloud.
    """

    data_project: str = ""
    generations_bucket: str = ""
    events_dataset: str = ""
    tables_dataset: str = ""
    zone: str = EVERYWHERE
    generation: str = ""
    again: str = "no"
    plays: str = ""
    folder: str = ""


def parse(argv: Sequence[str], now: datetime) -> tuple[Launch, list[str]]:
    """The launch, and the options that are Beam's.

    Exits with a message when an option is wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    choices = {"zone": [EVERYWHERE, *(it.name for it in ZONES)], "again": ["yes", "no"]}
    for field in fields(Settings):
        parser.add_argument(
            f"--{field.name}", default=field.default, choices=choices.get(field.name)
        )
    known, rest = parser.parse_known_args(list(argv))
    given = Settings(**vars(known))
    generation = given.generation or generation_of(now)
    try:
        begins(generation)
    except ValueError as error:
        parser.error(str(error))
    plan = Plan(generation, given.zone, 1, now)
    if given.folder:
        shelf: Shelf = FolderShelf(Path(given.folder))
        outlet: Outlet = FolderOutlet(Path(given.folder) / "documents")
    elif given.data_project and given.generations_bucket:
        shelf = BucketShelf(given.data_project, given.generations_bucket)
        outlet = CloudOutlet(given.data_project)
    else:
        parser.error("needs --folder, or --data_project and --generations_bucket")
    if given.plays:
        source: Source = AvroSource(given.plays)
    elif given.events_dataset and given.tables_dataset:
        table = f"plays_{generation}_{given.zone}".replace("-", "_").lower()
        source = BigQuerySource(
            given.data_project, given.events_dataset, given.tables_dataset, table
        )
    else:
        parser.error("needs --plays, or --events_dataset and --tables_dataset")
    return Launch(plan, source, shelf, outlet, given.again == "yes"), rest


def run(launch: Launch, options: Sequence[str] = ()) -> str:
    """Launch, and locally see it through; answers how it ended: done, already done, no plays, or
    submitted (to Dataflow, which goes on by itself).

    Raises:
        Exception: whatever stopped it, after it was told in the run's document.
    """
    plan, outlet = launch.plan, launch.outlet
    id = run_document(plan.generation, plan.zone)
    earlier: Run | None = outlet.open().find(RUNS, [id]).get(id)
    if earlier is not None and earlier.state == "done" and not launch.again:
        log.info("%s %s is done already", plan.generation, plan.zone)
        return "already done"
    began = Run(plan.generation, plan.zone, "running", "reading", 0, 0, plan.now, plan.now, {}, {})
    outlet.open().put(RUNS, {id: began})
    try:
        plays = launch.source.prepare(plan)
        if not plays:
            _end(launch, "failed", "there are no plays: last week's lists stay")
            return "no plays"
        plan = replace(plan, shards=shards_for(plays))
        parsed = PipelineOptions(list(options), save_main_session=False)
        remote = parsed.view_as(StandardOptions).runner == "DataflowRunner"
        runner = "DataflowRunner" if remote else FnApiRunner()
        graph = beam.Pipeline(runner=runner, options=parsed)
        pipeline.build(graph, plan, launch.source, launch.shelf, outlet)
        result = graph.run()
        if remote:
            return "submitted"
        result.wait_until_finish()
    except Exception as error:
        _end(launch, "failed", f"{type(error).__name__}: {error}"[:2_000])
        raise
    counted = pipeline.counters(result.metrics().query()["counters"])
    log.info("%s %s: %s", plan.generation, plan.zone, counted)
    return "done"


def _end(launch: Launch, state: str, message: str) -> None:
    def told(run: Run | None) -> Run | None:
        now = datetime.now(UTC)
        return None if run is None else replace(run, state=state, message=message, updated_at=now)

    id = run_document(launch.plan.generation, launch.plan.zone)
    launch.outlet.open().change(RUNS, {id: told})


def main(argv: Sequence[str] | None = None) -> None:
    launch, options = parse(sys.argv[1:] if argv is None else argv, datetime.now(UTC))
    logs.configure(getattr(launch.outlet, "project", ""))
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    log.info("%s", run(launch, options))


if __name__ == "__main__":
    main()
