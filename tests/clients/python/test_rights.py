"""Rights as people read them."""

from typing import Any

import pytest
from segue.rights import explanation, moment, taken, terms, track_id_of

ID = "4uLU6hMCjMI75M1A2tKUQC"
DEAL = {
    "licence_id": "L" * 22,
    "licensor_id": "small",
    "kind": "grant",
    "models": ["SubscriptionModel"],
    "uses": ["Stream"],
    "territories": ["Worldwide"],
    "excluded": ["US"],
    "starts": "2026-04-01T00:00:00",
    "ends": "2027-01-01T00:00:00Z",
    "usages": None,
    "ours": True,
    "reason": "PLAN",
}
TOLD: dict[str, Any] = {
    "track_id": ID,
    "territory": "SE",
    "plan": "free",
    "use": "OnDemandStream",
    "at": "2026-11-20T12:00:00Z",
    "decision": {
        "allow": False, "reason": "PLAN", "licence_id": None, "version": 3, "valid_until": None,
    },
    "message": "no: no licence here covers this plan; nothing says it ever will be",
    "opens_at": None,
    "closes_at": None,
    "other_plans": ["premium"],
    "periods": [
        {"starts_at": None, "ends_at": None, "allow": False, "reason": "PLAN", "licence_id": None}
    ],
    "deals": [DEAL],
}  # fmt: skip


def test_an_answer_says_why_not_and_what_would_do():
    track = {"name": "Song", "artists": [{"name": "Ada"}], "external_ids": {"isrc": "SEABC2600001"}}
    assert list(explanation(TOLD, track)) == [
        "Track     Song by Ada  ISRC SEABC2600001",
        "Asked     OnDemandStream in SE on the free plan, 2026-11-20 12:00:00 UTC",
        "Answer    NO: no licence here covers this plan; nothing says it ever will be",
        "          on the premium plan it can be now",
        "Rights    version 3",
        "Licences, the nearest to fitting first",
        f"  {'L' * 22}  of small: does not cover this plan",
        "      subscription; Stream; everywhere but not US; from 2026-04-01 00:00:00 local time;"
        " until 2027-01-01 00:00:00 UTC",
    ]


def test_periods_are_listed_where_time_matters():
    licence = {"reason": "LICENSED", "licence_id": "L", "allow": True}
    periods = [
        {"starts_at": None, "ends_at": "2026-04-01T00:00:00Z", "allow": False,
         "reason": "WINDOW_NOT_OPEN", "licence_id": None},
        {"starts_at": "2026-04-01T00:00:00Z", "ends_at": None, **licence},
    ]  # fmt: skip
    lines = [*explanation({**TOLD, "periods": periods, "deals": None}, None)]
    assert lines[-2].split() == [
        "until",
        "2026-04-01",
        "00:00:00",
        "UTC",
        "no",
        "has",
        "not",
        "begun",
    ]
    assert lines[-1].split() == ["from", "2026-04-01", "00:00:00", "UTC", "yes", "licence", "L"]


@pytest.mark.parametrize(
    "text", [ID, f"spotify:track:{ID}", f"https://segue.example/#/track/{ID}", f" {ID} "]
)
def test_a_track_is_named_in_any_of_its_ways(text: str):
    assert track_id_of(text) == ID
    assert track_id_of("song") is None


def test_terms_and_moments_read_as_words():
    assert moment("2026-04-01T00:00:00.500000Z") == "2026-04-01 00:00:00 UTC"
    holdback = {**DEAL, "kind": "holdback", "models": [], "uses": [], "excluded": [],
                "territories": ["SE"], "starts": None, "ends": None, "usages": 3}  # fmt: skip
    assert terms(holdback) == "HOLDBACK; SE; from ever; without end; 3 plays in all"


def test_what_became_of_a_message_names_lines_and_what_waits():
    told = {
        "kind": "NewReleaseMessage", "message_id": "m1", "licensor_name": "Small Label",
        "licensor_id": "PADPIDA2007040502I", "made_at": "2026-02-01T10:00:00Z", "test": False,
        "releases": [{"release": "icpn:1", "status": "imported", "deals": 2, "tracks": 1,
                      "waiting": ["SEABC2600002"], "effective": False}],
        "problems": [{"line": 12, "subject": "A1", "reason": "INVALID_ISRC", "message": "no"}],
    }  # fmt: skip
    assert list(taken(told)) == [
        "NewReleaseMessage m1 of Small Label [PADPIDA2007040502I], made 2026-02-01 10:00:00 UTC",
        "  imported   icpn:1: 2 deals, 1 tracks; waiting for tracks with ISRC SEABC2600002;"
        " NOT YET EFFECTIVE, send it again",
        "  refused    line 12, A1: no [INVALID_ISRC]",
    ]
