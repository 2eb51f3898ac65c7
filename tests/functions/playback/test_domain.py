"""Decisions, projections and histories: plain values."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playback.domain import (
    Grant,
    Licence,
    Playable,
    grant,
    with_licence,
    with_track,
)
from functions.playback.history import KEPT, History, between, with_play
from shared.events import LicenceChanged, TrackChanged
from tests.functions.playback.events import TRACK, licence_changed, track_changed, track_played
from tests.web import NOW

HOUR = timedelta(hours=1)
READY = with_track(Playable(TRACK), track_changed()) or Playable(TRACK)


def licensed(*licences: Licence) -> Playable:
    return replace(READY, licences={licence.licence_id: licence for licence in licences})


def licence(id: str = "a", **changes: object) -> Licence:
    values: dict = {
        "version": 1,
        "territories": ("SE",),
        "plans": ("premium",),
        "starts_at": NOW - HOUR,
        "ends_at": NOW + 2 * HOUR,
        "withdrawn": False,
    }
    return Licence(id, **{**values, **changes})


def decide(playable: Playable, at: datetime = NOW, **changes: str) -> Grant:
    facts = {"territory": "SE", "plan": "premium", **changes}
    return grant(playable, at=at, lifetime=HOUR, **facts)


def test_a_covering_licence_grants_and_is_named():
    decision = decide(licensed(licence(version=7)))
    assert decision.allow
    assert (decision.licence_id, decision.version) == ("a", 7)
    assert decision.valid_until == NOW + HOUR
    assert decision.tier == "high"


def test_a_free_listener_gets_the_base_tier():
    decision = decide(licensed(licence(plans=("free",))), plan="free")
    assert decision.tier == "base"


@pytest.mark.parametrize(
    ("playable", "reason"),
    [
        (Playable(TRACK), "TRACK_NOT_READY"),
        (READY, "NO_LICENCE"),
        (licensed(licence(withdrawn=True)), "NO_LICENCE"),
        (licensed(licence(territories=("US",), plans=("free",), ends_at=NOW)), "TERRITORY"),
        (licensed(licence(starts_at=NOW + HOUR, plans=())), "WINDOW_NOT_OPEN"),
        (licensed(licence(ends_at=NOW - HOUR, plans=())), "WINDOW_CLOSED"),
        (licensed(licence(plans=("free",))), "PLAN"),
    ],
)
def test_a_denial_names_the_first_predicate_that_failed(playable: Playable, reason: str):
    decision = decide(playable)
    assert not decision.allow
    assert decision.reason == reason
    assert (decision.licence_id, decision.valid_until, decision.tier) == (None, None, None)


def test_the_window_is_half_open():
    playable = licensed(licence(starts_at=NOW, ends_at=NOW + HOUR))
    instant = timedelta(microseconds=1)
    assert not decide(playable, NOW - instant).allow
    assert decide(playable, NOW).allow
    assert decide(playable, NOW + HOUR - instant).allow
    assert decide(playable, NOW + HOUR).reason == "WINDOW_CLOSED"


def test_a_grant_ends_with_its_licence():
    ends_at = NOW + timedelta(minutes=10)
    assert decide(licensed(licence(ends_at=ends_at))).valid_until == ends_at


def test_of_several_licences_the_longest_lasting_is_named():
    short = licence("a", ends_at=NOW + timedelta(minutes=10))
    long = licence("b", ends_at=None)
    assert decide(licensed(short, long)).licence_id == "b"
    assert decide(licensed(long, licence("0", ends_at=None))).licence_id == "0"


def test_parts_of_different_licences_do_not_add_up():
    playable = licensed(
        licence("a", territories=("SE",), plans=("free",)),
        licence("b", territories=("US",), plans=("premium",)),
    )
    assert decide(playable).reason == "PLAN"


_instants = st.integers(-3, 3).map(lambda hours: NOW + hours * HOUR)
_licences = st.builds(
    Licence,
    licence_id=st.sampled_from("abcd"),
    version=st.integers(1, 3),
    territories=st.sampled_from([("*",), ("SE",), ("NO", "SE"), ("US",)]),
    plans=st.sampled_from([("free",), ("premium",), ("free", "premium")]),
    starts_at=st.none() | _instants,
    ends_at=st.none() | _instants,
    withdrawn=st.booleans(),
)


@given(st.lists(_licences, max_size=4), _instants, st.sampled_from(["SE", "US"]))
def test_a_grant_is_given_exactly_when_one_licence_covers_everything(
    licences: list[Licence], at: datetime, territory: str
):
    playable = licensed(*licences)
    covering = [
        item
        for item in playable.licences.values()
        if not item.withdrawn
        and {"*", territory} & set(item.territories)
        and (item.starts_at or at) <= at < (item.ends_at or at + HOUR)
        and "free" in item.plans
    ]
    decision = decide(playable, at, territory=territory, plan="free")
    assert decision.allow == bool(covering)
    if covering:
        assert decision.licence_id in {item.licence_id for item in covering}
        assert decision.valid_until is not None
        assert at < decision.valid_until <= at + HOUR


EVENTS = (
    track_changed(1),
    track_changed(2, title="Renamed"),
    licence_changed(1),
    licence_changed(2, withdrawn=True),
)


def project(playable: Playable, event: TrackChanged | LicenceChanged) -> Playable:
    if isinstance(event, TrackChanged):
        return with_track(playable, event) or playable
    return with_licence(playable, event) or playable


@pytest.mark.parametrize("order", list(itertools.permutations(EVENTS)))
def test_events_in_any_order_and_twice_give_the_same_projection(order: tuple):
    once = reduce(project, order, Playable(TRACK))
    assert once == reduce(project, EVENTS, Playable(TRACK))
    assert reduce(project, order, once) == once
    assert once.title == "Renamed"
    assert decide(once).reason == "NO_LICENCE"


def test_a_removed_track_is_not_ready():
    gone = with_track(READY, track_changed(2, removed=True))
    assert gone is not None
    assert gone.audio is None


def test_a_play_is_remembered_once_newest_first():
    events = [track_played(n, NOW + timedelta(minutes=n)) for n in (2, 0, 1, 2, 0)]
    known = reduce(lambda known, event: with_play(known, event) or known, events, History("u"))
    assert [play.played_at.minute for play in known.plays] == [2, 1, 0]


def test_no_more_plays_are_kept_than_are_ever_shown():
    known = History("u")
    for number in range(KEPT + 10):
        known = with_play(known, track_played(number, NOW + timedelta(minutes=number))) or known
    assert len(known.plays) == KEPT
    assert with_play(known, track_played(999, NOW - timedelta(days=1))) is None


def test_between_two_instants_are_the_plays_strictly_inside():
    known = History("u")
    for number in range(6):
        known = with_play(known, track_played(number, NOW + timedelta(minutes=number))) or known

    def minutes(after: int | None = None, before: int | None = None, limit: int = 20) -> list[int]:
        def at(minute: int | None) -> datetime | None:
            return None if minute is None else NOW + timedelta(minutes=minute)

        plays = between(known, after=at(after), before=at(before), limit=limit)
        return [play.played_at.minute for play in plays]

    assert minutes(limit=2) == [5, 4]
    assert minutes(before=4, limit=2) == [3, 2]
    assert minutes(after=1, limit=2) == [3, 2]
    assert minutes(after=1, before=4) == [3, 2]
