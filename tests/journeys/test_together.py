"""Two people at two browsers: they edit one playlist and see each other; they listen together."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.clients.browser import SCREENSHOTS, Watched, need_page, sign_in, watched
from tests.journeys.cloud import Cloud
from tests.journeys.people import PASSWORD, Operator, library, until

SOON_MS = 1000
"""Within this, one sees what the other did."""


@dataclass
class Two:
    """Ada and Ben, each at a browser of their own, signed in."""

    ada: Page
    ben: Page
    tracks: list[dict[str, Any]]
    watched: list[Watched]

    def shoot(self, name: str) -> None:
        for who, page in (("ada", self.ada), ("ben", self.ben)):
            page.screenshot(path=SCREENSHOTS / f"{name}-{who}.png")

    def complaints(self) -> list[str]:
        return [it for one in self.watched for it in one.complaints]


@pytest.fixture
def browsers() -> Iterator[tuple[Browser, Browser]]:
    need_page()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium")
    args = ["--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        one, other = (playwright.chromium.launch(executable_path=path, args=args) for _ in range(2))
        try:
            yield one, other
        finally:
            one.close()
            other.close()


@pytest.fixture
def two(cloud: Cloud, browsers: tuple[Browser, Browser], tmp_path: Path) -> Iterator[Two]:
    operator = Operator(cloud)
    tracks = library(cloud, tmp_path)[:3]
    for track in tracks:
        asked = {"q": track["name"], "type": "track"}
        until(
            lambda asked=asked: operator.http.get("/v1/search", params=asked).json()["tracks"],
            lambda found, id=track["id"]: id in [it["id"] for it in found["items"]],
        )
    with watched(browsers[0]) as left, watched(browsers[1]) as right:
        for opened, name in ((left, "Ada Lovelace"), (right, "Ben Okri")):
            person = operator.user(name)
            sign_in(opened.page, cloud.host, person.email, PASSWORD, shown="#views:not([hidden])")
        yield Two(left.page, right.page, tracks, [left, right])


def add(page: Page, name: str) -> None:
    page.fill("[data-playlist=find]", name)
    page.click(f"[data-playlist=found] button:has-text('{name}')")


def titles(page: Page) -> list[str]:
    return page.locator("[data-playlist=items] .title").all_inner_texts()


def sees(page: Page, wanted: list[str], since: float) -> float:
    """Wait until the page shows those tracks; milliseconds since `since`."""
    page.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll("
        "'[data-playlist=items] .title')].map(it => it.textContent)) === JSON.stringify(wanted)",
        arg=wanted,
        timeout=10_000,
        polling=10,
    )
    return (time.monotonic() - since) * 1000


def test_two_people_edit_one_playlist_and_see_each_other(two: Two) -> None:
    ada, ben = two.ada, two.ben
    one, other, third = (it["name"] for it in two.tracks)
    ada.click("#views >> text=Playlists")
    ada.fill("[data-playlist=newName]", "Rainy Friday")
    ada.click("text=Make it")
    expect(ada.locator("[data-playlist=state]")).to_have_text("Live")
    expect(ada.locator("[data-playlist=name]")).to_have_value("Rainy Friday")
    ada.click("text=Invite editors")
    expect(ada.locator("[data-playlist=link]")).to_contain_text("invite=")
    ben.goto(ada.locator("[data-playlist=link]").inner_text())
    expect(ben.locator("[data-playlist=name]")).to_have_value("Rainy Friday")
    assert "invite" not in ben.url, "the invitation stays in the address"
    for page in (ada, ben):
        expect(page.locator("[data-playlist=people] li")).to_have_count(2)
        expect(page.locator("[data-playlist=people]")).to_contain_text("You")
    expect(ada.locator("[data-playlist=people]")).to_contain_text("Ben Okri")

    late: list[float] = []
    at = time.monotonic()
    add(ada, one)
    late.append(sees(ben, [one], at))
    at = time.monotonic()
    add(ben, other)
    late.append(sees(ada, [one, other], at))
    at = time.monotonic()
    add(ada, third)
    late.append(sees(ben, [one, other, third], at))
    at = time.monotonic()
    ben.click("[data-playlist=items] li:nth-child(3) .up")
    late.append(sees(ada, [one, third, other], at))
    two.shoot("playlist")
    at = time.monotonic()
    ada.click("[data-playlist=items] li:nth-child(1) .remove")
    late.append(sees(ben, [third, other], at))
    at = time.monotonic()
    ben.click("text=Undo mine")  # Ben's last: the move; Ada's removal stands
    late.append(sees(ada, [other, third], at))
    assert titles(ada) == titles(ben)
    assert ben.locator("[data-playlist=items] li:nth-child(1) .by").inner_text() == "Ben Okri"
    print("seen by the other after", [round(it) for it in late], "ms")
    assert max(late) <= SOON_MS
    assert two.complaints() == []


def test_two_people_hear_the_same_at_the_same_moment(two: Two) -> None:
    ada, ben = two.ada, two.ben
    ada.click("#views >> text=Together")
    ada.click("[data-together=begin]")
    link = ada.locator("[data-together=link]")
    expect(link).to_contain_text("#/together/")
    ben.goto(link.inner_text())
    for page in (ada, ben):
        expect(page.locator("[data-together=people] li")).to_have_count(2)
    for page, track in ((ada, two.tracks[0]), (ben, two.tracks[1]), (ada, two.tracks[2])):
        page.fill("[data-together=find]", track["name"])
        page.click(f"[data-together=found] button:has-text('{track['name']}')")
        page.fill("[data-together=find]", "")
    for page in (ada, ben):
        expect(page.locator("[data-together=title]")).to_have_text(two.tracks[0]["name"])
        expect(page.locator("[data-together=queue] li")).to_have_count(2)
        page.wait_for_function(
            "() => document.getElementById('audio').currentTime > 3", timeout=20_000
        )
    ben.click("[data-together=queue] li:nth-child(2) .vote")
    first = "[data-together=queue] li:nth-child(1)"
    expect(ada.locator(first)).to_contain_text(two.tracks[2]["name"])
    off = [skew_ms(ada, ben) for _ in range(8)]
    two.shoot("together")
    print("apart by", [round(it) for it in off], "ms")
    assert sorted(off)[len(off) // 2] <= 80
    ben.click("#toggle")  # the player's own button, for all
    for page in (ada, ben):
        page.wait_for_function("() => document.getElementById('audio').paused")
    places = [it.evaluate("document.getElementById('audio').currentTime") for it in (ada, ben)]
    assert abs(places[0] - places[1]) < 0.01, "a pause holds where all are"
    ada.click("[data-together=inside] >> text=Skip")
    for page in (ada, ben):
        expect(page.locator("[data-together=title]")).to_have_text(two.tracks[2]["name"])
    assert two.complaints() == []


def skew_ms(one: Page, other: Page) -> float:
    """How far apart the two players are; both clocks are this machine's."""
    ask = (
        "[performance.timeOrigin + performance.now(), document.getElementById('audio').currentTime]"
    )
    (at, here), (then, there) = one.evaluate(ask), other.evaluate(ask)
    time.sleep(0.3)
    return abs((there - here) * 1000 - (then - at))
