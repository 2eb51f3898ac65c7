"""Compiled decisions against the raw deals: no false allow, no false denial."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.errors import Invalid
from shared.rights.clocks import EVERY_OFFSET, clocks_of
from shared.rights.deals import Deal
from shared.rights.moments import after_last, first_of
from shared.rights.shapes import PREDICATES, Shape, Shapes
from shared.rights.territories import ALL
from shared.rights.zones import ZONES
from tests.rights import deal
from tests.shared.rights import oracle

PLANS = ("free", "premium")
USES = ("OnDemandStream", "NonInteractiveStream", "ClipPreview", "ReleaseDisplay", "PreOrder")
AT = datetime(2026, 6, 1, tzinfo=UTC)


def on_demand(shape: Shape, at: datetime, territory: str = "SE", **more: object):
    return shape.decide(territory, "premium", "OnDemandStream", at, **more)  # type: ignore[arg-type]


def compare(seed: int, *, every: int = 1) -> int:
    """Decisions of one random set of deals that were compared."""
    luck = random.Random(seed)
    deals = oracle.random_deals(luck)
    shape = Shape(deals)
    told = {
        (code, place): oracle.includes(it, code) for place, it in enumerate(deals) for code in ALL
    }
    inside = [replace(it, territories=("SE",), excluded=()) for it in deals]
    outside = [replace(it, territories=("NO",), excluded=()) for it in deals]
    count = 0
    for at in oracle.instants(deals):
        offset = luck.choice(EVERY_OFFSET)
        for code in ALL[luck.randrange(every) :: every]:
            # As if this were Sweden, so that the oracle need not expand groups each time.
            here = tuple(
                inside[place] if told[code, place] else outside[place]
                for place in range(len(deals))
            )
            plan, use = luck.choice(PLANS), luck.choice(USES)
            used = luck.choice((None, 2, 3))
            wanted = oracle.decide(
                here, "SE", plan, use, at, at.replace(tzinfo=None) + offset, used
            )
            found = shape.decide(code, plan, use, at, used=used, offset=offset)
            assert (found.allow, found.reason) == (wanted == "LICENSED", wanted), (
                seed, deals, code, plan, use, at, offset,
            )  # fmt: skip
            count += 1
    return count


def compare_here(seed: int, *, every: int) -> int:
    """As `compare`, where nobody knows the listener's clock."""
    luck = random.Random(seed)
    deals = oracle.random_deals(luck)
    shape = Shape(deals)
    count = 0
    for at in oracle.instants(deals):
        for code in ALL[luck.randrange(every) :: every]:
            plan, use = luck.choice(PLANS), luck.choice(USES)
            naive = at.replace(tzinfo=None)
            zones = ["Africa/Ceuta"] if code in ("ES-CE", "ES-ML") else ZONES.get(code, ())
            zones = ["Atlantic/Canary"] if code == "ES-CN" else zones
            walls = {at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones} or {
                naive + timedelta(hours=hours) for hours in range(-12, 15)
            }
            wanted = {oracle.decide(deals, code, plan, use, at, wall) for wall in walls}
            found = shape.decide(code, plan, use, at)
            assert found.allow == (wanted == {"LICENSED"}), (seed, deals, code, plan, use, at)
            assert found.reason in wanted
            if found.valid_until is not None:
                last = found.valid_until - timedelta(seconds=1)
                later = shape.decide(code, plan, use, max(at, last))
                assert later.allow == found.allow, (seed, deals, code, plan, use, at)
            count += 1
    return count


@pytest.mark.parametrize("seed", range(40))
def test_no_false_allow_and_no_false_denial(seed: int):
    assert compare(seed, every=5) > 50
    assert compare_here(seed, every=23) > 10


@pytest.mark.slow
def test_no_false_allow_and_no_false_denial_anywhere():
    compared = sum(compare(seed) + compare_here(seed, every=5) for seed in range(100, 220))
    print(f"{compared} decisions compared")
    assert compared > 500_000


