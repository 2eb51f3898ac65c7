"""A headless adaptive player: grant, manifest, byte ranges, rendition by measured bandwidth."""

import contextlib
import math
import string
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import urljoin

from segue import dash, hls
from segue.bandwidth import DEFAULT_BPS, Bandwidth, choose
from segue.client import Client
from segue.delivery import Delivered, Delivery, Tally, edges_of, prefix_of
from segue.errors import PlaybackError, SegueError
from segue.manifests import Chunk, Track, name_of
from segue.playhead import Playhead

BUFFER_S = 30.0
START_S = 2.0
RENEW_BEFORE_S = 30.0
RETRY_RENEWAL_S = 5.0
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
PROGRESSIVE_BYTES = 256 * 1024


@dataclass(slots=True)
class Report:
    """What a play did. `switches` are (second of the track, from, to)."""

    play_id: str
    track_id: str
    codec: str
    duration_ms: int
    started_at: datetime
    ms_played: int = 0
    end_reason: str = "error"
    startup_ms: int = 0
    rebuffers: int = 0
    estimate_bps: int = 0
    signed_prefix: str = ""
    switches: list[tuple[float, str, str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    reported: bool = False
    title: str = ""
    kbps_of: dict[str, int] = field(default_factory=dict)

    @property
    def bytes_fetched(self) -> int:
        return self.tally.bytes_by_rendition.total()

    @property
    def by_kbps(self) -> Counter[int]:
        """Audio bytes by the nominal bit rate of their rendition; manifests are not counted."""
        counted: Counter[int] = Counter()
        for name, size in self.tally.bytes_by_rendition.items():
            if name in self.kbps_of:
                counted[self.kbps_of[name]] += size
        return counted

    def summary(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "play_id": self.play_id,
            "track_id": self.track_id,
            "title": self.title,
            "codec": self.codec,
            "seconds": self.ms_played / 1000,
            "duration_ms": self.duration_ms,
            "ms_played": self.ms_played,
            "end_reason": self.end_reason,
            "startup_ms": self.startup_ms,
            "rebuffers": self.rebuffers,
            "estimate_kbps": self.estimate_bps // 1000,
            "bytes_by_rendition": dict(self.tally.bytes_by_rendition),
            "bytes_by_kbps": {str(kbps): size for kbps, size in sorted(self.by_kbps.items())},
            "cache": dict(self.tally.cache),
            "cache_hits": self.tally.cache["hit"],
            "cache_misses": self.tally.cache["miss"],
            "cdn_requests": self.tally.requests,
            "signed_prefix": self.signed_prefix,
            "switches": [[round(at, 2), old, new] for at, old, new in self.switches],
            "reported": self.reported,
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """For a progress line: where the play is after each chunk."""

    rendition: str
    heard_s: float
    ahead_s: float
    total_s: float
    estimate_bps: float


def event_id(play_id: str) -> str:
    """The id under which a play is reported: a function of the play, so a retry is no new play.

    22 base-62 digits, as ids are.
    """
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"segue:play:{play_id}").int
    digits = ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


class Player:
    """Plays one track at a time through `client`'s host.

    `realtime` keeps a playhead on the clock and never buffers more than `buffer_s` ahead, as a
    person's player does; without it the chunks are fetched as fast as they come. `start_bps` is
    what the line is taken for until it is measured.
    """

    def __init__(
        self,
        client: Client,
        delivery: Delivery,
        *,
        realtime: bool = True,
        buffer_s: float = BUFFER_S,
        start_bps: float = DEFAULT_BPS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        progress: Callable[[Moment], None] = lambda moment: None,
    ) -> None:
        self._client, self._delivery = client, delivery
        self._realtime, self._buffer_s, self._start_bps = realtime, buffer_s, start_bps
        self._clock, self._sleep, self._now, self._progress = clock, sleep, now, progress
        self._asked = self._clock(), self._now()
        self._valid_for_s = self._renew_at_s = math.inf

    def play(
        self,
        track_id: str,
        *,
        codec: str = "aac",
        protocol: str = "hls",
        seconds: float | None = None,
        out: BinaryIO | None = None,
    ) -> Report:
        """Play `track_id` (or its first `seconds`), write the audio to `out`, report the play.

        A switch of rendition writes the new rendition's init segment before its first chunk,
        as a media source buffer is fed. Ctrl-C ends the play early, and it is still reported.

        Raises:
            NotLicensed, NotFound, Conflict: the grant is refused.
            PlaybackError: the manifests or the CDN do not keep what the grant promises.
        """
        grant = self._grant(track_id)
        report = Report(
            play_id=grant["play_id"],
            track_id=grant["track"]["id"],
            codec=codec,
            duration_ms=grant["track"]["duration_ms"],
            started_at=self._now(),
            signed_prefix=prefix_of(grant["signature"]),
            kbps_of={name_of(r["url"]): r["kbps"] for r in grant["renditions"]},
            tally=self._delivery.tally,
        )
        try:
            ladder = self._ladder(grant, codec, protocol)
            self._run(report, ladder, seconds, out)
        except KeyboardInterrupt:
            report.end_reason = "stopped"
        finally:
            self._report(report)
        return report

    def _grant(self, track_id: str) -> dict[str, Any]:
        asked = self._clock(), self._now()
        wanted = {"track_id": track_id, "renews": True}
        grant = self._client.post("/v1/plays", wanted, idempotent=True)
        self._asked = asked
        self._valid_for_s = float(grant["valid_for_s"])
        self._renew_at_s = self._valid_for_s - RENEW_BEFORE_S
        self._delivery.use(edges_of(grant))
        return grant

    def _held_s(self) -> float:
        """How long ago the grant was asked for. A wall clock may be set back, and the other one
        stands still while the machine sleeps: whichever says more."""
        clock, wall = self._asked
        return max(self._clock() - clock, (self._now() - wall).total_seconds())

    def _ladder(self, grant: dict[str, Any], codec: str, protocol: str) -> list[Track]:
        host = self._client.host + "/"
        for manifest in grant["manifests"]:
            if manifest["codec"] == codec and manifest["protocol"] == protocol:
                url = urljoin(host, manifest["url"])
                text = self._text(url)
                if protocol == "dash":
                    return dash.renditions(text, url)
                whole = Track(name_of(url), 0, playlist=url)
                return hls.variants(text, url) or [hls.media(text, url, whole)]
        fixed = [r for r in grant["renditions"] if r["codec"] == codec]
        if not fixed:
            offered = sorted({m["codec"] for m in grant["manifests"]})
            raise PlaybackError(
                f"the grant holds no {codec} ({protocol}); it offers {', '.join(offered)}",
                code="CODEC_NOT_OFFERED",
            )
        # One file a rendition and no manifest: fetched in even ranges, the quality fixed.
        best = max(fixed, key=lambda r: r["kbps"])
        return [self._progressive(best, urljoin(host, best["url"]), grant["track"]["duration_ms"])]

    def _progressive(self, rendition: dict[str, Any], url: str, duration_ms: int) -> Track:
        size = rendition.get("size_bytes") or self._delivery.size(url)
        count = max(1, -(-size // PROGRESSIVE_BYTES))
        each_s = duration_ms / 1000 / count
        chunks = tuple(
            Chunk(url, each_s, n * PROGRESSIVE_BYTES, min((n + 1) * PROGRESSIVE_BYTES, size))
            for n in range(count)
        )
        return Track(name_of(url), rendition["bandwidth_bps"], chunks=chunks)

    def _text(self, url: str) -> str:
        body = self._delivery.fetch(Chunk(url, 0.0), "manifest").body
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise PlaybackError("a manifest that is not UTF-8", code="BAD_MANIFEST") from error

    def _resolved(self, track: Track) -> Track:
        """`track` with its chunks, fetched on first use."""
        if track.chunks:
            return track
        if track.playlist:
            return hls.media(self._text(track.playlist), track.playlist, track)
        if track.index:
            box = self._delivery.fetch(track.index, track.name).body
            chunks = dash.read_sidx(box, track.index)
            return Track(track.name, track.bandwidth_bps, track.init, chunks)
        raise PlaybackError(f"{track.name} has no segments", code="BAD_MANIFEST")

    def _run(
        self, report: Report, ladder: list[Track], seconds: float | None, out: BinaryIO | None
    ) -> None:
        bandwidth, began = Bandwidth(start_bps=self._start_bps), self._clock()
        head = Playhead(START_S, at_s=began)
        current: Track | None = None
        written: str | None = None
        number = 0
        while True:
            wanted = choose(ladder, bandwidth.bps, current)
            if current is None or wanted.name != current.name:
                ready = self._resolved(wanted)
                ladder = [ready if track.name == ready.name else track for track in ladder]
                if current is not None:
                    report.switches.append((head.buffered_s, current.name, ready.name))
                current = ready
            if number >= len(current.chunks):
                raise PlaybackError(f"{current.name} is shorter than its peers", code="BAD_LADDER")
            chunk = current.chunks[number]
            if current.init and written != current.name and current.init.end != 0:
                init = self._fetch(report.track_id, current.init, current.name).body
                if out:
                    out.write(init)
            written = current.name
            got = self._fetch(report.track_id, chunk, current.name)
            bandwidth.sample(got.elapsed_s, len(got.body))
            report.estimate_bps = int(bandwidth.bps)
            if out:
                out.write(got.body)
            number += 1
            end_s = min(seconds or report.duration_ms / 1000, report.duration_ms / 1000)
            done = number == len(current.chunks) or head.buffered_s + chunk.duration_s >= end_s
            head = head.advance(self._clock()).append(chunk.duration_s, last=done)
            if head.playing and not report.startup_ms:
                report.startup_ms = max(1, round((self._clock() - began) * 1000))
            if not self._realtime:
                head = Playhead(0.0, self._clock(), head.buffered_s, head.buffered_s)
            head = self._wait(report, head, current.name, end_s, done)
            if done:
                whole = end_s >= report.duration_ms / 1000
                report.end_reason = "track_done" if whole else "stopped"
                return

    def _wait(
        self, report: Report, head: Playhead, name: str, end_s: float, done: bool
    ) -> Playhead:
        """Let the playhead move on until there is room in the buffer, or to the end."""
        while True:
            head = head.advance(self._clock(), ended=done)
            heard_s = min(head.heard_s, end_s)
            report.ms_played, report.rebuffers = round(heard_s * 1000), head.stalls
            self._progress(Moment(name, heard_s, head.ahead_s, end_s, float(report.estimate_bps)))
            over_s = head.ahead_s - (0.0 if done else self._buffer_s)
            if over_s <= 0 or (done and heard_s >= end_s):
                return head
            self._sleep(min(over_s, 0.25))

    def _fetch(self, track_id: str, chunk: Chunk, name: str) -> Delivered:
        """The chunk under a grant that holds. A signature that is refused all the same is asked
        for once more: if that is denied, the reason is what is raised."""
        self._renew(track_id)
        try:
            return self._delivery.fetch(chunk, name)
        except PlaybackError as error:
            if error.code != "SIGNATURE_REFUSED":
                raise
            self._grant(track_id)
            return self._delivery.fetch(chunk, name)

    def _renew(self, track_id: str) -> None:
        """A fresh signature shortly before the grant ends; the play stays the same.

        Whatever keeps it from being renewed, it holds to its end; then that is raised.
        """
        held_s = self._held_s()
        if held_s < self._renew_at_s:
            return
        try:
            self._grant(track_id)
        except SegueError:
            if self._held_s() >= self._valid_for_s:
                raise
            self._renew_at_s = min(self._held_s() + RETRY_RENEWAL_S, self._valid_for_s)

    def _report(self, report: Report) -> None:
        heard = report.by_kbps
        event = {
            "type": "track_played",
            "event_id": event_id(report.play_id),
            "play_id": report.play_id,
            "track_id": report.track_id,
            "started_at": report.started_at.isoformat(),
            "ms_played": report.ms_played,
            "codec": report.codec,
            "kbps": max(heard, key=lambda kbps: heard[kbps], default=0),
            "end_reason": report.end_reason,
            "source": "segue-cli",
            "bytes_fetched": report.bytes_fetched,
            "rebuffers": report.rebuffers,
        }
        try:
            answer = self._client.post("/v1/events", {"events": [event]}, idempotent=True)
        except SegueError:
            return  # the play itself succeeded; `reported` tells that its count did not
        report.reported = answer.get("accepted") == 1
        self._tell_edges()

    def _tell_edges(self) -> None:
        """How the edges did, so that the next grants choose better. A courtesy, so no retries."""
        measured = self._delivery.measured()
        if measured:
            with contextlib.suppress(SegueError):
                self._client.post("/v1/plays/telemetry", {"edges": measured})
