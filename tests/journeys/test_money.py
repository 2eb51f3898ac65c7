"""From plays to money, through the whole local cloud: reported, judged, closed, handed out."""

import secrets
import time
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.cloud import Cloud
from tests.journeys.test_upload_to_ear import Api

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LABEL = "Ljudbolaget"


def new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(22))


def eventually(ask: Callable[[], Any], patience_s: float = 60) -> Any:
    deadline = time.monotonic() + patience_s
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.4)
    return found


def _noise(path: Path, seconds: int) -> None:
    """Longer than the 30 s that count; like no other."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(secrets.token_bytes(22_050) * 2 * seconds)


class Money:
    """A licensor's track, listeners who played it last month, and the month's pool."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self.api = cloud, Api(cloud)
        now = datetime.now(UTC)
        first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        self.last_month = first - timedelta(days=1)
        self.period = self.last_month.strftime("%Y-%m")
        self.payee = f"P{new_id()[:8]}"
        title = f"money {self.payee}"
        _noise(folder / f"{title}.wav", seconds=40)
        done = cloud.segue("ingest", "--no-licence", str(folder / f"{title}.wav"))
        assert done.returncode == 0, done.stdout + done.stderr
        self.track = eventually(lambda: self.api.tracks().get(title))
        status, licence = self.api(
            "POST",
            "/v1/rights/licences",
            {
                "track_ids": [self.track["id"]],
                "territories": ["*"],
                "plans": ["free", "premium"],
                "licensor_id": self.payee,
                "licensor_name": "Ljudbolaget AB",
            },
        )
        assert status == 201, licence
        self.licence = licence["licence_id"]
        self.plays: list[str] = []
        for count, heard in ((3, 200_000), (2, 12_000), (1, 31_000)):
            listener = self.client(["streaming"], plan="premium", territory="SE")
            self.plays += [self.play(listener, at, heard) for at in range(count)]
        self.await_rows()

    def client(self, scopes: list[str], **more: Any) -> Api:
        body = {"name": "c", "scopes": scopes, "plan": "free", "territory": "SE", **more}
        status, made = self.api("POST", "/v1/clients", body)
        assert status == 201, made
        cloud = self.cloud
        return Api(
            Cloud(cloud.host, made["client_id"], made["client_secret"], cloud.data_dir,
                  cloud.process)
        )  # fmt: skip

    def play(self, listener: Api, at: int, heard_ms: int) -> str:
        play_id = new_id()
        event = {
            "type": "track_played",
            "event_id": new_id(),
            "play_id": play_id,
            "track_id": self.track["id"],
            "started_at": (self.last_month - timedelta(hours=at)).isoformat(),
            "ms_played": heard_ms,
            "codec": "aac",
            "kbps": 96,
            "end_reason": "trackdone",
            "licence_id": self.licence,
        }
        for _ in range(2):  # clients that hear no answer report again
            status, answer = listener("POST", "/v1/events", {"events": [event]})
            assert (status, answer["rejected"]) == (202, [])
        return play_id

    def await_rows(self) -> None:
        from tests.journeys.bigquery import rows

        plays = ", ".join(f"'{it}'" for it in self.plays)
        eventually(
            lambda: len(rows(self.cloud, f"SELECT DISTINCT play_id FROM "
                             f"`segue-dev.segue_events.track_played` WHERE play_id IN ({plays})"))
            == len(self.plays)
        )  # fmt: skip
        eventually(
            lambda: rows(self.cloud, "SELECT 1 AS it FROM `segue-dev.segue_events.licence_changed`"
                         f" WHERE licence_id = '{self.licence}'")
        )  # fmt: skip


