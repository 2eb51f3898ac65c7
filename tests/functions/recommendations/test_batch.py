"""The whole batch on Beam's local runner, from an export of plays to everyone's lists."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from functions.recommendations import batch, judging, learning, recommending
from functions.recommendations.generations import (
    CHARTS,
    EVERYONE,
    ITEMS,
    POINTERS,
    RUNS,
    USERS,
    WORLD,
    chart_document,
    generation_of,
    run_document,
    user_document,
)
from functions.recommendations.outlets import FolderOutlet, published
from shared.events import MixPublished
from tests.functions.recommendations.listeners_with_tastes import (
    BLOCKED,
    MONDAY,
    World,
    play,
    world,
)

FOUR = MONDAY + timedelta(hours=4)
WEEK = "2026-W47"
CHANCE = 1 / 8


def run(folder: Path, pattern: str, *more: str, now: datetime = FOUR) -> str:
    launch, options = batch.parse(["--folder", str(folder), "--plays", pattern, *more], now)
    return batch.run(launch, options)


def weekly(folder: Path, generation: str = WEEK):
    found = published(folder / "documents", MixPublished)
    return {
        it.user_id: it
        for it in found
        if it.kind == "discover-weekly" and it.generation == generation
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[World, Path, str]:
    """One world with a bot, a skipper and a late play among its people, filled once."""
    folder = tmp_path_factory.mktemp("batch")
    known = world()
    some = list(known.genre_of)
    known.rows.extend(play("bot", some[it % 90], MONDAY - timedelta(days=3)) for it in range(700))
    known.rows.append(play("skipper", some[0], MONDAY - timedelta(days=3), ms=900))
    pattern = known.write(folder)
    assert run(folder, pattern) == "done"
    return known, folder, pattern


def test_everyone_has_a_discover_weekly_of_thirty(made):
    known, folder, _ = made
    lists = weekly(folder)
    assert lists.keys() == {*known.tastes, "bot", "skipper"}
    assert {len(it.track_ids) for user, it in lists.items() if user in known.tastes} == {30}


def test_tastes_are_recovered(made):
    known, folder, _ = made
    lists = weekly(folder)
    shares = [
        sum(known.genre_of[it] in taste for it in lists[user].track_ids) / 30
        for user, taste in known.tastes.items()
    ]
    mean = sum(shares) / len(shares)
    # By chance a listener of one or two of eight tastes would meet them in a fifth of the list.
    assert mean > 0.85
    assert min(shares) > 2 * CHANCE


def test_lists_are_new_to_their_listeners(made):
    known, folder, _ = made
    heard: dict[str, set[str]] = {}
    for row in known.rows:
        heard.setdefault(row["user_id"], set()).add(row["track_id"])
    for user, mix in weekly(folder).items():
        assert heard[user].isdisjoint(mix.track_ids), user


def test_lists_are_within_rights(made):
    known, folder, _ = made
    market = {row["user_id"]: row["territory"] for row in known.rows}
    shown = Counter()
    for user, mix in weekly(folder).items():
        own = known.blocked.intersection(mix.track_ids)
        shown[market[user] == BLOCKED] += len(own)
    assert shown[True] == 0
    assert shown[False] > 0


def test_every_track_is_explained_by_what_the_listener_played(made):
    known, folder, _ = made
    lists = weekly(folder)
    for user in known.tastes:
        assert all(lists[user].reasons)
    mix = lists[next(iter(known.tastes))]
    assert sum(it.startswith("Because you listened to") for it in mix.reasons) > 20


def test_no_two_listeners_share_a_list(made):
    _, folder, _ = made
    lists = Counter(it.track_ids for user, it in weekly(folder).items() if user != "bot")
    assert max(lists.values()) == 1


def test_daily_mixes_follow_tastes(made):
    known, folder, _ = made
    mixes = [it for it in published(folder / "documents", MixPublished) if it.kind == "daily-mix"]
    assert {it.user_id for it in mixes} >= set(known.tastes)
    assert max(it.number or 0 for it in mixes) <= 6


def test_bots_and_skippers_get_charts_and_teach_nothing(made):
    _, folder, _ = made
    opened = FolderOutlet(folder / "documents").open()
    found = opened.find(USERS, [user_document(WEEK, it) for it in ("bot", "skipper")])
    for document in found.values():
        assert [it.name for it in document.sources] == ["charts"]
    assert found[user_document(WEEK, "bot")].bot
    chart = opened.find(CHARTS, [chart_document(WEEK, WORLD)])[chart_document(WEEK, WORLD)]
    assert max(chart.listeners) < 60


def test_all_that_pointers_point_at_is_there(made):
    known, folder, _ = made
    opened = FolderOutlet(folder / "documents").open()
    pointers = opened.find(POINTERS, [EVERYONE, *known.tastes])
    assert {it.generation for it in pointers.values()} == {WEEK}
    assert len(pointers) == len(known.tastes) + 1
    items = list((folder / "documents" / ITEMS).glob(f"{WEEK}~*.json"))
    assert len(items) == json.loads(summary(folder))["counts"]["vocabulary"]
    assert len(opened.find(USERS, [user_document(WEEK, it) for it in known.tastes])) == len(
        known.tastes
    )


def summary(folder: Path, generation: str = WEEK, zone: str = "all") -> bytes:
    return (folder / "generations" / generation / zone / "summary.json").read_bytes()


def test_the_report_tells_quality_coverage_and_drift(made):
    _, folder, _ = made
    facts = json.loads(summary(folder))
    assert facts["counts"]["bots"] == 1
    assert facts["figures"]["recall_at_20"] > 3 * facts["figures"]["chart_recall_at_20"]
    assert facts["figures"]["coverage"] > 0.5
    assert not facts["weights"]["adopted"]
    assert "held-out listeners are too few" in facts["weights"]["why"]
    page = (folder / "generations" / WEEK / "all" / "report.html").read_text()
    assert page.count("<svg") == 5
    assert "NaN" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_job_that_is_fired_twice_makes_the_week_once(made):
    _, folder, pattern = made
    before = {it.event_id: it for it in published(folder / "documents", MixPublished)}
    assert run(folder, pattern) == "already done"
    assert run(folder, pattern, "--again", "yes", now=FOUR + timedelta(hours=2)) == "done"
    assert {it.event_id: it for it in published(folder / "documents", MixPublished)} == before
    report = json.loads(summary(folder))
    assert report["counts"]["listeners"] > 200  # the first run's: the second filled nobody


def test_a_week_without_plays_changes_nobody(made, tmp_path):
    _, folder, _ = made
    empty = World({}, {}, [], frozenset()).write(tmp_path)
    before = {it.name: it.read_bytes() for it in (folder / "documents" / POINTERS).iterdir()}
    launch, _ = batch.parse(["--folder", str(folder), "--plays", empty], FOUR + timedelta(days=7))
    launch = replace(launch, source=_Nothing())
    assert batch.run(launch) == "no plays"
    after = {it.name: it.read_bytes() for it in (folder / "documents" / POINTERS).iterdir()}
    assert after == before
    told = FolderOutlet(folder / "documents").open().find(RUNS, [run_document("2026-W48", "all")])
    assert told[run_document("2026-W48", "all")].state == "failed"


class _Nothing:
    def prepare(self, plan) -> int:
        return 0

    def read(self, pipeline):
        raise AssertionError("nothing is read")


SMALL = {"users": 60, "tracks": 120, "each": 16}


class Killed(Exception):
    """Stands for a worker that is gone."""


def test_a_model_of_many_objects_recommends_what_one_would(tmp_path, monkeypatch):
    known = world(**SMALL)
    lists = []
    for part, columns in (("one", 50_000), ("many", 37)):
        monkeypatch.setattr(learning, "COLUMNS_PER_TILE", columns)
        pattern = known.write(tmp_path / part)
        assert run(tmp_path / part, pattern) == "done"
        lists.append({user: set(mix.track_ids) for user, mix in weekly(tmp_path / part).items()})
    assert len(list((tmp_path / "many" / "generations" / WEEK / "model").glob("weights-*"))) > 2
    same = [len(lists[0][user] & lists[1][user]) / len(lists[0][user]) for user in known.tastes]
    # More is proposed when each object proposes its best, so lists may gain a little.
    assert sum(same) / len(same) > 0.9


def test_a_batch_that_was_cut_off_goes_on_where_it_was(tmp_path, monkeypatch):
    known = world(**SMALL)
    pattern = known.write(tmp_path)
    monkeypatch.setattr(recommending, "AT_ONCE", 20)
    filled = recommending.Recommend._fill
    parts = []

    def dies(self, rows, *rest):
        if len(parts) == 2:
            raise Killed
        parts.append(rows.users)
        return filled(self, rows, *rest)

    monkeypatch.setattr(recommending.Recommend, "_fill", dies)
    with pytest.raises(Exception, match="Killed"):
        run(tmp_path, pattern)
    first = weekly(tmp_path)
    assert len(first) == 40
    outlet = FolderOutlet(tmp_path / "documents").open()
    told = outlet.find(RUNS, [run_document(WEEK, "all")])[run_document(WEEK, "all")]
    assert (told.state, told.done) == ("failed", 40)
    assert "Killed" in told.message

    monkeypatch.setattr(recommending.Recommend, "_fill", filled)
    learned = (tmp_path / "generations" / WEEK / "model" / "factors.npz").stat().st_mtime_ns
    assert run(tmp_path, pattern, now=FOUR + timedelta(hours=1)) == "done"
    assert weekly(tmp_path).keys() == known.tastes.keys()
    assert {user: weekly(tmp_path)[user] for user in first} == first
    again = (tmp_path / "generations" / WEEK / "model" / "factors.npz").stat().st_mtime_ns
    assert again == learned  # what was learned is not learned twice


@pytest.mark.slow
def test_a_batch_that_was_cut_off_while_learning_learns_anew_and_serves_nobody(
    tmp_path, monkeypatch
):
    known = world(**SMALL)
    pattern = known.write(tmp_path)
    whole = judging.Judge.process

    def dies(self, *_):
        raise Killed

    monkeypatch.setattr(judging.Judge, "process", dies)
    with pytest.raises(Exception, match="Killed"):
        run(tmp_path, pattern)
    opened = FolderOutlet(tmp_path / "documents").open()
    assert opened.find(POINTERS, [EVERYONE, *known.tastes]) == {}
    assert weekly(tmp_path) == {}

    monkeypatch.setattr(judging.Judge, "process", whole)
    assert run(tmp_path, pattern, now=FOUR + timedelta(hours=1)) == "done"
    assert weekly(tmp_path).keys() == known.tastes.keys()


@pytest.mark.slow
def test_zones_are_filled_each_in_its_turn_from_one_model(tmp_path):
    known = world(**SMALL)
    pattern = known.write(tmp_path)
    market = {row["user_id"]: row["territory"] for row in known.rows}
    assert run(tmp_path, pattern, "--zone", "asia") == "done"
    assert {market[it] for it in weekly(tmp_path)} == {"JP"}
    model = (tmp_path / "generations" / WEEK / "model" / "factors.npz").stat().st_mtime_ns
    for zone in ("europe", "americas"):
        assert run(tmp_path, pattern, "--zone", zone, now=FOUR + timedelta(hours=9)) == "done"
    assert weekly(tmp_path).keys() == known.tastes.keys()
    assert (tmp_path / "generations" / WEEK / "model" / "factors.npz").stat().st_mtime_ns == model


@pytest.mark.slow
def test_next_week_brings_other_tracks_and_old_generations_go(tmp_path):
    known = world(**SMALL)
    pattern = known.write(tmp_path)
    for week in range(5):
        now = FOUR + timedelta(days=7 * week)
        assert run(tmp_path, pattern, now=now) == "done"
        last = generation_of(now)
        for user, mix in weekly(tmp_path, last).items():
            known.rows.append(play(user, mix.track_ids[0], now + timedelta(hours=5)))
        known.write(tmp_path)
    first, second = weekly(tmp_path, WEEK), weekly(tmp_path, "2026-W48")
    for user, mix in second.items():
        assert mix.track_ids != first[user].track_ids
        assert first[user].track_ids[0] not in mix.track_ids
        assert mix.playlist_id == first[user].playlist_id
        assert mix.event_id != first[user].event_id
    kept = {it.name[:8] for it in (tmp_path / "documents" / USERS).iterdir()}
    assert kept == {"2026-W49", "2026-W50", "2026-W51"}
    facts = json.loads(summary(tmp_path, "2026-W48"))
    assert 0 < facts["figures"]["drift"] < 1


def test_a_launch_that_makes_no_sense_is_refused(capsys):
    for argv, word in (
        (["--zone", "moon", "--folder", "x", "--plays", "y"], "moon"),
        (["--generation", "2026-11", "--folder", "x", "--plays", "y"], "ISO week"),
        (["--folder", "x"], "--plays"),
        (["--plays", "y"], "--folder"),
    ):
        with pytest.raises(SystemExit):
            batch.parse(argv, FOUR)
        assert word in capsys.readouterr().err


def test_no_file_of_plays_is_told(tmp_path):
    with pytest.raises(LookupError, match="no plays at"):
        run(tmp_path, str(tmp_path / "*.avro"))
    told = FolderOutlet(tmp_path / "documents").open().find(RUNS, [run_document(WEEK, "all")])
    assert "no plays at" in told[run_document(WEEK, "all")].message