def test_every_predicate_is_met_by_the_random_deals():
    seen: set[str] = set()
    for seed in range(400):
        luck = random.Random(seed)
        deals = oracle.random_deals(luck)
        shape, at = Shape(deals), luck.choice(oracle.instants(deals))
        seen |= {
            shape.decide(code, luck.choice(PLANS), luck.choice(USES), at).reason
            for code in ("SE", "US", "KI")
        }
    assert seen == {*PREDICATES, "LICENSED"}


@pytest.mark.parametrize("offset", EVERY_OFFSET)
def test_a_local_bound_is_met_when_the_wall_clock_says_so(offset: timedelta):
    shape = Shape((deal(starts="2026-03-01T00:00:00", ends="2026-04-01T00:00:00"),))
    opens = datetime(2026, 3, 1, tzinfo=UTC) - offset
    closes = datetime(2026, 4, 1, tzinfo=UTC) - offset
    second = timedelta(seconds=1)
    asked = [opens - second, opens, closes - second, closes]
    found = [on_demand(shape, at, offset=offset) for at in asked]
    assert [it.reason for it in found] == [
        "WINDOW_NOT_OPEN", "LICENSED", "LICENSED", "WINDOW_CLOSED",
    ]  # fmt: skip
    assert [it.valid_until for it in found] == [opens, closes, closes, None]


def test_a_time_in_the_hour_that_spring_skips_is_met_when_the_clock_jumps_past_it():
    shape = Shape((deal(starts="2026-03-29T02:30:00"),))
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 02:00 becomes 03:00 in Stockholm
    before = on_demand(shape, jump - timedelta(seconds=1))
    assert (before.reason, before.valid_until) == ("WINDOW_NOT_OPEN", jump)
    assert on_demand(shape, jump).allow


def test_a_time_in_the_hour_that_autumn_repeats_is_met_twice():
    """The rule is the wall clock's word: between the two it says an earlier time."""
    shape = Shape((deal(starts="2026-10-25T02:30:00"),))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    back = datetime(2026, 10, 25, 1, tzinfo=UTC)
    once = on_demand(shape, first)
    assert (once.allow, once.valid_until) == (True, back)
    again = on_demand(shape, back)
    assert (again.reason, again.valid_until) == ("WINDOW_NOT_OPEN", back + timedelta(minutes=30))
    assert on_demand(shape, back + timedelta(minutes=30)).allow


def test_either_side_of_the_date_line_the_day_is_its_own():
    shape = Shape((deal(starts="2026-05-01T00:00:00"),))
    midnight = datetime(2026, 5, 1, tzinfo=UTC)
    assert on_demand(shape, midnight - timedelta(hours=13), "WS").allow  # Samoa, +13
    assert not on_demand(shape, midnight + timedelta(hours=10, minutes=59), "AS").allow
    assert on_demand(shape, midnight + timedelta(hours=11), "AS").allow  # American Samoa, -11
    # Kiribati has +12, +13 and +14: all of it must be there.
    assert not on_demand(shape, midnight - timedelta(hours=13), "KI").allow
    assert on_demand(shape, midnight - timedelta(hours=12), "KI").allow


def test_the_29th_of_february_is_a_day_and_only_where_the_year_has_one():
    shape = Shape((deal(starts=first_of("2028-02-29"), ends=after_last("2028-02-29")),))
    opens, second = datetime(2028, 2, 28, 23, tzinfo=UTC), timedelta(seconds=1)  # Stockholm, +1
    closes = opens + timedelta(days=1)
    found = [on_demand(shape, at) for at in (opens - second, opens, closes - second, closes)]
    assert [it.reason for it in found] == [
        "WINDOW_NOT_OPEN", "LICENSED", "LICENSED", "WINDOW_CLOSED",
    ]  # fmt: skip
    # It is followed by March, as the 28th is in any other year.
    assert first_of("2028-03-01") == after_last("2028-02-29")
    assert first_of("2027-03-01") == after_last("2027-02-28")
    for no_day in ("2027-02-29", "2100-02-29", "2028-02-30"):
        with pytest.raises(Invalid):
            first_of(no_day)


