"""Signals from the warehouse's rows, places and midnights."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from functions.warmer.places import nearest, out_at, territories
from functions.warmer.signals import Edge, Known, Piece, Release, candidates, tempo
from functions.warmer.warehouse import Warehouse, release_of
from shared.errors import Unavailable
from shared.territories import TERRITORIES

EU = Edge("eu", "europe-west1", "https://eu.test", 50.45, 3.82)
US = Edge("us", "us-east1", "https://us.test", 33.2, -80.01)
ASIA = Edge("asia", "asia-northeast1", "https://asia.test", 35.7, 139.7)
EDGES = (EU, US, ASIA)
PLACES = [(it.name, it.latitude, it.longitude) for it in EDGES]
FRIDAY = date(2026, 11, 20)
HOUR = timedelta(hours=1)


def release(id: str = "a", album: str | None = None, on: date = FRIDAY) -> Release:
    return Release(id, album, on, (Piece(f"audio/{id}/base/aac-96.mp4", 100),))


def known(**changes) -> Known:
    facts = {
        "releases": [release()], "presaves": {}, "plays": {}, "listening": {}, "matured": {},
        "waited": {},
    }  # fmt: skip
    return Known(**{**facts, **changes})


def forecast(edge: Edge, at: datetime, **changes) -> dict[str, float]:
    found = candidates(edge, EDGES, known(**changes), at=at, horizon=24 * HOUR)
    return {it.track_id: it.expected for it in found}


def test_every_territory_but_three_is_somewhere():
    assert TERRITORIES - territories().keys() <= {"BV", "HM", "XK"}
    sweden = territories()["SE"]
    assert (round(sweden.latitude), round(sweden.longitude)) == (59, 18)
    assert [nearest(it, PLACES) for it in ("SE", "BR", "JP", "NZ", "XK")] == [
        "eu", "us", "asia", "asia", "asia",
    ]  # fmt: skip
    assert nearest("SE", []) is None


def test_a_release_comes_out_at_local_midnight():
    assert out_at(FRIDAY, "NZ") == datetime(2026, 11, 19, 11, tzinfo=UTC)
    assert out_at(FRIDAY, "US") == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert out_at(FRIDAY, "XK") == datetime(2026, 11, 20, tzinfo=UTC)
    # Asuncion's clocks once sprang over midnight; Beirut's still do.
    assert out_at(date(2026, 3, 29), "LB") == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert out_at(date(2028, 2, 29), "KI") == datetime(2028, 2, 28, 12, tzinfo=UTC)


def test_pre_saves_warm_the_edge_of_those_who_wait():
    at = datetime(2026, 11, 19, 20, tzinfo=UTC)
    presaves = {("a", "SE"): 50, ("a", "JP"): 2}
    found = {it.name: forecast(it, at, presaves=presaves).get("a", 0) for it in EDGES}
    assert found["eu"] > 20 * max(found["us"], 1e-9)
    assert found["eu"] > found["asia"] > 0


def test_an_albums_pre_saves_are_its_tracks():
    at = datetime(2026, 11, 19, 20, tzinfo=UTC)
    found = forecast(EU, at, releases=[release("a", "album")], presaves={("album", "SE"): 50})
    assert found["a"] > 20


def test_what_japan_plays_on_friday_morning_warms_europe_before_its_midnight():
    at = datetime(2026, 11, 19, 22, tzinfo=UTC)  # Friday 7:00 in Tokyo, Thursday 23:00 in Paris
    listening = {(it, hour): 10 for it in ("JP", "FR") for hour in range(24)}
    loved = forecast(EU, at, listening=listening, plays={("a", "JP"): 300})
    unloved = forecast(EU, at, listening=listening, plays={})
    assert loved["a"] > 100
    assert unloved["a"] == 0


def test_plays_of_where_it_is_not_out_yet_do_not_count():
    at = datetime(2026, 11, 19, 12, tzinfo=UTC)
    listening = {(it, hour): 10 for it in ("JP", "FR") for hour in range(24)}
    assert forecast(EU, at, listening=listening, plays={("a", "FR"): 300})["a"] == 0


def test_releases_of_another_day_are_left_alone():
    at = datetime(2026, 11, 19, 20, tzinfo=UTC)
    releases = [release("past", on=date(2026, 11, 17)), release("far", on=date(2026, 11, 22))]
    presaves = {("past", "SE"): 99, ("far", "SE"): 99}
    assert forecast(EU, at, releases=releases, presaves=presaves) == {}


def test_busy_hours_count_for_more():
    evening = {("SE", hour): (1000 if hour in (18, 19, 20) else 10) for hour in range(24)}
    six = datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert tempo(evening, ["SE"], six, 3 * HOUR) > 5
    assert tempo(evening, ["SE"], six - 12 * HOUR, 3 * HOUR) < 0.3
    assert tempo({}, ["SE"], six, 3 * HOUR) == 1
    assert tempo({("SE", 18): 2}, ["SE"], six, HOUR) < 1.5


ROW = {
    "track_id": "a", "album_id": None, "release_date": "2026-11-20", "duration_ms": 1,
    "removed": False, "audio_id": "x",
    "renditions": json.dumps([
        {"codec": codec, "kbps": kbps, "path": f"audio/x/{codec}-{kbps}", "size_bytes": 7}
        for codec in ("aac", "mp3") for kbps in (24, 96, 160, 320)
    ]),
    "manifests": json.dumps([{"codec": "aac", "path": "audio/x/aac.m3u8"}]),
}  # fmt: skip


def test_a_release_is_what_plays_begin_with():
    found = release_of(ROW)
    assert found is not None
    assert [it.path for it in found.pieces] == [
        "audio/x/aac-96", "audio/x/aac-160", "audio/x/aac.m3u8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"removed": True}, {"audio_id": None}, {"release_date": "2026"}, {"renditions": "[]"},
     {"release_date": "2026-02-30"}, {"renditions": "not json"}],
)  # fmt: skip
def test_rows_with_nothing_to_fetch_are_left_out(change: dict):
    assert release_of({**ROW, **change}) is None


def test_a_row_of_another_shape_is_an_error_and_not_a_guess():
    with pytest.raises(Unavailable):
        release_of({"removed": False, "audio_id": "x"})


class Answers:
    def __init__(self, **rows: list) -> None:
        self.rows, self.asked = rows, []

    async def ask(self, sql, values=None):
        self.asked.append((sql, values))
        for name, rows in self.rows.items():
            if name in sql:
                return rows
        return []


async def test_the_warehouse_is_asked_for_releases_and_what_is_known_of_them():
    answers = Answers(
        track_changed_unique=[ROW],
        library_changed_unique=[{"item_id": "a", "territory": "SE", "people": 3}],
        EXTRACT=[{"territory": "SE", "hour": 7, "plays": 9}],
        track_played_unique=[{"track_id": "a", "territory": "SE", "plays": 4}],
    )
    at = datetime(2026, 11, 20, tzinfo=UTC)
    found = await Warehouse(answers, "p.events").known(at)
    assert [it.track_id for it in found.releases] == ["a"]
    assert (found.presaves, found.plays) == ({("a", "SE"): 3}, {("a", "SE"): 4})
    assert found.listening == {("SE", 7): 9}
    assert answers.asked[0][1] == {"first": "2026-11-18", "last": "2026-11-22"}
    assert all("`p.events." in sql for sql, _ in answers.asked)


async def test_without_releases_nobody_is_counted():
    answers = Answers()
    found = await Warehouse(answers, "p.events").known(datetime(2026, 11, 20, tzinfo=UTC))
    assert found.releases == []
    assert len(answers.asked) == 2
