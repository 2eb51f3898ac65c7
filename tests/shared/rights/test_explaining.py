"""Explanations: every stretch of time says what a decision within it would."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from shared.rights.explaining import moment, periods, verdicts
from shared.rights.shapes import PREDICATES, Shape
from tests.rights import deal
from tests.shared.rights import oracle
from tests.web import NOW


@pytest.mark.parametrize("seed", range(60))
def test_periods_say_what_decisions_within_them_do(seed: int):
    luck = random.Random(seed)
    shape = Shape(oracle.random_deals(luck))
    territory, plan = luck.choice(("SE", "US", "KI", "WS", "BV")), luck.choice(("free", "premium"))
    use = luck.choice(("OnDemandStream", "ClipPreview", "PreOrder"))
    found = periods(shape, territory, plan, use)
    assert found[0].starts_at is None
    assert found[-1].ends_at is None or len(found) == 60
    for one, other in itertools.pairwise(found):
        assert one.ends_at == other.starts_at
        assert (one.allow, one.reason, one.licence_id) != (
            other.allow, other.reason, other.licence_id,
        )  # fmt: skip
    for it in found:
        start = it.starts_at or (it.ends_at or NOW) - timedelta(days=30)
        end = it.ends_at or start + timedelta(days=30)
        for at in (start, start + (end - start) / 2, end - timedelta(seconds=1)):
            decision = shape.decide(territory, plan, use, at)
            assert (decision.allow, decision.reason) == (it.allow, it.reason), (it, at)


def test_each_deal_is_judged_by_itself_the_nearest_to_fitting_first():
    later = datetime(2026, 4, 1, tzinfo=UTC)
    deals = (
        deal(licence_id="a", territories=("US",)),
        deal(licence_id="b", plans=("free",)),
        deal(licence_id="c", starts_at=later),
        deal(licence_id="d", ours=False),
        deal(licence_id="e", kind="holdback", models=(), uses=(), territories=("SE",)),
        deal(licence_id="f", uses=("Download",)),
        deal(licence_id="g"),
    )
    found = verdicts(Shape(deals), "SE", "premium", "OnDemandStream", NOW)
    assert [(it.deal.licence_id, it.reason) for it in found] == [
        ("g", "LICENSED"), ("e", "HELD_BACK"), ("c", "WINDOW_NOT_OPEN"), ("b", "PLAN"),
        ("f", "USE"), ("a", "TERRITORY"), ("d", "CHANNEL"),
    ]  # fmt: skip
    assert {it.reason for it in found} - {"LICENSED"} <= set(PREDICATES)


def test_moments_are_told_with_whose_clock():
    assert moment("2026-04-01T00:00:00Z") == "2026-04-01 00:00:00 UTC"
    assert moment("2026-04-01T00:00:00") == "2026-04-01 00:00:00 local time"
    assert moment(None) is None
