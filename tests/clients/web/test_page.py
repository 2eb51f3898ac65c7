"""The page in a real browser against a host that misbehaves on demand."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.browser import Watched, chromium, need_page, watched
from tests.clients.fake import FakeSegue

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def browser() -> Iterator[Browser]:
    need_page()
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, fake: FakeSegue) -> Iterator[Watched]:
    """Signed in, with three tracks, the last of them hostile."""
    fake.add_track("Paper Lanterns", "Ada Voss", "Small Hours")
    fake.add_track("Harbour Light", "Ada Voss", "Small Hours")
    fake.add_track(HOSTILE, '"><script>alert(2)</script>', "javascript:alert(3)")
    fake.tokens.add("let-me-in")
    with watched(browser) as opened:
        opened.page.goto(f"{fake.host}/#token=let-me-in")
        opened.page.wait_for_selector("#tracks li:nth-child(3)")
        yield opened


def play(page: Watched, number: int) -> None:
    page.page.click(f"#tracks li:nth-child({number}) button")


def wait_for(seen: object, patience_s: float = 10) -> None:
    deadline = time.monotonic() + patience_s
    while not seen():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_link_the_page_says_how_to_get_one(browser: Browser, fake: FakeSegue) -> None:
    with watched(browser) as opened:
        opened.page.goto(fake.host)
        expect(opened.page.locator("#signed-out")).to_contain_text("segue link")
        expect(opened.page.locator("#dock")).to_be_hidden()
        assert opened.complaints == []


def test_link_signs_in_and_leaves_the_address(page: Watched, fake: FakeSegue) -> None:
    assert page.page.url == f"{fake.host}/"
    page.page.reload()
    page.page.wait_for_selector("#tracks li")
    assert page.complaints == []


def test_hostile_names_are_only_text(page: Watched) -> None:
    play(page, 3)
    page.wait_seconds(0.5)
    expect(page.page.locator("#now-title")).to_have_text(HOSTILE)
    assert page.page.evaluate("document.querySelectorAll('#tracks img, #dock img').length") == 0
    assert page.complaints == []


def test_play_is_reported_with_what_was_heard(page: Watched, fake: FakeSegue) -> None:
    play(page, 1)
    page.wait_seconds(2.0)
    page.page.click("#toggle")  # pause: time passes, nothing is heard
    time.sleep(1.5)
    heard = page.seconds()
    play(page, 2)
    wait_for(lambda: fake.events)
    (event,) = fake.events.values()
    assert abs(event["ms_played"] - heard * 1000) < 400
    assert (event["end_reason"], event["codec"], event["source"]) == ("next", "aac", "web-player")
    assert event["kbps"] in (24, 96, 160, 320)
    assert event["bytes_fetched"] > 10_000


def test_seeking_is_not_listening(page: Watched, fake: FakeSegue) -> None:
    play(page, 1)
    page.wait_seconds(1.0)
    page.page.focus("#seek")
    for _ in range(15):
        page.page.keyboard.press("ArrowRight")
    page.wait_seconds(15)
    assert page.seconds() < 25
    page.page.keyboard.press("n")
    wait_for(lambda: fake.events)
    (event,) = fake.events.values()
    assert event["ms_played"] < 6_000


def test_leaving_the_page_reports_the_play(page: Watched, fake: FakeSegue) -> None:
    play(page, 1)
    page.wait_seconds(1.0)
    page.page.goto("about:blank")
    wait_for(lambda: fake.events)
    (event,) = fake.events.values()
    assert event["end_reason"] == "closed"
    assert event["ms_played"] >= 900


def test_end_of_a_track_goes_on_with_the_next_one(page: Watched, fake: FakeSegue) -> None:
    play(page, 1)
    page.wait_seconds(0.5)
    page.page.evaluate("document.getElementById('audio').currentTime = 37.5")
    # What comes next is granted ahead of time, so that it begins at once.
    wait_for(lambda: fake.plays == 2)
    expect(page.page.locator("#now-title")).to_have_text("Harbour Light", timeout=15_000)
    page.wait_seconds(0.5)
    assert page.seconds() < 10
    assert fake.plays == 2
    (event,) = fake.events.values()
    assert event["end_reason"] == "track_done"
    assert page.complaints == []


def test_track_that_repeats_is_played_and_reported_again(page: Watched, fake: FakeSegue) -> None:
    play(page, 1)
    page.wait_seconds(0.5)
    page.page.keyboard.press("r")
    repeat = page.page.locator("#repeat")
    expect(repeat).to_have_attribute("aria-label", "Repeat the list")
    repeat.click()
    expect(repeat).to_have_attribute("aria-label", "Repeat this track")
    page.page.evaluate("document.getElementById('audio').currentTime = 37.5")
    wait_for(lambda: len(fake.events) == 1)
    wait_for(lambda: fake.plays == 2)
    # From its beginning: until the stream is changed the element still stands at the end.
    wait_for(lambda: 0.5 < page.seconds() < 10)
    expect(page.page.locator("#now-title")).to_have_text("Paper Lanterns")
    page.page.keyboard.press("n")
    expect(page.page.locator("#now-title")).to_have_text("Harbour Light")
    wait_for(lambda: len(fake.events) == 2)
    first, second = fake.events.values()
    assert first["track_id"] == second["track_id"]
    assert first["play_id"] != second["play_id"]
    assert page.complaints == []


def test_list_that_repeats_begins_again_and_shuffle_plays_each_once(page: Watched) -> None:
    play(page, 2)
    page.wait_seconds(0.3)
    page.page.keyboard.press("s")
    expect(page.page.locator("#shuffle")).to_have_attribute("aria-pressed", "true")
    page.page.click("#repeat")
    titles = [page.page.inner_text("#now-title")]
    for _ in range(3):
        page.page.keyboard.press("n")
        expect(page.page.locator("#now-title")).not_to_have_text(titles[-1])
        titles.append(page.page.inner_text("#now-title"))
        page.wait_seconds(0.2)
    assert set(titles[:3]) == {"Paper Lanterns", "Harbour Light", HOSTILE}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("NO_LICENCE", "No licence covers this track at the moment."),
        ("TERRITORY", "This track is not licensed where you are."),
        ("PLAN", "This track is not part of your plan."),
    ],
)
def test_refused_play_says_why(page: Watched, fake: FakeSegue, reason: str, words: str) -> None:
    fake.trouble.deny = reason
    play(page, 1)
    expect(page.page.locator("#notice-text")).to_have_text(words)
    expect(page.page.locator("#notice code")).to_have_text(reason)
    assert page.page.evaluate("document.getElementById('audio').paused")
    fake.trouble.deny = None
    play(page, 2)
    page.wait_seconds(0.5)
    expect(page.page.locator("#notice")).to_be_hidden()


def test_expired_link_asks_for_a_new_one(page: Watched, fake: FakeSegue) -> None:
    fake.tokens.clear()
    play(page, 1)
    expect(page.page.locator("#signed-out-why")).to_contain_text("has expired")
    assert page.page.evaluate("sessionStorage.getItem('segue.token')") is None
    fake.tokens.add("again")
    page.page.goto(f"{fake.host}/#token=again")
    page.page.wait_for_selector("#tracks li")


def test_grant_that_ends_is_renewed_while_playing(page: Watched, fake: FakeSegue) -> None:
    fake.trouble.grant_s = 20.0  # less than the 30 s before which a grant is renewed
    play(page, 1)
    page.wait_seconds(2.0)
    assert fake.plays > 1
    assert page.complaints == []


def test_line_that_breaks_is_told_and_heals(page: Watched) -> None:
    page.throttle(400)
    play(page, 1)
    page.wait_seconds(1.0)
    page.page.context.set_offline(True)
    expect(page.page.locator("#notice")).to_contain_text("offline")
    page.page.context.set_offline(False)
    expect(page.page.locator("#notice")).to_be_hidden()
    page.throttle(0)
    page.wait_seconds(12, timeout_s=40)


def test_an_edge_that_is_down_is_passed_by(page: Watched, fake: FakeSegue) -> None:
    fake.trouble.dead_edge = "http://127.0.0.1:9"
    play(page, 1)
    page.wait_seconds(1.0)
    play(page, 2)
    wait_for(lambda: fake.told)
    by = {it["edge"]: it for it in fake.told}
    assert by["dead"]["errors"] >= 1
    assert by["front"]["errors"] == 0
    assert by["front"]["bytes"] > 10_000


def test_keyboard_reaches_everything(page: Watched) -> None:
    for control in ("main", "/", "search", "sign-out"):
        page.page.keyboard.press("Tab")
        at = "document.activeElement.id || document.activeElement.getAttribute('href').slice(1)"
        assert page.page.evaluate(at) == control
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.dataset.track")
    page.page.keyboard.press("Enter")
    page.wait_seconds(0.3)
    page.page.evaluate("document.activeElement.blur()")
    page.page.keyboard.press("k")
    page.page.wait_for_function("document.getElementById('audio').paused")
    page.page.keyboard.press(" ")
    page.page.wait_for_function("!document.getElementById('audio').paused")
    page.page.keyboard.press("ArrowRight")
    page.wait_seconds(5)
    page.page.keyboard.press("n")
    expect(page.page.locator("#now-title")).to_have_text("Harbour Light")
    for control in ("shuffle", "previous", "toggle", "next", "repeat", "seek", "volume"):
        page.page.focus(f"#{control}")
        assert page.page.evaluate("document.activeElement.id") == control
        assert page.page.get_attribute(f"#{control}", "aria-label")


def test_long_library_is_shown_a_page_at_a_time(browser: Browser, fake: FakeSegue) -> None:
    for n in range(120):
        fake.add_track(f"Track {n}")
    fake.tokens.add("t")
    with watched(browser) as opened:
        opened.page.goto(f"{fake.host}/#token=t")
        rows = opened.page.locator("#tracks li")
        expect(rows).to_have_count(50)
        expect(opened.page.locator("#more")).to_have_text("Show more (50 of 120)")
        opened.page.click("#more")
        expect(rows).to_have_count(100)
        opened.page.click("#more")
        expect(rows).to_have_count(120)
        expect(opened.page.locator("#more")).to_be_hidden()


def test_narrow_screen_needs_no_sideways_scrolling(browser: Browser, fake: FakeSegue) -> None:
    fake.add_track("A title that is a good deal longer than a telephone is wide", "Somebody")
    fake.tokens.add("t")
    with watched(browser, viewport={"width": 320, "height": 640}) as opened:
        opened.page.goto(f"{fake.host}/#token=t")
        play(opened, 1)
        opened.wait_seconds(0.3)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 320


def test_letters_typed_into_the_search_box_are_no_shortcuts(page: Watched) -> None:
    play(page, 1)
    page.wait_seconds(0.3)
    page.page.locator("#search").press_sequentially("knp -+")
    assert page.page.input_value("#search") == "knp -+"
    expect(page.page.locator("#now-title")).to_have_text("Paper Lanterns")
    assert not page.page.evaluate("document.getElementById('audio').paused")
