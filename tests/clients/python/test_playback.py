"""The headless player against a real host with real renditions."""

import io
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import imageio_ffmpeg
import pytest
from segue.client import Client, Retry
from segue.delivery import Delivery, edges_of, prefix_of
from segue.errors import NotLicensed, PlaybackError, SegueError, Unreachable
from segue.manifests import Chunk
from segue.playback import Moment, Player, Report, event_id

from shared.cdn import sign_prefix
from tests.clients import media
from tests.clients.fake import KEY, FakeSegue

QUICK = Retry(base_s=0.01, cap_s=0.01)
CHANNELS = 2
FAST = 1_000_000.0
"""A line that is known to carry everything."""


@pytest.fixture
def track(fake: FakeSegue) -> str:
    return fake.add_track("Pink")


@pytest.fixture
def delivery(client: Client) -> Delivery:
    return Delivery(client.http, retry=QUICK)


def samples(path: Path) -> int:
    """Stereo samples that ffmpeg decodes from `path`, which must decode without a word."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-ac", str(CHANNELS), "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return len(done.stdout) // (2 * CHANNELS)


@pytest.mark.parametrize("protocol", ["hls", "dash"])
def test_whole_track_is_fetched_and_decodes(
    client: Client, fake: FakeSegue, track: str, tmp_path: Path, protocol: str
) -> None:
    # Enough for the best rendition from the start: one rendition, whole.
    path = tmp_path / "out.mp4"
    player = Player(client, Delivery(client.http), realtime=False, start_bps=FAST)
    with path.open("wb") as file:
        report = player.play(track, protocol=protocol, out=file)
    assert report.end_reason == "track_done"
    assert abs(report.ms_played - media.SECONDS * 1000) < 100
    assert abs(samples(path) - media.SECONDS * 44100) < 3000
    assert set(report.by_kbps) == {320}
    assert report.by_kbps[320] == path.stat().st_size


def test_play_is_reported_once_under_its_own_id(
    client: Client, fake: FakeSegue, track: str
) -> None:
    report = Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(track)
    (event,) = fake.events.values()
    assert report.reported
    assert event["event_id"] == event_id(report.play_id)
    assert (event["play_id"], event["track_id"]) == (report.play_id, track)
    assert event["kbps"] == 320
    assert event["bytes_fetched"] == report.bytes_fetched > 1_000_000
    assert abs(event["ms_played"] - media.SECONDS * 1000) < 100


def test_cache_is_warm_the_second_time(client: Client, fake: FakeSegue, track: str) -> None:
    first = Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(track)
    second = Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(track)
    assert first.tally.cache["miss"] > 0
    assert second.tally.cache == {"hit": second.tally.requests}


def test_slow_line_gets_a_rendition_that_fits(client: Client, fake: FakeSegue, track: str) -> None:
    # Virtual time: the throttle's sleeps move the clock, nothing waits.
    clock = Clock()
    line = Delivery(client.http, limit_bps=130_000, clock=clock, sleep=clock.sleep)
    player = Player(client, line, start_bps=FAST, clock=clock, sleep=clock.sleep)
    report = player.play(track)
    assert report.switches
    assert report.switches[-1][2] == "aac-96"
    assert 90_000 < report.estimate_bps < 135_000
    assert report.end_reason == "track_done"


def test_unknown_line_starts_low_and_climbs(client: Client, fake: FakeSegue, track: str) -> None:
    report = Player(client, Delivery(client.http), realtime=False).play(track)
    assert [(old, new) for _, old, new in report.switches] == [("aac-96", "aac-320")]
    assert report.by_kbps[96] < report.by_kbps[320]


def test_faster_line_goes_back_up(client: Client, fake: FakeSegue, track: str) -> None:
    clock = Clock()
    line = Delivery(client.http, limit_bps=130_000, clock=clock, sleep=clock.sleep)

    def faster(moment: Moment) -> None:
        if moment.heard_s > 6:
            line._limit_bps = 1_000_000

    player = Player(client, line, buffer_s=8, clock=clock, sleep=clock.sleep, progress=faster)
    report = player.play(track)
    names = [new for _, _, new in report.switches]
    assert names[0] == "aac-160"


def test_realtime_play_takes_as_long_as_the_music(
    client: Client, fake: FakeSegue, track: str
) -> None:
    clock = Clock()
    aheads: list[float] = []
    player = Player(
        client,
        Delivery(client.http, clock=clock, sleep=clock.sleep),
        buffer_s=10,
        clock=clock,
        sleep=clock.sleep,
        progress=lambda moment: aheads.append(moment.ahead_s),
    )
    report = player.play(track)
    assert abs(clock() - media.SECONDS) < 1
    assert report.rebuffers == 0
    assert max(aheads) < 10 + 4.1  # the buffer and one chunk


def test_line_slower_than_the_lowest_rendition_stalls(
    client: Client, fake: FakeSegue, track: str
) -> None:
    clock = Clock()
    line = Delivery(client.http, limit_bps=16_000, clock=clock, sleep=clock.sleep)
    report = Player(client, line, clock=clock, sleep=clock.sleep).play(track, seconds=20)
    assert report.rebuffers > 0
    assert report.ms_played == 20_000


def test_seconds_end_the_play_early(client: Client, fake: FakeSegue, track: str) -> None:
    player = Player(client, Delivery(client.http), realtime=False, start_bps=FAST)
    report = player.play(track, seconds=6)
    assert (report.ms_played, report.end_reason) == (6000, "stopped")
    assert report.bytes_fetched < 500_000


def test_stopped_play_is_still_reported(client: Client, fake: FakeSegue, track: str) -> None:
    def stop(moment: Moment) -> None:
        if moment.heard_s > 5:
            raise KeyboardInterrupt

    player = Player(client, Delivery(client.http), realtime=False, start_bps=FAST, progress=stop)
    report = player.play(track)
    (event,) = fake.events.values()
    assert (report.end_reason, event["end_reason"]) == ("stopped", "stopped")
    assert 5000 < event["ms_played"] < media.SECONDS * 1000


def test_mp3_has_its_own_ladder(
    client: Client, fake: FakeSegue, track: str, tmp_path: Path
) -> None:
    path = tmp_path / "out.mp3"
    with path.open("wb") as file:
        player = Player(client, Delivery(client.http), realtime=False, start_bps=FAST)
        report = player.play(track, codec="mp3", out=file)
    assert set(report.by_kbps) == {320}
    assert path.read_bytes() == (fake.audio / "high" / "mp3-320.mp3").read_bytes()


def test_codec_without_manifest_is_fetched_in_ranges(
    client: Client, fake: FakeSegue, track: str
) -> None:
    out = io.BytesIO()
    player = Player(client, Delivery(client.http), realtime=False, start_bps=FAST)
    report = player.play(track, codec="mp3", protocol="dash", out=out)
    assert out.getvalue() == (fake.audio / "high" / "mp3-320.mp3").read_bytes()
    assert abs(report.ms_played - media.SECONDS * 1000) < 100


def test_unknown_codec_names_what_is_offered(client: Client, fake: FakeSegue, track: str) -> None:
    with pytest.raises(PlaybackError, match="aac, mp3") as caught:
        Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(
            track, codec="opus"
        )
    assert caught.value.code == "CODEC_NOT_OFFERED"


def test_refused_grant_is_typed(client: Client, fake: FakeSegue, track: str) -> None:
    fake.trouble.deny = "TERRITORY"
    with pytest.raises(NotLicensed):
        Player(client, Delivery(client.http)).play(track)
    assert fake.events == {}


def test_grant_is_renewed_before_it_ends(client: Client, fake: FakeSegue, track: str) -> None:
    fake.trouble.grant_s = 20.0  # less than the 30 s before which a grant is renewed
    report = Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(track)
    assert report.end_reason == "track_done"
    assert fake.plays > 2
    (event,) = fake.events.values()
    assert event["play_id"] == report.play_id  # the play that began it


class Clocks:
    """A player's clocks: seconds pass when it sleeps. `paused`: how long it once sleeps too long,
    by which of them that can be seen; `wall_s` is how wrong the time of day is."""

    def __init__(self, *, paused: tuple[float, float] = (0.0, 0.0), wall_s: float = 0.0) -> None:
        self.steady_s, self.wall_s, self._paused = 0.0, wall_s, paused
        self.on_pause: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        seconds = max(seconds, 0.001)  # less would be lost in the hours that a pause lasts
        self.steady_s += seconds
        self.wall_s += seconds
        if self.steady_s > 5.0 and any(self._paused):
            steady, wall = self._paused
            self._paused = (0.0, 0.0)
            self.steady_s, self.wall_s = self.steady_s + steady, self.wall_s + wall
            self.on_pause()

    def player(self, client: Client) -> Player:
        # Little is fetched ahead, so that there is something to fetch after a pause.
        return Player(
            client,
            Delivery(client.http),
            buffer_s=6.0,
            start_bps=FAST,
            clock=lambda: self.steady_s,
            sleep=self.sleep,
            now=lambda: NOON + timedelta(seconds=self.wall_s),
        )


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("wall_s", [0.0, -86_400.0, 86_400.0])
def test_a_grant_is_renewed_by_how_long_it_holds_whatever_the_time_of_day(
    client: Client, fake: FakeSegue, track: str, wall_s: float
) -> None:
    fake.trouble.told_s = 50.0
    report = Clocks(wall_s=wall_s).player(client).play(track)
    assert report.end_reason == "track_done"
    assert fake.plays == 2  # 30 s before its end, and the track has 40


@pytest.mark.parametrize("paused", [(3600.0, 3600.0), (0.0, 3600.0), (3600.0, -7200.0)])
def test_a_pause_is_noticed_by_either_clock_and_the_grant_renewed(
    client: Client, fake: FakeSegue, track: str, paused: tuple[float, float]
) -> None:
    fake.trouble.told_s = 300.0
    assert Clocks(paused=paused).player(client).play(track).end_reason == "track_done"
    assert fake.plays == 2


def test_who_was_paused_while_the_track_was_taken_down_is_told_why(
    client: Client, fake: FakeSegue, track: str
) -> None:
    fake.trouble.told_s = 300.0
    clocks = Clocks(paused=(3600.0, 3600.0))
    clocks.on_pause = lambda: setattr(fake.trouble, "deny", "NO_LICENCE")
    with pytest.raises(NotLicensed):
        clocks.player(client).play(track)
    (event,) = fake.events.values()  # what was heard before counts
    assert event["end_reason"] == "error"


def test_a_renewal_that_is_denied_ends_nothing_before_the_grant_ends(
    client: Client, fake: FakeSegue, track: str
) -> None:
    fake.trouble.told_s = 50.0
    clocks = Clocks(paused=(0.1, 0.1))
    clocks.on_pause = lambda: setattr(fake.trouble, "deny", "NO_LICENCE")
    assert clocks.player(client).play(track).end_reason == "track_done"


def test_passing_edge_errors_are_tried_again(
    client: Client, delivery: Delivery, fake: FakeSegue, track: str
) -> None:
    fake.trouble.edge_errors = 3
    assert Player(client, delivery, realtime=False).play(track).end_reason == "track_done"


@pytest.mark.parametrize(
    ("trouble", "code"), [("no_cdn", "NOT_FROM_CDN"), ("short_ranges", "BAD_RANGE")]
)
def test_bytes_that_are_not_the_cdns_are_refused(
    client: Client, delivery: Delivery, fake: FakeSegue, track: str, trouble: str, code: str
) -> None:
    setattr(fake.trouble, trouble, True)
    with pytest.raises(PlaybackError) as caught:
        Player(client, delivery, realtime=False).play(track)
    assert caught.value.code == code


def signature_for(fake: FakeSegue, client: Client, track: str) -> str:
    return client.post("/v1/plays", {"track_id": track})["signature"]


def test_signature_goes_nowhere_but_under_its_prefix(
    client: Client, delivery: Delivery, fake: FakeSegue, track: str
) -> None:
    delivery.sign_with(signature_for(fake, client, track))
    for url in ("http://elsewhere/a.mp4", f"{fake.host}/audio/other/a.mp4"):
        with pytest.raises(PlaybackError) as caught:
            delivery.fetch(Chunk(url, 1.0), "x")
        assert caught.value.code == "OUTSIDE_GRANT"


def test_tampered_signature_is_named(
    client: Client, delivery: Delivery, fake: FakeSegue, track: str
) -> None:
    signature = signature_for(fake, client, track)
    delivery.sign_with(signature[:-6] + "AAAAA=")
    with pytest.raises(PlaybackError) as caught:
        delivery.fetch(Chunk(prefix_of(signature) + "aac.mpd", 1.0), "x")
    assert caught.value.code == "SIGNATURE_REFUSED"


def test_endless_answer_to_a_range_is_cut_off(track: str) -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        def body() -> Iterator[bytes]:
            while True:
                yield b"x" * 65536

        headers = {"Content-Range": "bytes 0-9/99", "X-Cache-Status": "hit"}
        return httpx.Response(206, content=body(), headers=headers)

    delivery = Delivery(httpx.Client(transport=httpx.MockTransport(endless)))
    delivery.sign_with("URLPrefix=aHR0cDovL2gv&Signature=x")  # http://h/
    with pytest.raises(PlaybackError) as caught:
        delivery.fetch(Chunk("http://h/a.mp4", 1.0, 0, 10), "x")
    assert caught.value.code == "BAD_RANGE"


def test_signature_of_another_form_is_no_grant() -> None:
    with pytest.raises(SegueError) as caught:
        prefix_of("Expires=1&KeyName=a&Signature=b")
    assert caught.value.code == "BAD_GRANT"


def test_summary_is_json_and_complete(client: Client, fake: FakeSegue, track: str) -> None:
    report: Report = Player(client, Delivery(client.http), realtime=False, start_bps=FAST).play(
        track
    )
    summary = report.summary()
    assert summary["cache_hits"] + summary["cache_misses"] == summary["cdn_requests"]
    assert summary["bytes_by_kbps"].keys() == {"320"}
    assert summary["signed_prefix"] == f"{fake.host}/audio/{track}/"


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self._at_s = 0.0

    def __call__(self) -> float:
        return self._at_s

    def sleep(self, seconds: float) -> None:
        self._at_s += max(0.0, seconds)


class Edges:
    """Edges that answer by host: `down` refuse connections, `broken` answer with a status."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.broken: dict[str, int] = {}
        self.asked: list[str] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.asked.append(host)
        if host in self.down:
            raise httpx.ConnectError("refused")
        if host in self.broken:
            return httpx.Response(self.broken[host])
        return httpx.Response(200, content=b"sound", headers={"X-Cache-Status": "hit"})

    def delivery(self, *hosts: str) -> Delivery:
        http = httpx.Client(transport=httpx.MockTransport(self))
        made = Delivery(http, retry=QUICK, sleep=self.slept.append)
        made.use(edges_of(self.grant(*hosts)))
        return made

    def grant(self, *hosts: str) -> dict[str, object]:
        signed = [(it, sign_prefix(f"https://{it}/audio/x/", KEY, 9)) for it in hosts]
        return {"edges": [{"name": name, "signature": text} for name, text in signed]}


