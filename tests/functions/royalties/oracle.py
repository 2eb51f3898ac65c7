"""Royalties' judging, said once more in plain Python: what the statements in SQL are held against,
and what stands for BigQuery where a test is about something else."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from functions.royalties import terms as t
from functions.royalties.closing import USER_CENTRIC, Played, Pool
from functions.royalties.periods import LATEST, Period
from functions.royalties.sql import LISTENER
from functions.royalties.terms import Judged, Terms
from functions.royalties.warehouse import Described, Snapshot
from shared.events import LicenceChanged, TrackChanged, TrackPlayed
from shared.warehouse import Judgement


def heard_ms(event: TrackPlayed) -> int:
    given = (event.ms_played, event.ms_distinct, event.duration_ms)
    return min(it for it in given if it is not None)


@dataclass
class Oracle:
    """`functions.royalties.warehouse.Warehouse` over lists."""

    plays: list[TrackPlayed] = field(default_factory=list)
    licences: list[LicenceChanged] = field(default_factory=list)
    tracks_told: list[TrackChanged] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    asked_since: list[datetime | None] = field(default_factory=list)

    def judge(self, snapshot: Snapshot, terms: Terms, told_since: datetime | None = None) -> None:
        self.asked_since.append(told_since)
        period = str(snapshot.period)
        self.judgements = [it for it in self.judgements if it.period != period]
        earlier = {
            it.play_id: it
            for it in self.judgements
            if it.period < period and it.verdict == t.COUNTED
        }
        fresh = [_based(it, terms) for it in self._fresh(snapshot, earlier)]
        eligible = [it for it in fresh if it.verdict == t.COUNTED]
        measures = _measures(eligible, earlier.values())
        for it in fresh:
            self.judgements.append(_screened(it, measures, terms))

    def _fresh(self, snapshot: Snapshot, earlier: dict[str, Judgement]) -> list[Judgement]:
        covers: dict[tuple[str, str], str] = {}
        payees: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for licence in self.licences:
            if licence.occurred_at < snapshot.cutoff and licence.licensor_id:
                for track_id in licence.track_ids:
                    covers[licence.licence_id, track_id] = licence.licensor_id
                    payees[track_id].add((licence.licensor_id, licence.licence_id))
        lengths: dict[str, int] = {}
        for track in self.tracks_told:
            if track.occurred_at < snapshot.cutoff:
                known = lengths.get(track.track_id, 0)
                lengths[track.track_id] = max(known, track.duration_ms)
        best: dict[str, tuple[Any, ...]] = {}
        for row in self._told(snapshot):
            (play_id, event_id, user, track, started, occurred, where, plan, licence, heard) = row
            key = (-heard, occurred, event_id, started, user, track, where, plan, licence or "")
            if play_id not in best or key < best[play_id][0]:
                best[play_id] = (key, row)
        found: list[Judgement] = []
        for play_id, (_, row) in best.items():
            if play_id in earlier:
                continue
            (_, event_id, user, track, started, occurred, where, plan, licence, heard) = row
            payee = covers.get((licence or "", track))
            by = licence
            if payee is None and len({it[0] for it in payees[track]}) == 1:
                payee = next(iter(payees[track]))[0]
                by = min(it[1] for it in payees[track])
            reported = heard
            if lengths.get(track):
                heard = min(heard, lengths[track])
            of_period = str(Period.of(started))
            lifted = (
                play_id in snapshot.lifted_plays
                or f"{user} {of_period}" in snapshot.lifted_accounts
            )
            verdict = t.COUNTED
            if payee is None:
                verdict = t.UNLICENSED
            if track not in lengths:
                verdict = t.UNKNOWN_TRACK
            found.append(
                Judgement(
                    str(snapshot.period),
                    of_period,
                    play_id,
                    event_id,
                    user,
                    track,
                    started,
                    occurred,
                    where,
                    plan,
                    heard,
                    by,
                    payee,
                    verdict,
                    None,
                    None,
                    lifted,
                    reported,
                    licence,
                )
            )
        return found

    def _told(self, snapshot: Snapshot) -> Iterable[tuple[Any, ...]]:
        previous = snapshot.previous_cutoff or snapshot.period.starts_at - LATEST
        since = snapshot.period.starts_at if snapshot.previous_cutoff else previous
        for it in self.plays:
            if (
                since <= it.occurred_at < snapshot.cutoff
                and since - LATEST <= it.started_at
                and it.started_at < snapshot.period.ends_at
                and (it.started_at >= snapshot.period.starts_at or it.occurred_at >= previous)
            ):
                yield (
                    it.play_id,
                    it.event_id,
                    it.user_id,
                    it.track_id,
                    it.started_at,
                    it.occurred_at,
                    it.territory,
                    it.plan,
                    it.licence_id,
                    heard_ms(it),
                )
        for it in self.judgements:
            if (
                it.period < str(snapshot.period)
                and it.verdict != t.COUNTED
                and (
                    it.play_id in snapshot.lifted_plays
                    or f"{it.user_id} {it.of_period}" in snapshot.lifted_accounts
                )
            ):
                yield (
                    it.play_id,
                    it.event_id,
                    it.user_id,
                    it.track_id,
                    it.started_at,
                    it.occurred_at,
                    it.territory,
                    it.plan,
                    it.licence_id,
                    it.heard_ms,
                )

    def played(self, period: Period, terms: Terms, pools: Sequence[Pool]) -> list[Played]:
        by_listener = {(it.territory, it.plan) for it in pools if it.method == USER_CENTRIC}
        counted = [
            it for it in self.judgements if it.period == str(period) and it.verdict == t.COUNTED
        ]
        streams = Counter(
            it.track_id
            for it in self.judgements
            if it.verdict == t.COUNTED and str(period.back(12)) < it.period <= str(period)
        )
        lines: Counter[tuple[str, ...]] = Counter()
        listeners: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        for it in counted:
            assert it.payee is not None
            line = it.territory, it.plan, it.payee, it.track_id, it.of_period
            lines[line] += 1
            if (
                streams[it.track_id] >= terms.minimum_streams
                and (it.territory, it.plan) in by_listener
            ):
                listeners[it.territory, it.plan, it.user_id][line] += 1
        weights: Counter[tuple[str, ...]] = Counter()
        for theirs in listeners.values():
            weights.update(_divided(theirs))
        return [
            Played(*line, plays, weights[line], streams[line[3]] >= terms.minimum_streams)
            for line, plays in sorted(lines.items())
        ]

    def tracks(self, cutoff: datetime) -> dict[str, Described]:
        return {
            it.track_id: Described(
                it.title,
                ", ".join(it.artists),
                it.isrc,
                it.iswc,
                it.album,
                it.upc,
                it.label,
                it.duration_ms,
            )
            for it in self.tracks_told
            if it.occurred_at < cutoff
        }

    def payees(self, cutoff: datetime) -> dict[str, str]:
        return {
            it.licensor_id: it.licensor_name or it.licensor_id
            for it in self.licences
            if it.licensor_id
        }

    def verdicts(self, period: Period) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for it in self.judgements:
            if it.period == str(period):
                mine = found.setdefault(it.payee or "", {})
                mine[it.verdict] = mine.get(it.verdict, 0) + 1
        return found

    def explain(self, play_id: str) -> list[Judged]:
        return [
            Judged(
                it.play_id,
                it.track_id,
                it.started_at,
                it.heard_ms,
                it.verdict,
                it.measure,
                it.bound,
                it.period,
                it.of_period,
                it.payee,
                it.licence_id,
                it.lifted,
            )
            for it in sorted(self.judgements, key=lambda it: it.period)
            if it.play_id == play_id
        ]

    def screened(self, period: Period) -> list[dict[str, Any]]:
        found = Counter(
            (it.user_id, it.payee, it.verdict)
            for it in self.judgements
            if it.period == str(period) and it.verdict in t.SCREENS
        )
        return [
            {"user_id": user, "payee": payee, "verdict": verdict, "plays": plays, "for_example": ""}
            for (user, payee, verdict), plays in found.most_common()
        ]


def _divided(theirs: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    total = sum(theirs.values())
    whole = {line: LISTENER * plays // total for line, plays in theirs.items()}
    missing = LISTENER - sum(whole.values())
    order = sorted(theirs, key=lambda line: (-(LISTENER * theirs[line] % total), line[2:]))
    for line in order[:missing]:
        whole[line] += 1
    return whole


def _measures(
    fresh: Iterable[Judgement], earlier: Iterable[Judgement]
) -> dict[str, tuple[int, int, int, int]]:
    """Of each play: (ms within the hour, number of the day, of the track's day, in a row)."""
    by_user: dict[str, list[tuple[int, Judgement]]] = defaultdict(list)
    for new, some in ((1, fresh), (0, earlier)):
        for it in some:
            by_user[it.user_id].append((new, it))
    found: dict[str, tuple[int, int, int, int]] = {}
    hour = timedelta(hours=1)
    for theirs in by_user.values():
        days: Counter[Any] = Counter()
        number: dict[str, tuple[int, int]] = {}
        for _, it in sorted(theirs, key=lambda e: (e[0], e[1].started_at, e[1].play_id)):
            day = it.started_at.date()
            days[day] += 1
            days[day, it.track_id] += 1
            number[it.play_id] = days[day], days[day, it.track_id]
        inline = sorted((it for _, it in theirs), key=lambda it: (it.started_at, it.play_id))
        run, last = 0, None
        for it in inline:
            run, last = (run + 1 if it.track_id == last else 1), it.track_id
            within = sum(
                min(other.heard_ms, 3_600_000)
                for other in inline
                if it.started_at - hour <= other.started_at <= it.started_at
            )
            found[it.play_id] = (within, *number[it.play_id], run)
    return found


def _based(it: Judgement, terms: Terms) -> Judgement:
    ahead = it.started_at - it.occurred_at
    if ahead > timedelta(milliseconds=terms.skew_ms):
        ms = int(ahead / timedelta(milliseconds=1))
        return replace(it, verdict=t.FROM_FUTURE, measure=ms, bound=terms.skew_ms)
    if it.heard_ms < terms.counts_ms:
        return replace(it, verdict=t.TOO_SHORT, measure=it.heard_ms, bound=terms.counts_ms)
    return it


def _screened(
    it: Judgement, measures: dict[str, tuple[int, int, int, int]], terms: Terms
) -> Judgement:
    if it.verdict != t.COUNTED or it.lifted:
        return it
    bounds = terms.hour_ms, terms.day_plays, terms.track_day_plays, terms.loop_plays
    for verdict, measure, bound in zip(t.SCREENS, measures[it.play_id], bounds, strict=True):
        if measure > bound:
            return replace(it, verdict=verdict, measure=measure, bound=bound)
    return it
