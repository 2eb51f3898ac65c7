"""The Web API's objects: each artist once, sizes of covers, where things are available."""

import msgspec
import pytest

from shared.events import Credit
from shared.ids import derived_id
from shared.territories import TERRITORIES
from shared.webapi.objects import NO_ID, Parts, availability

PARTS = Parts("https://segue.test")
ADA, BO = derived_id("ada"), derived_id("bo")


def plain(value: object) -> dict:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_artists_are_shown_once_in_order_and_producers_not():
    credits = [
        Credit(BO, "Bo", "producer"),
        Credit(ADA, "Ada", "main"),
        Credit(BO, "Bo", "featured"),
        Credit(ADA, "Ada's Remix", "remixer"),
    ]
    shown = PARTS.artists(credits)
    assert [(it["id"], it["name"]) for it in shown] == [(ADA, "Ada"), (BO, "Bo")]
    assert shown[0]["href"] == f"https://segue.test/v1/artists/{ADA}"


def test_names_without_artists_are_all_shown():
    shown = PARTS.artists([Credit("", "Ada", "main"), Credit("", "Bo", "main")])
    assert [(it["id"], it["name"]) for it in shown] == [(NO_ID, "Ada"), (NO_ID, "Bo")]


def test_covers_come_in_sizes_largest_first():
    assert PARTS.images(None) == []
    assert [it["width"] for it in PARTS.images("c")] == [640, 300, 64]


@pytest.mark.parametrize(
    ("date", "shown", "precision"),
    [("2026-02-03", "2026-02-03", "day"), ("2026-02", "2026-02", "month"),
     ("2026", "2026", "year"), (None, "0000", "year")],
)  # fmt: skip
def test_dates_say_how_precise_they_are(date: str | None, shown: str, precision: str):
    view = PARTS.album(
        ADA,
        name="First",
        album_type="ep",
        credits=(),
        cover_id=None,
        release_date=date,
        total_tracks=3,
        availability={},
    )
    assert (view["release_date"], view["release_date_precision"]) == (shown, precision)
    assert view["album_type"] == "single"


def test_without_a_market_all_but_the_blocked_are_listed():
    assert plain(availability((), True, None)) == {"available_markets": sorted(TERRITORIES)}
    listed = plain(availability(("DE", "US"), True, None))["available_markets"]
    assert set(listed) == TERRITORIES - {"DE", "US"}
    assert plain(availability((), False, None)) == {"available_markets": [], "is_playable": False}


def test_with_a_market_it_is_playable_there_or_not():
    assert availability(("DE",), True, "SE") == {"is_playable": True}
    refused = {"is_playable": False, "restrictions": {"reason": "market"}}
    assert availability(("DE",), True, "DE") == refused
    assert availability((), False, "SE") == refused


def test_a_preview_has_an_address_where_it_may_be_heard():
    parts = Parts("https://h")
    assert parts.preview_url("t", ("*",), "SE") == "https://h/v1/previews/t?market=SE"
    assert parts.preview_url("t", ("*",), None) == "https://h/v1/previews/t"
    assert parts.preview_url("t", ("NO", "SE"), "SE") == "https://h/v1/previews/t?market=SE"
    assert parts.preview_url("t", ("NO", "SE"), "DK") is None
    assert parts.preview_url("t", ("NO", "SE"), None) is None
    assert parts.preview_url("t", (), "SE") is None