@pytest.fixture(scope="module")
def money(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Money:
    return Money(cloud, tmp_path_factory.mktemp("money"))


def test_a_month_is_closed_and_handed_out(cloud: Cloud, money: Money, tmp_path: Path) -> None:
    period, payee = money.period, money.payee

    def segue(*arguments: str) -> str:
        done = cloud.segue("royalties", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    segue("pool", period, "SE", "premium", "100001", "SEK")
    segue("pool", period, "SE", "free", "5", "SEK")
    last_day = money.last_month.strftime("%Y-%m-%d")
    segue("rate", "SEK", "EUR", last_day, "0.0891234")
    segue("payee", payee, "--currency", "EUR")
    closed = segue("close", period, "--cutoff", datetime.now(UTC).isoformat())
    assert f"{period} is closed" in closed
    assert "entries balance" in segue("ledger", period, "--verify")
    table = segue("statement", payee, period)
    assert f"plays,{period},{period},SE,premium,{money.track['id']}" in table
    status, statement = money.api("GET", f"/v1/royalties/statements/{payee}/{period}")
    assert status == 200
    assert statement["status"] == "final"
    assert [item["plays"] for item in statement["items"]] == [4]
    assert statement["not_counted"] == {"TOO_SHORT": 2}
    (paid,) = statement["exchanges"]
    assert paid["amount"] == sum(item["amount"] for item in statement["items"])
    assert statement["totals"] == {"EUR": round(paid["amount"] * 891_234 / 10_000_000)}
    segue("statement", payee, period, "--format", "html", "--out", str(tmp_path / "it.html"))
    assert "<svg" in (tmp_path / "it.html").read_text()
    report = cloud.segue("royalties", "statement", payee, period, "--format", "dsr")
    assert "NO_PARTY_ID" in report.stderr, "nobody told the local cloud who it is to DDEX"
    assert "12.000 s of it were heard, 30.000 s are needed" in segue("explain", money.plays[3])
    assert f"counts for {payee} in {period}" in segue("explain", money.plays[0])
    again = cloud.segue("royalties", "pool", period, "SE", "premium", "7", "SEK")
    assert "PERIOD_CLOSED" in again.stderr
    assert cloud.fire("run-royalties") == 204
    current = datetime.now(UTC).strftime("%Y-%m")
    eventually(lambda: f"{current}  open" in segue("periods"))


def test_a_payee_sees_its_own_and_nobody_elses(money: Money) -> None:
    mine = money.client(["royalties:read"], owns=[f"payee:{money.payee}"])
    other = money.client(["royalties:read"], owns=["payee:someone-else"])
    path = f"/v1/royalties/statements/{money.payee}"
    eventually(lambda: mine("GET", path)[0] == 200)
    assert mine("GET", f"/v1/royalties/plays/{money.plays[0]}")[0] == 200
    for asked in (path, f"{path}/{money.period}", f"/v1/royalties/plays/{money.plays[0]}"):
        status, body = other("GET", asked)
        assert (status, body["error"]["reason"]) == (403, "NOT_YOURS")
    status, body = mine("GET", "/v1/royalties/periods")
    assert (status, body["error"]["reason"]) == (403, "INSUFFICIENT_SCOPE")


def test_figures_reach_the_artist_and_the_catalog(cloud: Cloud, money: Money) -> None:
    assert cloud.fire("aggregate-insights") == 204
    artist = money.track["artists"][0]["id"] if money.track["artists"] else None
    day = money.last_month.strftime("%Y-%m-%d")
    first = (money.last_month - timedelta(days=2)).strftime("%Y-%m-%d")
    query = f"from={first}&to={day}&track={money.track['id']}"
    status, body = money.api("GET", f"/v1/insights/plays?by=track&{query}")
    assert status == 200, body
    assert [(it["plays"], it["counted"]) for it in body["items"]] == [(6, 4)]
    status, body = money.api("GET", f"/v1/insights/listeners?{query}")
    assert body["listeners"] == 2
    if artist:
        owner = money.client(["insights:read"], owns=[f"artist:{artist}"])
        status, body = owner("GET", f"/v1/insights/plays?by=day&{query}")
        assert (status, sum(it["plays"] for it in body["items"])) == (200, 6)
    stranger = money.client(["insights:read"], owns=["label:Nobody"])
    status, body = stranger("GET", f"/v1/insights/plays?by=day&{query}")
    assert (status, body["items"]) == (200, [])
    status, body = stranger("GET", f"/v1/insights/plays?of=label:{LABEL}")
    assert (status, body["error"]["reason"]) == (403, "NOT_YOURS")
    if (datetime.now(UTC) - money.last_month).days < 27:
        eventually(lambda: money.api("GET", f"/v1/tracks/{money.track['id']}")[1]["popularity"] > 0)
