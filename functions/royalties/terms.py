"""Which plays count, and which are screened out as not a person's listening: the bounds. Pure.

A verdict is COUNTED or the first reason why not, in the order below; `explained` says it in words.
Whoever is screened out wrongly is reinstated by hand (the bounds are not the law): the play is
then booked in the open period.
"""

from dataclasses import dataclass
from datetime import datetime

COUNTED = "COUNTED"
FROM_FUTURE = "FROM_FUTURE"
TOO_SHORT = "TOO_SHORT"
UNKNOWN_TRACK = "UNKNOWN_TRACK"
UNLICENSED = "UNLICENSED"
VELOCITY = "SCREEN_VELOCITY"
DAILY_CAP = "SCREEN_DAILY_CAP"
TRACK_CAP = "SCREEN_TRACK_CAP"
LOOP = "SCREEN_LOOP"
SCREENS = (VELOCITY, DAILY_CAP, TRACK_CAP, LOOP)
VERDICTS = (COUNTED, FROM_FUTURE, TOO_SHORT, UNKNOWN_TRACK, UNLICENSED, *SCREENS)


@dataclass(frozen=True, slots=True)
class Terms:
    """The bounds; a play at a bound still counts.

    `counts_ms`: so much of a track must have been heard. `skew_ms`: a play may have begun so much
    after it was reported. `hour_ms`: an account's plays that began within an hour may last so
    long together, each taken as an hour at most. `day_plays` and `track_day_plays`: of an account
    on one day, in all and of one track. `loop_plays`: of one track in a row. `minimum_streams`: of
    a track within twelve months, else it shares in no pool.
    """

    counts_ms: int = 30_000
    skew_ms: int = 300_000
    hour_ms: int = 7_200_000
    day_plays: int = 600
    track_day_plays: int = 50
    loop_plays: int = 20
    minimum_streams: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """One play, as it was judged."""

    play_id: str
    track_id: str
    started_at: datetime
    heard_ms: int
    verdict: str
    measure: int | None
    bound: int | None
    period: str
    of_period: str
    payee: str | None
    licence_id: str | None
    lifted: bool


def explained(it: Judged) -> str:
    """The verdict as a rights holder understands it."""
    heard = f"{it.heard_ms / 1000:.3f} s of it were heard"
    if it.verdict == COUNTED:
        late = "" if it.period == it.of_period else f", as a late play of {it.of_period}"
        by_hand = "; its screens were lifted by hand" if it.lifted else ""
        return f"counts for {it.payee} in {it.period}{late}: {heard}{by_hand}"
    bound, measure = it.bound or 0, it.measure or 0
    return {
        FROM_FUTURE: f"does not count: it began {measure / 1000:.0f} s after it was reported",
        TOO_SHORT: f"does not count: {heard}, {bound / 1000:.3f} s are needed; hearing the same"
        " part again adds nothing",
        UNKNOWN_TRACK: "does not count: the catalog has no such track",
        UNLICENSED: "does not count: no licence covers the track",
        VELOCITY: f"screened out: the account began {measure / 60_000:.0f} minutes of music within"
        f" an hour; {bound / 60_000:.0f} are believed",
        DAILY_CAP: f"screened out: it is the account's play number {measure} of the day;"
        f" {bound} are believed",
        TRACK_CAP: f"screened out: it is the account's play number {measure} of this track on one"
        f" day; {bound} are believed",
        LOOP: f"screened out: it is play number {measure} of this track in a row; {bound} are"
        " believed",
    }[it.verdict] + (". It can be reinstated" if it.verdict in SCREENS else "")
