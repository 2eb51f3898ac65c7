"""Two friends and an evening: home, a play that the other sees, its words, the queue, privacy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clients.browser import SCREENSHOTS, Watched, chromium, need_page, sign_in, watched
from tests.journeys.conftest import Cloud
from tests.journeys.people import PASSWORD, Operator, Person, library, until

PATIENCE_MS = 45_000
"""A busy machine may take this long over what takes a fraction of a second."""
ASK = """async path => {
  const { access } = JSON.parse(sessionStorage.getItem("segue.session"));
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${access}` } });
  return answer.status === 200 ? answer.json() : null;
}"""
WORDS = "[00:00.00]The first line\n[59:59.00]The last line"


@pytest.fixture
def browser() -> Iterator[Browser]:
    need_page()
    with chromium() as opened:
        expect.set_options(timeout=PATIENCE_MS)
        yield opened
        expect.set_options(timeout=5_000)


def follow(page: Page, person: Person) -> None:
    """Follow somebody on their page, and wait until friends' news know of it."""
    page.evaluate("id => { location.hash = `#/user/${id}` }", person.user_id)
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_role("button", name="Following")).to_be_visible()

    def followers() -> str:
        page.reload()
        return page.locator("#user .by-line").inner_text()

    until(followers, lambda words: words.startswith("1 follower"))


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def played(page: Watched) -> str:
    page.wait_seconds(0.5, timeout_s=PATIENCE_MS / 1000)
    return page.page.locator("#now-title").inner_text()


@pytest.mark.slow
def test_from_home_to_a_friend_the_words_and_the_queue(
    cloud: Cloud, browser: Browser, tmp_path: Path
) -> None:
    operator = Operator(cloud)
    tracks = library(cloud, tmp_path)
    for it in tracks:
        path = f"/v1/tracks/{it['id']}/lyrics"
        operator.http.put(path, json={"text": WORDS, "language": "en"}).raise_for_status()
    ada, ben = operator.user("Ada Lovelace"), operator.user("Ben Okri")
    with watched(browser) as hers, watched(browser, viewport={"width": 360, "height": 740}) as his:
        sign_in(his.page, cloud.host, ben.email, PASSWORD, shown="#home h2")
        follow(his.page, ada)
        his.page.click("#views >> text=Friends")
        expect(his.page.locator("#friends")).to_contain_text("has played anything lately")

        page = hers.page
        sign_in(page, cloud.host, ada.email, PASSWORD, shown="#home h2")
        # A newcomer says whom they like.
        page.locator(".chooser [aria-pressed]").first.click()
        page.click(".chooser .primary")
        expect(page.locator(".chooser")).to_have_count(0)
        shoot(page, "home")
        cards = page.locator(".shelf:not([aria-label^='Made']) .card .main")
        cards.first.click()
        title = played(hers)

        friend = his.page.locator(f".activity li.on[data-user='{ada.user_id}']")
        expect(friend).to_contain_text(title)
        assert his.page.evaluate("document.documentElement.scrollWidth") == 360
        shoot(his.page, "friends-narrow")

        page.click("#dock a[aria-label=Lyrics]")
        expect(page.locator("#lyrics .timed [aria-current]")).to_have_text("The first line")
        shoot(page, "lyrics")

        # Something put in between plays next, and the friend sees that too.
        page.click("#views >> text=Library")
        page.click("#mine >> text=Everything here")
        other = next(it["name"] for it in tracks if it["name"] != title)
        row = page.locator("#tracks li", has=page.get_by_text(other, exact=True)).first
        row.locator(".icon").click()
        page.get_by_role("menuitem", name="Add to queue").click()
        page.click("#dock a[aria-label=Queue]")
        expect(page.locator("#queue li", has_text="Added by you").first).to_contain_text(other)
        shoot(page, "queue")
        page.locator("#queue h2").press("n")
        expect(page.locator("#now-title")).to_have_text(other)
        expect(friend).to_contain_text(other)

        # In any order; the service knows, so that other devices do.
        page.click("#shuffle")
        until(
            lambda: page.evaluate(ASK, "/v1/me/player"),
            lambda it: it and it["shuffle_state"],
        )

        # Kept in a list of one's own, which is deleted by mistake.
        page.click("#views >> text=Library")
        page.click("#mine >> text=Everything here")
        row.locator(".icon").click()
        page.get_by_role("menuitem", name="Add to playlist …").click()
        page.get_by_role("menuitem", name="New playlist").click()
        page.locator("#toast").get_by_role("button", name="Open").click()
        kept = page.locator("#playlist .items .title")
        expect(kept).to_have_text([other])
        page.get_by_role("button", name="Delete", exact=True).click()
        page.locator("#toast").get_by_role("button", name="Undo").click()
        expect(kept).to_have_text([other])

        # What is nobody's business is hidden at once.
        page.click("#views >> text=Friends")
        page.get_by_role("switch", name="Private session").check()
        expect(page.locator(".panel .hint")).to_contain_text("Nobody sees what you play")
        expect(friend).to_have_count(0)
        assert hers.complaints == []
        assert his.complaints == []
