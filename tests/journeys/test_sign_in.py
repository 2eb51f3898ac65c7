"""A person opens the player page, signs in by name, searches, listens and signs out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.browser import SCREENSHOTS, Watched, chromium, need_page, watched
from tests.journeys.cloud import Cloud
from tests.journeys.people import PASSWORD, Operator, Person, library, until


@pytest.fixture(scope="module")
def person(operator: Operator) -> Person:
    return operator.user("Ada Lovelace")


@pytest.fixture
def browser() -> Iterator[Browser]:
    need_page()
    with chromium() as opened:
        yield opened


def shoot(page: Watched, name: str) -> None:
    page.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def sign_in(page: Watched, person: Person) -> None:
    page.page.click("#sign-in")
    page.page.fill("input[name=email]", person.email)
    page.page.fill("input[name=password]", PASSWORD)
    shoot(page, "sign-in")
    page.page.click("button.primary")
    page.page.wait_for_selector("#home h2")


def test_a_person_signs_in_searches_listens_and_signs_out(
    cloud: Cloud, browser: Browser, operator: Operator, person: Person, tmp_path: Path
) -> None:
    track = library(cloud, tmp_path)[-1]
    found = {"q": track["name"], "type": "track"}
    until(
        lambda: operator.http.get("/v1/search", params=found).json()["tracks"]["items"],
        lambda items: track["id"] in [it["id"] for it in items],
    )
    with watched(browser) as opened:
        page = opened.page
        page.goto(cloud.host)
        expect(page.locator("#signed-out")).to_contain_text("Sign in to listen")
        shoot(opened, "signed-out")
        sign_in(opened, person)
        assert page.url == f"{cloud.host}/", "neither code nor state stays in the address"
        expect(page.locator("#who")).to_have_text("Ada Lovelace")

        page.fill("#search", track["name"])
        expect(page.locator("#suggestions [role=option]").first).to_contain_text(track["name"])
        page.keyboard.press("Enter")
        first = page.locator("#search-results .tracks li").first
        expect(first.locator(".title")).to_have_text(track["name"])
        shoot(opened, "search")
        first.locator("button").first.click()
        opened.wait_seconds(1.0)
        expect(page.locator("#now-title")).to_have_text(track["name"])
        page.fill("#search", "zzqxj wvvkq")
        page.keyboard.press("Enter")
        expect(page.locator("#search-results")).to_contain_text("Nothing found")
        page.click("#views >> text=Home")

        page.reload()
        page.wait_for_selector("#home h2")
        expect(page.locator("#who")).to_have_text("Ada Lovelace")
        page.set_viewport_size({"width": 390, "height": 780})
        shoot(opened, "signed-in-narrow")
        page.click("#sign-out")
        expect(page.locator("#signed-out")).to_be_visible()
        page.reload()
        expect(page.locator("#sign-in")).to_be_visible()
        assert opened.complaints == []


def test_an_answer_that_was_not_asked_for_signs_nobody_in(
    cloud: Cloud, browser: Browser, person: Person
) -> None:
    with watched(browser) as opened:
        opened.page.goto(f"{cloud.host}/?code=stolen&state=guessed")
        expect(opened.page.locator("#signed-out")).to_be_visible()
        assert opened.page.url == f"{cloud.host}/"
        assert opened.complaints == []
