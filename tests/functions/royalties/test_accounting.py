"""Closing: once, in order, whatever is cut short; and replayed to the same byte."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from functions.royalties import ledger
from functions.royalties.accounting import BACK, Accounting
from functions.royalties.periods import Period
from functions.royalties.terms import DAILY_CAP, Terms
from functions.royalties.warehouse import Snapshot
from shared.errors import Conflict, NotFound
from tests.functions.royalties.events import listening, played
from tests.functions.royalties.fakes import SEPTEMBER, Royalties

OCTOBER = SEPTEMBER.next
TIGHT = Terms(day_plays=40, track_day_plays=20, loop_plays=5)


async def filled(plays, at: datetime, terms: Terms = TIGHT) -> Royalties:
    it = Royalties(terms=terms)
    it.oracle.plays = list(plays)
    it.clock.at = at
    for period in (SEPTEMBER, OCTOBER):
        for where in ("SE", "NO"):
            await it.pool(1_000_001, period, where, "premium")
            await it.pool(77_777, period, where, "free", method="user-centric")
    return it


async def test_replaying_shuffled_and_doubled_events_gives_the_same_ledger_to_the_byte():
    plays = listening(5, 900)
    late = datetime(2026, 11, 20, tzinfo=UTC)
    hashes: set[tuple[str, ...]] = set()
    for seed in range(4):
        told = plays * (1 + seed % 2)
        random.Random(seed).shuffle(told)
        it = await filled(told, late)
        await it.accounting.run()
        states = await it.books.states()
        assert [state.status for state in states] == ["closed", "closed", "open"]
        hashes.add(tuple(state.hash or "" for state in states))
        text = await it.asked.ledger(OCTOBER)
        entries = [ledger.parse(line) for line in text.splitlines()]
        assert not any(
            amount for (account, _), amount in ledger.balances(entries).items()
            if account.startswith("pool/")
        )  # fmt: skip
    assert len(hashes) == 1
    one = await filled(plays[300:], late)
    await one.accounting.run()
    assert tuple(state.hash or "" for state in await one.books.states()) not in hashes


async def test_a_period_waits_for_its_grace_and_until_then_is_provisional():
    it = await filled([played(1)], datetime(2026, 10, 3, tzinfo=UTC))
    assert await it.accounting.run() == {"2026-09": "accrued", "2026-10": "accrued"}
    document = await it.asked.statement("payee-0", SEPTEMBER)
    assert (document.status, document.ledger) == ("provisional", "")
    assert document.totals == {"SEK": 1_000_001}
    it.clock.forward(days=4)
    done = await it.accounting.run()
    assert done["2026-09"].startswith("closed: ")
    document = await it.asked.statement("payee-0", SEPTEMBER)
    assert document.status == "final"
    assert document.ledger == (await it.books.closed(SEPTEMBER)).hash


async def test_late_plays_are_booked_once_in_the_open_period_with_a_reference():
    offline = played(2, occurred_at=datetime(2026, 10, 20, tzinfo=UTC), offline=True)
    again = played(3, play_id="play-2", started_at=offline.started_at,
                   occurred_at=datetime(2026, 11, 2, tzinfo=UTC))  # fmt: skip
    it = await filled([played(1)], datetime(2026, 10, 6, tzinfo=UTC))
    await it.accounting.run()
    hash = (await it.books.closed(SEPTEMBER)).hash
    it.oracle.plays += [offline, again, played(4, started_at=datetime(2026, 10, 9, tzinfo=UTC))]
    it.clock.at = datetime(2026, 11, 8, tzinfo=UTC)
    await it.accounting.run()
    assert (await it.books.closed(SEPTEMBER)).hash == hash
    document = await it.asked.statement("payee-0", OCTOBER)
    assert [(item.of_period, item.plays) for item in document.items] == [
        ("2026-09", 1),
        ("2026-10", 1),
    ]
    (verdict,) = await it.asked.explain("play-2")
    assert "as a late play of 2026-09" in verdict["why"]


async def test_closed_periods_are_immutable():
    it = await filled([played(1)], datetime(2026, 10, 6, tzinfo=UTC))
    first = await it.accounting.close(SEPTEMBER)
    objects = dict(it.vault.objects)
    it.oracle.plays += [played(number) for number in range(5, 20)]
    assert await it.accounting.close(SEPTEMBER) == first
    await it.accounting.run()
    assert {name: it.vault.objects[name] for name in objects} == objects
    for change in (
        it.pool(5),
        it.books.must_be_open(SEPTEMBER),
    ):
        with pytest.raises(Conflict) as caught:
            await change
        assert caught.value.code == "PERIOD_CLOSED"


@pytest.mark.parametrize("writes", range(6))
async def test_a_closing_that_is_cut_short_is_finished_with_the_same_result(writes: int):
    plays = listening(7, 200, 1)
    whole = await filled(plays, datetime(2026, 10, 6, tzinfo=UTC))
    expected = (await whole.accounting.close(SEPTEMBER)).hash
    it = await filled(plays, datetime(2026, 10, 6, tzinfo=UTC))
    it.vault.fail_after = writes
    with pytest.raises(OSError, match="killed"):
        await it.accounting.close(SEPTEMBER)
    assert (await it.books.state(SEPTEMBER)).status == "closing"
    with pytest.raises(Conflict):
        await it.pool(9)
    it.vault.fail_after = None
    it.clock.forward(days=1)
    await it.accounting.run()
    assert (await it.books.closed(SEPTEMBER)).hash == expected


async def test_what_closed_it_counts_even_if_nobody_wrote_down_that_it_did():
    it = await filled([played(1)], datetime(2026, 10, 6, tzinfo=UTC))
    closed = await it.accounting.close(SEPTEMBER)
    from functions.royalties.books import PeriodState

    await it.books.periods.put("2026-09", PeriodState("2026-09", "closing", closed.cutoff))
    await it.corrections.adjust("a" * 22, payee="payee-0", currency="SEK", amount=5,
                                source="revenue", reason="came in between", by="me")  # fmt: skip
    assert (await it.accounting.close(SEPTEMBER)).hash == closed.hash
    assert len(await it.books.entries_of("waiting")) == 1


@pytest.mark.parametrize(
    ("at", "cutoff", "code"),
    [
        (datetime(2026, 10, 2, tzinfo=UTC), None, "PERIOD_NOT_OVER"),
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC),
         "PERIOD_NOT_OVER"),
        (datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC), "PERIOD_NOT_OVER"),
    ],
)  # fmt: skip
async def test_a_period_is_not_closed_before_its_reports_can_have_come(at, cutoff, code: str):
    it = await filled([played(1)], at)
    for asked in (it.accounting.close(SEPTEMBER, cutoff),
                  it.corrections.may_close(SEPTEMBER, cutoff)):  # fmt: skip
        with pytest.raises(Conflict) as caught:
            await asked
        assert caught.value.code == code


async def test_periods_are_closed_in_order_and_with_pools():
    it = await filled([played(1)], datetime(2027, 1, 8, tzinfo=UTC))
    await it.accounting.close(SEPTEMBER)
    for wrong, code in ((Period(2026, 12), "OUT_OF_ORDER"), (Period(2026, 8), "OUT_OF_ORDER")):
        with pytest.raises(Conflict) as caught:
            await it.accounting.close(wrong)
        assert caught.value.code == code
    await it.accounting.close(OCTOBER)
    done = await it.accounting.run()
    assert "NO_POOLS" in done["2026-11"]
    assert done["2026-12"] == "accrued"


async def test_what_is_reinstated_is_booked_in_the_open_period():
    start = datetime(2026, 9, 4, tzinfo=UTC)
    plays = [played(it, started_at=start + timedelta(minutes=4 * it)) for it in range(30)]
    it = await filled(plays, datetime(2026, 10, 6, tzinfo=UTC), Terms(day_plays=28, loop_plays=99))
    await it.accounting.run()
    (screened,) = await it.asked.screened(SEPTEMBER)
    assert (screened["verdict"], screened["plays"]) == (DAILY_CAP, 2)
    (verdict,) = await it.asked.explain("play-29")
    assert "play number 30 of the day; 28 are believed. It can be reinstated" in verdict["why"]
    await it.corrections.lift("play-29", None, None, "a party", "me")
    with pytest.raises(Conflict) as caught:
        await it.corrections.lift("play-1", None, None, "why not", "me")
    assert caught.value.code == "NOT_SCREENED"
    with pytest.raises(NotFound):
        await it.corrections.lift("play-77", None, None, "who knows", "me")
    it.clock.at = datetime(2026, 11, 8, tzinfo=UTC)
    await it.accounting.run()
    document = await it.asked.statement("payee-0", OCTOBER)
    assert [(item.of_period, item.plays) for item in document.items] == [("2026-09", 1)]
    first, second = await it.asked.explain("play-29")
    assert (first["verdict"], second["verdict"]) == (DAILY_CAP, "COUNTED")
    await it.pool(5, Period(2026, 11))
    it.clock.at = datetime(2026, 12, 8, tzinfo=UTC)
    await it.accounting.run()
    assert len(await it.asked.explain("play-29")) == 2, "and never again"


async def test_a_wrong_entry_is_reversed_in_the_open_period_once():
    it = await filled([played(1)], datetime(2026, 10, 6, tzinfo=UTC))
    await it.accounting.run()
    text = await it.asked.ledger(SEPTEMBER)
    share = next(e for e in map(ledger.parse, text.splitlines()) if e.kind == "share")
    for _ in range(2):
        made = await it.corrections.reverse(share.entry_id, SEPTEMBER, "wrong payee", "me")
        assert made.refers_to == share.entry_id
    with pytest.raises(NotFound) as caught:
        await it.corrections.reverse("a" * 22, SEPTEMBER, "wrong payee", "me")
    assert caught.value.code == "ENTRY_NOT_FOUND"
    it.clock.at = datetime(2026, 11, 8, tzinfo=UTC)
    await it.accounting.run()
    document = await it.asked.statement("payee-0", OCTOBER)
    assert [(a.kind, a.amount, a.refers_to) for a in document.adjustments] == [
        ("reversal", -1_000_001, share.entry_id)
    ]
    assert document.totals == {"SEK": -1_000_001}
    assert await it.asked.ledger(SEPTEMBER) == text


async def test_the_manifest_says_what_the_period_came_to():
    it = await filled([played(1)], datetime(2026, 10, 6, tzinfo=UTC))
    state = await it.accounting.close(SEPTEMBER)
    manifest = msgspec.json.decode(it.vault.objects["closed/2026-09.json"])
    assert manifest["hash"] == state.hash
    assert manifest["held"] == {"NO/free": 77_777, "NO/premium": 1_000_001, "SE/free": 77_777}
    assert manifest["totals"] == {"SEK": 1_000_001}


async def test_an_open_period_is_judged_as_far_as_something_is_new_and_a_closed_one_whole():
    it = await filled([played(1)], datetime(2026, 9, 20, tzinfo=UTC))
    since = it.oracle.asked_since
    await it.accounting.run()
    it.clock.forward(days=1)
    await it.accounting.run()
    assert since == [None, datetime(2026, 9, 20, tzinfo=UTC) - BACK]
    start = datetime(2026, 9, 4, tzinfo=UTC)
    it.oracle.plays = [played(n, started_at=start + timedelta(minutes=9 * n)) for n in range(9)]
    it.oracle.judge(Snapshot(SEPTEMBER, it.clock(), None), TIGHT)  # the sixth in a row is screened
    await it.corrections.lift(None, "ada", "2026-09", "a party", "me")
    since.clear()
    it.clock.forward(days=1)
    await it.accounting.run()
    assert since == [None], "lifted screens change what was judged"
    it.accounting = Accounting(it.books, it.oracle, it.vault, Terms(), now=it.clock)  # pyright: ignore
    it.clock.forward(days=1)
    await it.accounting.run()
    assert since == [None, None], "and so do other terms"
    it.clock.at = datetime(2026, 10, 3, tzinfo=UTC)
    since.clear()
    await it.accounting.run()
    assert since == [datetime(2026, 9, 23, tzinfo=UTC) - BACK, None]
    it.clock.at = datetime(2026, 10, 7, tzinfo=UTC)
    since.clear()
    await it.accounting.run()
    assert since == [None, None], "closing judges all; after that October takes late plays"