ON_EU = Chunk("https://eu/audio/x/a.mp4?old", 1.0)


def test_the_next_edge_is_asked_at_once_when_one_refuses() -> None:
    edges = Edges()
    edges.down.add("eu")
    line = edges.delivery("eu", "us", "asia")
    for _ in range(3):
        assert line.fetch(ON_EU, "aac-96").body == b"sound"
    assert edges.asked == ["eu", "us", "us", "us"]
    assert edges.slept == []
    assert [(it["edge"], it["requests"], it["errors"]) for it in line.measured()] == [
        ("eu", 1, 1),
        ("us", 3, 0),
    ]
    line.use(edges_of(edges.grant("eu", "us", "asia")))  # renewed: what failed stays behind
    line.fetch(ON_EU, "aac-96")
    assert edges.asked[-1] == "us"
    assert line.tally.bytes_by_rendition["aac-96"] == 4 * 5


@pytest.mark.parametrize("status", [403, 500, 502, 503])
def test_an_edge_that_answers_badly_is_passed_by(status: int) -> None:
    edges = Edges()
    edges.broken["eu"] = status
    assert edges.delivery("eu", "us").fetch(ON_EU, "aac-96").body == b"sound"
    assert (edges.asked, edges.slept) == (["eu", "us"], [])


def test_when_all_edges_fail_there_are_waits_and_then_an_error() -> None:
    edges = Edges()
    edges.down |= {"eu", "us"}
    line = edges.delivery("eu", "us")
    with pytest.raises(Unreachable):
        line.fetch(ON_EU, "aac-96")
    assert len(edges.asked) == 2 * QUICK.attempts
    assert len(edges.slept) == QUICK.attempts - 1


