"""Generated listeners with known tastes: `segue recommend run` fills everyone's Discover Weekly."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from functions.recommendations.generations import generation_of
from shared.events import Credit, MixPublished, TrackChanged, TrackPlayed
from shared.gcp.bigquery import BigQuery
from shared.gcp.pubsub import Publisher
from shared.ids import derived_id
from tests.functions.recommendations.listeners_with_tastes import World, play, world
from tests.journeys.cloud import Cloud

PROJECT = "segue-dev"
LISTENERS = 60


def changed(known: World, id: str, at: datetime) -> TrackChanged:
    card = known.track(id).card
    return TrackChanged(
        event_id=derived_id("changed", id), occurred_at=at, track_id=id, revision=1,
        title=card.title, artists=tuple(it.name for it in card.credits), album=None, isrc=None,
        explicit=False, duration_ms=card.duration_ms, cover_id=None, audio_id=derived_id("a", id),
        integrated_lufs=None, true_peak_dbtp=None, gain_db=None, renditions=(), manifests=(),
        preview_path=None, waveform_path=None, removed=False,
        credits=tuple(Credit(it.artist_id, it.name, it.role) for it in card.credits),
        genres=card.genres, blocked_markets=card.blocked_markets, popularity=10,
        release_date=card.release_date,
    )  # fmt: skip


def played(row: dict, number: int) -> TrackPlayed:
    at = datetime.fromtimestamp(row["at_ms"] / 1000, UTC)
    return TrackPlayed(
        event_id=derived_id("played", str(number)), occurred_at=at,
        play_id=derived_id("p", str(number)),
        user_id=row["user_id"], track_id=row["track_id"], started_at=at,
        ms_played=row["ms_played"], codec="aac", kbps=96, end_reason="ended",
        territory=row["territory"], plan="free", source=None, bytes_fetched=None, rebuffers=None,
        duration_ms=row["duration_ms"],
    )  # fmt: skip


async def tell(events: list) -> None:
    publish = Publisher(PROJECT)
    await asyncio.gather(*(publish(it) for it in events))


@pytest.fixture
def listened(cloud: Cloud, monkeypatch) -> World:
    """What the listeners played lately has reached BigQuery."""
    ports = cloud.endpoints()
    monkeypatch.setenv(
        "PUBSUB_EMULATOR_HOST", f"127.0.0.1:{ports['callers']['user:operator']['pubsub']}"
    )
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{ports['bigquery']}")
    known = world(users=LISTENERS, tracks=160, each=16)
    now = datetime.now(UTC)
    rows = [
        play(row["user_id"], row["track_id"], now - timedelta(days=8 + at % 40), row["territory"])
        for at, row in enumerate(known.rows)
    ]
    asyncio.run(tell([changed(known, id, now) for id in known.genre_of]))
    asyncio.run(tell([played(row, at) for at, row in enumerate(rows)]))
    sql = "SELECT COUNT(*) AS plays FROM segue_events.track_played WHERE STARTS_WITH(user_id, @u)"
    known.rows[:] = rows
    for _ in range(120):
        found = BigQuery(PROJECT).rows(sql, {"u": ""})[0]["plays"]
        if found >= len(rows):
            return known
        asyncio.run(asyncio.sleep(0.5))
    raise AssertionError(f"{found} of {len(rows)} plays are in BigQuery")


def lists(known: World) -> dict[str, MixPublished]:
    """Discover Weekly by listener, as they reached BigQuery."""
    sql = (
        "SELECT user_id, track_ids, reasons FROM segue_events.mix_published_unique "
        "WHERE kind = 'discover-weekly' AND generation = @week"
    )
    found = {}
    for _ in range(60):
        rows = BigQuery(PROJECT).rows(sql, {"week": generation_of(datetime.now(UTC))})
        found = {it["user_id"]: it for it in rows if it["user_id"] in known.tastes}
        if len(found) == len(known.tastes):
            break
        asyncio.run(asyncio.sleep(0.5))
    return found


@pytest.mark.slow
def test_recommend_run_fills_discover_weekly_for_all(cloud: Cloud, listened: World, operator_api):
    result = cloud.segue("recommend", "run", timeout_s=280)
    assert result.returncode == 0, result.stderr
    assert "listeners filled" in result.stdout
    found = lists(listened)
    assert found.keys() == listened.tastes.keys()
    heard: dict[str, set[str]] = {}
    for row in listened.rows:
        heard.setdefault(row["user_id"], set()).add(row["track_id"])
    shares = []
    for user, mix in found.items():
        assert heard[user].isdisjoint(mix["track_ids"])
        assert all(mix["reasons"])
        own = [listened.genre_of[it] in listened.tastes[user] for it in mix["track_ids"][:10]]
        shares.append(sum(own) / len(own))
    assert sum(shares) / len(shares) > 0.6

    sql = (
        "SELECT COUNT(*) AS artists FROM segue_events.related_artists_changed_unique "
        "WHERE generation = @week"
    )
    week = {"week": generation_of(datetime.now(UTC))}
    told = 0
    for _ in range(60):
        told = BigQuery(PROJECT).rows(sql, week)[0]["artists"]
        if told:
            break
        asyncio.run(asyncio.sleep(0.5))
    assert told > 10

    again = cloud.segue("recommend", "run", timeout_s=280)
    assert again.returncode == 0, again.stderr
    page = operator_api.get(
        f"/v1/recommendations/runs/{generation_of(datetime.now(UTC))}/all/report"
    )
    assert page.status_code == 200
    assert page.text.count("<svg") == 5


@pytest.mark.slow
def test_monday_launches_each_zone(cloud: Cloud, listened: World, operator_api):
    assert cloud.fire("recommend-asia") == 200
    assert cloud.fire("recommend-asia") in (200, 409)  # at once: Dataflow runs one of a name
    week = generation_of(datetime.now(UTC))
    for _ in range(240):
        answer = operator_api.get(f"/v1/recommendations/runs/{week}/asia")
        if answer.status_code == 200 and answer.json()["state"] != "running":
            break
        asyncio.run(asyncio.sleep(0.5))
    assert answer.json()["state"] == "done", answer.text


@pytest.fixture
def operator_api(cloud: Cloud) -> httpx.Client:
    """The public API, as the first client."""
    form = {"grant_type": "client_credentials"}
    token = httpx.post(
        f"{cloud.host}/api/token", data=form, auth=(cloud.client_id, cloud.client_secret)
    ).json()["access_token"]
    return httpx.Client(
        base_url=cloud.host, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
