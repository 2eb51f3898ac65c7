"""Licences: what may be said, and how they change."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from functions.rights import domain
from functions.rights.domain import Licence
from shared.errors import Invalid
from shared.ids import derived_id
from shared.territories import TERRITORIES

AT = datetime(2026, 3, 1, tzinfo=UTC)
TRACK = derived_id("track")


def licence(**changes: object) -> Licence:
    values: dict = {
        "track_ids": [TRACK],
        "territories": ["SE", "NO"],
        "plans": ["premium", "free"],
        "starts_at": None,
        "ends_at": None,
        "by": "label",
        "at": AT,
    }
    return domain.new_licence("licence", **{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"track_ids": []}, "INVALID"),
        ({"track_ids": ["x"]}, "INVALID_ID"),
        ({"track_ids": [f"{n:022}" for n in range(domain.MAX_TRACKS + 1)]}, "INVALID"),
        ({"territories": []}, "INVALID_TERRITORY"),
        ({"territories": ["SE", "XX"]}, "INVALID_TERRITORY"),
        ({"territories": ["se"]}, "INVALID_TERRITORY"),
        ({"territories": ["SWE"]}, "INVALID_TERRITORY"),
        ({"territories": ["\ud800"]}, "INVALID_TERRITORY"),
        ({"plans": []}, "INVALID_PLAN"),
        ({"plans": ["gold"]}, "INVALID_PLAN"),
        ({"starts_at": AT, "ends_at": AT}, "EMPTY_WINDOW"),
        ({"starts_at": AT, "ends_at": AT - timedelta(days=1)}, "EMPTY_WINDOW"),
        (
            {"ends_at": datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12)))},
            "INVALID_INSTANT",
        ),
    ],
)
def test_wrong_licences_have_named_errors(changes: dict, code: str):
    with pytest.raises(Invalid) as caught:
        licence(**changes)
    assert caught.value.code == code


def test_worldwide_swallows_single_territories():
    assert licence(territories=["SE", "*"]).territories == ("*",)


def test_repeats_are_dropped_and_order_does_not_matter():
    one = licence(track_ids=[TRACK, TRACK], territories=["SE", "NO", "SE"])
    assert one.track_ids == (TRACK,)
    assert one.territories == ("NO", "SE")


def test_windows_are_kept_in_utc():
    starts_at = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert licence(starts_at=starts_at).starts_at == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_withdrawing_raises_the_version_once():
    first = licence()
    gone = domain.withdraw(first, AT + timedelta(hours=1))
    assert (gone.version, gone.withdrawn) == (2, True)
    assert gone.unpublished_at == AT + timedelta(hours=1)
    assert domain.withdraw(gone, AT + timedelta(hours=2)) is gone


def test_only_the_current_version_counts_as_published():
    first = licence()
    gone = domain.withdraw(first, AT)
    assert domain.published(gone, 1) is None
    marked = domain.published(gone, 2)
    assert marked is not None
    assert marked.unpublished_at is None
    assert domain.published(marked, 2) is None


def test_the_same_version_is_always_told_with_the_same_event_id():
    first = licence()
    again = domain.changed(first, AT + timedelta(hours=1))
    assert domain.changed(first, AT).event_id == again.event_id
    assert domain.changed(domain.withdraw(first, AT), AT).event_id != again.event_id


def test_the_territories_are_those_of_iso_3166_and_kosovo():
    assert len(TERRITORIES) == 250
    assert {"SE", "US", "JP", "BQ", "SS", "XK"} <= TERRITORIES
    assert not {"EU", "UK", "SU", "AN", "YU", "*"} & TERRITORIES