def test_a_signature_that_nobody_takes_is_refused_without_asking_again() -> None:
    edges = Edges()
    edges.broken |= {"eu": 403, "us": 403}
    with pytest.raises(PlaybackError) as refused:
        edges.delivery("eu", "us").fetch(ON_EU, "aac-96")
    assert refused.value.code == "SIGNATURE_REFUSED"
    assert edges.asked == ["eu", "us"]


def test_what_is_not_there_is_not_looked_for_elsewhere() -> None:
    edges = Edges()
    edges.broken["eu"] = 404
    with pytest.raises(PlaybackError):
        edges.delivery("eu", "us").fetch(ON_EU, "aac-96")
    assert edges.asked == ["eu"]


@pytest.mark.parametrize(
    "grant", [{"edges": [{"name": "eu"}]}, {"edges": "eu"}, {"edges": [], "signature": "x"}]
)
def test_a_malformed_grant_is_an_error_of_ours(grant: dict[str, object]) -> None:
    with pytest.raises(PlaybackError) as refused:
        edges_of(grant)
    assert refused.value.code == "BAD_GRANT"


def test_a_whole_play_survives_an_edge_where_nobody_listens(
    client: Client, fake: FakeSegue, track: str
) -> None:
    fake.trouble.dead_edge = "http://127.0.0.1:9"
    report = Player(client, Delivery(client.http, retry=QUICK), realtime=False).play(track)
    assert report.end_reason == "track_done"
    assert abs(report.ms_played - media.SECONDS * 1000) < 100
    told = {it["edge"]: it for it in fake.told}
    assert (told["dead"]["requests"], told["dead"]["errors"]) == (1, 1)
    assert told["front"]["errors"] == 0