def test_offsets_hold_until_the_next_change_and_a_month_at_most():
    at = datetime(2026, 3, 20, tzinfo=UTC)
    assert clocks_of("SE", at) == ((timedelta(hours=1),), datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert clocks_of("JP", at)[1] == at + timedelta(days=30)
    assert len(clocks_of("US", at)[0]) == 7
    assert len(clocks_of("BV", at)[0]) == 27, "nobody's clock: every hour there is"


def test_the_best_licence_is_named():
    def named(*deals: Deal) -> str | None:
        return on_demand(Shape(deals), AT).licence_id

    soon, late = AT + timedelta(days=1), AT + timedelta(days=2)
    assert named(deal(licence_id="a", ends_at=soon), deal(licence_id="b", ends_at=late)) == "b"
    assert named(deal(licence_id="a", ends_at=soon), deal(licence_id="b")) == "b"
    assert named(deal(licence_id="b"), deal(licence_id="a")) == "a"
    assert named(deal(licence_id="a", usages=5), deal(licence_id="b", ends_at=soon)) == "b"


def test_parts_of_different_licences_do_not_add_up():
    shape = Shape((deal(territories=("SE",), plans=("free",)), deal(territories=("US",))))
    assert on_demand(shape, AT).reason == "PLAN"


def test_a_deal_that_counts_lets_nothing_until_the_count_is_known():
    shape = Shape((deal(usages=2),))
    assert [on_demand(shape, AT, used=used).reason for used in (None, 0, 1, 2)] == [
        "USAGES", "LICENSED", "LICENSED", "USAGES",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "asked",
    [
        ("XX", "premium", "OnDemandStream"),
        ("", "premium", "OnDemandStream"),
        ("SE", "gold", "OnDemandStream"),
        ("SE", "premium", "UserDefined"),
        ("SE", "premium", "Teleport"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_denied(asked: tuple[str, str, str]):
    shape = Shape((deal(uses=("Stream", "UserDefined")),))
    assert not shape.decide(*asked, AT).allow


def test_a_use_contains_the_narrower_ones_and_not_the_wider():
    wide, narrow = Shape((deal(),)), Shape((deal(uses=("OnDemandStream",)),))
    for use in oracle.STREAMS:
        assert wide.decide("SE", "free", use, AT).allow
        assert narrow.decide("SE", "free", use, AT).allow == (use == "OnDemandStream")
    assert not narrow.decide("SE", "free", "Stream", AT).allow
    assert not wide.decide("SE", "free", "ConditionalDownload", AT).allow


def test_a_preview_needs_a_deal_but_not_its_plan():
    shape = Shape((deal(plans=("premium",), clips_from="2026-05-01T00:00:00Z",
                        starts="2026-07-01T00:00:00Z"),))  # fmt: skip
    for plan in PLANS:
        assert shape.decide("SE", plan, "ClipPreview", AT).allow
    assert not shape.decide("SE", "premium", "OnDemandStream", AT).allow
    assert not Shape((deal(clips=False),)).decide("SE", "free", "ClipPreview", AT).allow
    sold = deal(models=("PayAsYouGoModel",), uses=("PermanentDownload",))
    assert not Shape((sold,)).decide("SE", "free", "ClipPreview", AT).allow


def test_the_same_deals_in_any_order_are_one_shape():
    shapes = Shapes(at_most=2)
    one, two = deal(licence_id="a"), deal(licence_id="b")
    assert shapes.of((one, two)) is shapes.of((two, one))
    assert shapes.of(()) is shapes.of(())
    for number in range(5):
        shapes.of((deal(licence_id=str(number)),))
    assert len(shapes) == 2


def test_markets_are_where_anybody_may():
    shape = Shape((deal(territories=("2EN", "ES-CN"), excluded=("FR",), plans=("free",)),))
    markets = shape.markets("OnDemandStream", AT)
    assert len(markets) == 26 + 3
    assert {"SE", "ES", "ES-CN"} <= set(markets)
    assert "FR" not in markets
