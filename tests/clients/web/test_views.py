"""The views of one who signed in, in a real browser, over an API that is made up."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clients.browser import SCREENSHOTS, Watched, chromium, need_page, watched
from tests.clients.fake import FakeSegue
from tests.clients.web.person import (
    EMOJI,
    HOSTILE,
    LONG,
    ME,
    NAMES,
    RTL,
    Person,
    album,
    artist,
    explained,
    id_of,
    listed,
    track,
    user,
)

TRACKS = [track(it) for it in range(4)]
BEN = {
    "user": {"id": "ben", "display_name": RTL},
    "track": {"id": TRACKS[0]["id"], "uri": TRACKS[0]["uri"]},
    "at": "2026-05-04T10:00:00Z",
    "playing": True,
}
WORDS = {
    "track_id": TRACKS[0]["id"],
    "language": "ar",
    "sync": "line",
    "provider": HOSTILE,
    "lines": [{"start_ms": 1000 * at, "text": it, "words": []} for at, it in enumerate(NAMES)],
}
MIX = {"id": id_of(300), "name": "Discover Weekly", "description": HOSTILE, "images": []}


def answers() -> dict[str, Any]:
    found = listed(TRACKS)
    return {
        "GET /v1/me": user(ME, "Ada"),
        "GET /v1/me/home": {
            "shelves": [
                {"id": "made-for-you", "title": "Made for you", "kind": "playlists",
                 "playlists": [MIX]},
                {"id": "for-you", "title": "For you", "kind": "tracks", **explained(TRACKS)},
            ]
        },
        "GET /v1/me/taste": {"artists": [], "explicit": True},
        "GET /v1/me/privacy": {
            "private_session": False, "private_until": None,
            "activity": "followers", "profile": "public",
        },
        "GET /v1/me/friends/activity": {"items": [BEN]},
        "GET /v1/me/feed": {
            "items": [
                {"type": "share", "id": "s", "by": BEN["user"], "at": BEN["at"],
                 "uri": TRACKS[1]["uri"], "share_id": id_of(400), "message": LONG},
            ]
        },
        "GET /v1/me/following": lambda query: {f"{query['type'][0]}s": {
            "items": [user()] if query["type"] == ["user"] else [artist(0)]}},
        "GET /v1/me/following/contains": [False],
        "GET /v1/profiles/ben": user() | {
            "followers": 1, "following": 2,
            "follows_you": True, "you_follow": False, "activity": BEN,
        },
        "GET /v1/users/ben/playlists": listed([MIX]),
        "GET /v1/tracks": lambda query: {"tracks": TRACKS} if "ids" in query else found,
        f"GET /v1/tracks/{TRACKS[0]['id']}": TRACKS[0],
        f"GET /v1/tracks/{TRACKS[0]['id']}/lyrics": WORDS,
        "GET /v1/me/tracks": listed([{"added_at": "", "track": it} for it in TRACKS]),
        "GET /v1/me/tracks/contains": lambda query: [False] * len(query["ids"][0].split(",")),
        "GET /v1/me/albums": listed([{"added_at": "", "album": album(0)}]),
        "GET /v1/me/albums/contains": [True],
        "GET /v1/me/player/recently-played": {"items": [{"track": it} for it in TRACKS]},
        "GET /v1/me/player/devices": {"devices": [
            {"id": id_of(500), "name": LONG, "type": "Speaker", "is_active": False}]},
        "GET /v1/me/playlists/deleted": listed([]),
        "GET /v1/me/playlists": listed([MIX | {"tracks": {"total": 30}}]),
        "GET /v1/me/next-up": explained(TRACKS[1:]),
        f"GET /v1/albums/{album(0)['id']}": album(0) | {"tracks": found},
        f"GET /v1/artists/{artist(0)['id']}": artist(0) | {"genres": ["dub"]},
        f"GET /v1/artists/{artist(0)['id']}/top-tracks": {"tracks": TRACKS},
        f"GET /v1/artists/{artist(0)['id']}/albums": listed([album(0)]),
        f"GET /v1/artists/{artist(0)['id']}/related-artists": {"artists": [artist(1)]},
        "GET /v1/search": {
            "tracks": found | {"did_you_mean": "lanterns"},
            "artists": listed([artist(0)], 40),
            "albums": listed([album(0)]),
            "playlists": listed([MIX]),
            "users": listed([user()]),
        },
        "GET /v1/search/suggestions": {"suggestions": [
            {"text": HOSTILE, "by": [RTL], "type": "artist", "id": artist(0)["id"],
             "highlights": [[1, 4]]},
            {"text": "Lanterns", "by": [], "type": "track", "id": TRACKS[0]["id"],
             "highlights": []},
        ]},
    }  # fmt: skip


VIEWS = {
    "#/": "home",
    "#/library": "mine",
    "#/library/albums": "mine",
    "#/library/artists": "mine",
    "#/library/recent": "mine",
    "#/tracks": "library",
    "#/friends": "friends",
    "#/user/ben": "user",
    f"#/album/{album(0)['id']}": "album",
    f"#/artist/{artist(0)['id']}": "artist",
    f"#/track/{TRACKS[0]['id']}": "track",
    "#/search/lnaterns": "search-results",
    "#/search/lnaterns?type=artist": "search-results",
    "#/devices": "devices",
    "#/queue": "queue",
    "#/lyrics": "lyrics",
    "#/playlists": "playlists",
}
NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select')]
  .filter(it => it.checkVisibility())
  .filter(it => !(it.ariaLabel || it.labels?.length || it.textContent.trim()))
  .map(it => it.outerHTML)"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    need_page()
    with chromium() as opened:
        yield opened


def opened(watched_: Watched, fake: FakeSegue) -> Person:
    person = Person(watched_.page, answers())
    person.sign_in(fake.host)
    expect(watched_.page.locator("#home .shelf").first).to_be_visible()
    return person


def go(page: Page, hash: str) -> None:
    page.evaluate("hash => { location.hash = hash }", hash)


@pytest.mark.parametrize("width", [360, pytest.param(1200, marks=pytest.mark.slow)])
def test_every_view_holds_hostile_names_as_text_within_the_screen(
    browser: Browser, fake: FakeSegue, width: int
) -> None:
    with watched(browser, viewport={"width": width, "height": 740}) as at:
        opened(at, fake)
        page = at.page
        for hash, section in VIEWS.items():
            go(page, hash)
            expect(page.locator(f"#{section}")).to_be_visible()
            expect(page.locator(f"#{section}")).not_to_have_attribute("aria-busy", "true")
            expect(page.locator(f"#{section} h2").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == width, hash
            assert page.evaluate(NAMELESS) == [], hash
        assert page.locator("main img").count() == 0
        assert at.complaints == []


def test_what_is_recommended_says_why_and_can_be_put_away_and_taken_back(
    browser: Browser, fake: FakeSegue
) -> None:
    with watched(browser) as at:
        person, page = opened(at, fake), at.page
        card = page.locator(f".card[data-id='{TRACKS[0]['id']}']")
        expect(card.locator(".note")).to_have_text(f"Because you listened to {HOSTILE}")
        card.locator(".icon").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#menu button").first).to_be_focused()
        page.keyboard.press("ArrowUp")  # round to the last
        expect(page.locator("#menu :focus")).to_have_text("Not interested")
        page.keyboard.press("Enter")
        expect(card).to_be_hidden()
        expect(page.locator("#toast")).to_contain_text("is not offered to you again")
        assert person.calls(f"PUT /v1/me/not-interested?uris={TRACKS[0]['uri']}")
        page.click("#toast button")
        expect(card).to_be_visible()
        assert person.calls(f"DELETE /v1/me/not-interested?uris={TRACKS[0]['uri']}")
        card.locator(".icon").click()
        page.keyboard.press("Escape")
        expect(card.locator(".icon")).to_be_focused()


def test_track_is_added_to_a_playlist_of_ones_own(browser: Browser, fake: FakeSegue) -> None:
    mine = {"id": id_of(301), "name": EMOJI, "owner": {"id": ME}, "tracks": {"total": 1}}
    shared = {"id": id_of(302), "name": HOSTILE, "owner": {"id": "ben"}, "collaborative": True}
    added = {"ops": [{"op": "add", "items": [{"uri": TRACKS[0]["uri"]}]}]}
    with watched(browser, viewport={"width": 360, "height": 740}) as at:
        person, page = opened(at, fake), at.page
        person.answers["GET /v1/me/playlists"] = listed([mine, shared, MIX])
        go(page, f"#/album/{album(0)['id']}")
        row = page.locator("#album .tracks li").first
        row.locator(".icon").click()
        page.get_by_role("menuitem", name="Add to playlist …").click()
        items = page.locator("#menu [role=menuitem]")
        expect(items).to_have_text(["New playlist", EMOJI, HOSTILE])
        expect(items.first).to_be_focused()
        page.screenshot(path=SCREENSHOTS / "add-to-playlist.png")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#toast")).to_contain_text(f"is in “{EMOJI}”")
        ((_, sent),) = person.calls(f"POST /v1/playlists/{mine['id']}/ops")
        assert {**sent, "nonce": None} == {**added, "nonce": None}
        person.answers["POST /v1/me/playlists"] = {"id": id_of(303), "name": LONG}
        row.locator(".icon").click()
        page.get_by_role("menuitem", name="Add to playlist …").click()
        page.get_by_role("menuitem", name="New playlist").click()
        page.locator("#toast").get_by_role("button", name="Open").click()
        expect(page.locator("#playlist")).to_be_visible()
        assert person.calls("POST /v1/me/playlists")[0][1]["name"] == TRACKS[0]["name"]
        assert person.calls(f"POST /v1/playlists/{id_of(303)}/ops")


def test_deleted_playlist_is_had_back(browser: Browser, fake: FakeSegue) -> None:
    gone = {"id": id_of(301), "name": HOSTILE, "deleted_at": "2026-05-04T10:00:00Z"}
    with watched(browser) as at:
        person, page = opened(at, fake), at.page
        person.answers["GET /v1/me/playlists/deleted"] = listed([gone])
        person.answers[f"POST /v1/playlists/{gone['id']}/restore"] = {"revision": 9}
        go(page, "#/playlists")
        expect(page.locator("#playlists .links").first).to_contain_text("Discover Weekly")
        page.get_by_text("Deleted playlists").click()
        page.screenshot(path=SCREENSHOTS / "deleted-playlists.png")
        page.get_by_role("button", name=f"Restore {HOSTILE}").click()
        expect(page.locator("#toast")).to_have_text(f"“{HOSTILE}” is back.")
        expect(page.locator("#playlist")).to_be_visible()
        assert at.complaints == []


def test_newcomer_chooses_artists_and_home_follows(browser: Browser, fake: FakeSegue) -> None:
    with watched(browser) as at:
        person, page = opened(at, fake), at.page
        chooser = page.locator(".chooser")
        expect(chooser.locator(".primary")).to_be_disabled()
        chooser.locator("[aria-pressed]").nth(1).click()
        chooser.locator("[aria-pressed]").nth(2).click()
        person.answers["GET /v1/me/taste"] = {"artists": [artist(1)["id"]], "explicit": True}
        chooser.locator(".primary").click()
        expect(chooser).to_have_count(0)
        wanted = [f"spotify:artist:{artist(it)['id']}" for it in (1, 2)]
        assert person.calls("PUT /v1/me/taste") == [("PUT /v1/me/taste", {"artists": wanted})]


def test_suggestions_are_chosen_by_key_and_enter_alone_searches(
    browser: Browser, fake: FakeSegue
) -> None:
    with watched(browser) as at:
        opened(at, fake)
        page = at.page
        page.keyboard.press("/")
        page.keyboard.type("lan")
        options = page.locator("#suggestions [role=option]")
        expect(options).to_have_count(2)
        expect(options.first.locator(".title")).to_have_text(HOSTILE)
        expect(page.locator("#search")).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowDown")
        expect(options.first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        expect(page.locator("#artist h2")).to_have_text(LONG)
        expect(page.locator("#artist h2")).to_be_focused()
        page.fill("#search", "lnaterns")
        page.keyboard.press("Enter")
        expect(page.locator("#search-results .meant")).to_have_text("lanterns")
        expect(page.locator("#suggestions")).to_be_hidden()
        page.click("#search-results .meant")
        expect(page.locator("#search-results h2")).to_have_text("Results for “lanterns”")


def test_friends_change_as_they_play_and_hide(browser: Browser, fake: FakeSegue) -> None:
    with watched(browser) as at:
        person, page = opened(at, fake), at.page
        go(page, "#/friends")
        expect(page.locator(".activity li.on")).to_contain_text(RTL)
        cyd = {"user": {"id": "cyd", "display_name": EMOJI}, "playing": True}
        other = {"id": TRACKS[1]["id"], "uri": TRACKS[1]["uri"]}
        person.say(
            f"feed:{ME}", {"type": "now", **cyd, "track": other, "at": "2026-05-04T11:00:00Z"}
        )
        expect(page.locator(".activity li")).to_have_count(2)
        expect(page.locator(".activity li").first).to_contain_text(HOSTILE)
        # Word of what was before comes late, and changes nothing.
        late = {"type": "now", **cyd, "playing": False, "track": BEN["track"]}
        person.say(f"feed:{ME}", late | {"at": "2026-05-04T10:59:00Z"})
        later = {"type": "now", **cyd, "track": other, "at": "2026-05-04T12:00:00Z"}
        person.say(f"feed:{ME}", later)
        expect(page.locator(".activity li.on")).to_have_count(2)
        person.say(f"feed:{ME}", {"type": "now", "user": {"id": "cyd"}, "track": None})
        expect(page.locator(".activity li")).to_have_count(1)
        hidden = answers()["GET /v1/me/privacy"] | {
            "private_session": True, "private_until": "2099-01-01T00:00:00Z",
        }  # fmt: skip
        person.answers["PUT /v1/me/privacy"] = hidden
        page.get_by_role("switch", name="Private session").check()
        expect(page.locator(".panel .hint")).to_contain_text("Nobody sees what you play")
        assert person.calls("PUT /v1/me/privacy")[0][1] == {"private_session": True}
        go(page, "#/user/ben")
        page.get_by_role("button", name="Follow").click()
        expect(page.get_by_role("button", name="Following")).to_be_visible()
        assert person.calls("PUT /v1/me/following?type=user&ids=ben")


def test_what_friends_play_is_seen_though_nobody_said_so(browser: Browser, fake: FakeSegue) -> None:
    with watched(browser) as at:
        at.page.clock.install()
        person, page = opened(at, fake), at.page
        go(page, "#/friends")
        expect(page.locator(".activity li")).to_contain_text(LONG)
        other = {"id": TRACKS[1]["id"], "uri": TRACKS[1]["uri"]}
        moved_on = BEN | {"track": other, "at": "2026-05-04T11:00:00Z"}
        person.answers["GET /v1/me/friends/activity"] = {"items": [moved_on]}
        page.clock.fast_forward(16_000)
        expect(page.locator(".activity li")).to_contain_text(HOSTILE)
        go(page, "#/library")
        asked = len(person.calls("GET /v1/me/friends/activity"))
        page.clock.fast_forward(60_000)
        expect(page.locator("#mine h2")).to_be_visible()
        assert len(person.calls("GET /v1/me/friends/activity")) == asked


def test_view_that_fails_says_so_with_its_code_and_can_be_tried_again(
    browser: Browser, fake: FakeSegue
) -> None:
    with watched(browser) as at:
        person, page = opened(at, fake), at.page
        person.answers["GET /v1/me/tracks"] = 503
        go(page, "#/library")
        expect(page.locator("#notice-text")).to_contain_text("The service has a problem")
        expect(page.locator("#notice code")).to_have_text("BAD")
        person.answers["GET /v1/me/tracks"] = answers()["GET /v1/me/tracks"]
        page.click("#mine >> text=Try again")
        expect(page.locator("#mine .tracks li")).to_have_count(4)
        person.answers["GET /v1/me/albums"] = 503
        go(page, "#/library/albums")
        expect(page.locator("#mine >> text=Try again")).to_be_visible()
        person.answers["GET /v1/me/albums"] = answers()["GET /v1/me/albums"]
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("#mine .card")).to_have_count(1)
        expect(page.locator("#notice")).to_be_hidden()
