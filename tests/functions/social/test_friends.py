"""Follows, blocks, private sessions, feeds: checked when written and again when shown."""

import json
from datetime import timedelta

import pytest

from shared.events import PlaylistChanged, TrackPlayed
from shared.ids import new_id
from tests.functions.social.service import Social

TRACK = "t" * 22


@pytest.fixture
def social() -> Social:
    return Social()


async def playing(social: Social, user: str, track: str = TRACK) -> None:
    body = {"track_id": track}
    assert (await social.ask(user, "PUT", "/v1/me/now-playing", body)).status_code == 204


async def online(social: Social, user: str) -> None:
    await social.get(user, "/v1/me/feed/changes")


async def seen(social: Social, viewer: str) -> list[str]:
    items = (await social.get(viewer, "/v1/me/friends/activity"))["items"]
    return [it["user"]["id"] for it in items]


def playlist(owner: str, **changes: object) -> PlaylistChanged:
    from datetime import UTC, datetime

    values: dict = {
        "event_id": new_id(), "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "playlist_id": "p" * 22, "revision": 3, "owner_id": owner, "kind": "list",
        "name": "Rainy day", "description": "", "visibility": "public", "collaborators": (),
        "item_count": 1, "track_ids": (), "image_id": None, "removed": False, **changes,
    }  # fmt: skip
    return PlaylistChanged(**values)


async def test_followers_see_what_a_friend_plays_and_others_do_not(social: Social) -> None:
    await social.follow("bob", "ann")
    await social.name("ann", "Ann A.")
    await playing(social, "ann")
    items = (await social.get("bob", "/v1/me/friends/activity"))["items"]
    assert items[0]["user"] == {"id": "ann", "display_name": "Ann A."}
    assert (items[0]["track"]["id"], items[0]["playing"]) == (TRACK, True)
    assert await seen(social, "cid") == []
    social.clock.forward(minutes=21)
    assert not (await social.get("bob", "/v1/me/friends/activity"))["items"][0]["playing"]


async def test_friends_who_are_there_are_told_at_once_and_nobody_else(social: Social) -> None:
    for friend in ("bob", "cid", "dan"):
        await social.follow(friend, "ann")
    await online(social, "bob")
    await online(social, "dan")
    await social.ask("ann", "PUT", "/v1/me/blocks/dan")
    social.published.events.clear()
    await playing(social, "ann")
    (said,) = social.published.events
    assert (said.channel, said.seq) == ("feed:bob", 0)
    assert json.loads(said.payload)["track"]["id"] == TRACK


@pytest.mark.parametrize(("blocker", "blocked"), [("ann", "bob"), ("bob", "ann")])
async def test_block_hides_both_ways(social: Social, blocker: str, blocked: str) -> None:
    await social.follow("bob", "ann")
    await playing(social, "ann")
    assert await seen(social, "bob") == ["ann"]
    await social.ask(blocker, "PUT", f"/v1/me/blocks/{blocked}")
    assert await seen(social, "bob") == []
    answer = await social.ask("bob", "GET", "/v1/profiles/ann")
    assert answer.status_code == 404
    await social.ask(blocker, "DELETE", f"/v1/me/blocks/{blocked}")
    assert await seen(social, "bob") == ["ann"]


async def test_private_session_hides_at_once_and_writes_nothing(social: Social) -> None:
    await social.follow("bob", "ann")
    await online(social, "bob")
    await playing(social, "ann")
    social.published.events.clear()
    body = {"private_session": True}
    assert (await social.ask("ann", "PUT", "/v1/me/privacy", body)).json()["private_session"]
    (said,) = social.published.events
    assert json.loads(said.payload)["track"] is None
    await playing(social, "ann", "u" * 22)
    assert await seen(social, "bob") == []
    assert len(social.published.events) == 1
    social.clock.forward(hours=7)
    assert not (await social.get("ann", "/v1/me/privacy"))["private_session"]
    assert await seen(social, "bob") == []
    await playing(social, "ann")
    assert await seen(social, "bob") == ["ann"]


async def test_what_was_played_in_private_stays_so_however_late_it_is_heard_of(
    social: Social,
) -> None:
    await social.follow("bob", "ann")
    begun = social.clock()
    for private in (True, False, True, False):
        social.clock.forward(minutes=10)
        await social.ask("ann", "PUT", "/v1/me/privacy", {"private_session": private})
    social.clock.forward(minutes=10)
    # In private from minute 10 to 20, and from 30 to 40; the phone was offline until now.
    for minute, private in ((11, True), (35, True), (9, True), (39, True), (22, False)):
        at = begun + timedelta(minutes=minute)
        await social.hear(
            TrackPlayed(
                f"e{minute}", social.clock(), "p", "ann", TRACK, at, 120_000, "aac", 96, "ended",
                "SE", "free", None, None, None,
            )
        )  # fmt: skip
        assert await seen(social, "bob") == ([] if private else ["ann"]), minute


async def test_mutual_activity_is_for_those_who_are_followed_back(social: Social) -> None:
    await social.ask("ann", "PUT", "/v1/me/privacy", {"activity": "mutual"})
    await social.follow("bob", "ann")
    await playing(social, "ann")
    assert await seen(social, "bob") == []
    await social.follow("ann", "bob")
    assert await seen(social, "bob") == ["ann"]
    await social.ask("ann", "PUT", "/v1/me/privacy", {"activity": "nobody"})
    await playing(social, "ann")
    assert await seen(social, "bob") == []


async def test_events_that_come_late_or_twice_change_nothing(social: Social) -> None:
    from shared.events import LibraryChanged

    at = social.clock()
    later, earlier = at + timedelta(seconds=2), at + timedelta(seconds=1)
    await social.hear(LibraryChanged("1", later, "bob", "user", "ann", False))
    await social.hear(LibraryChanged("2", earlier, "bob", "user", "ann", True))
    await playing(social, "ann")
    assert await seen(social, "bob") == []
    social.clock.forward(seconds=10)
    await social.follow("bob", "ann")
    await social.follow("bob", "ann")
    feed = (await social.get("ann", "/v1/me/feed"))["items"]
    assert [(it["type"], it["by"]["id"]) for it in feed] == [("follow", "bob")]


async def test_feed_has_dense_numbers_and_honest_recovery(social: Social) -> None:
    first = await social.get("ann", "/v1/me/feed/changes")
    assert (first["tail"], first["recovered"], first["snapshot"]) == (0, False, {"items": []})
    for friend in ("bob", "cid", "dan"):
        await social.follow(friend, "ann")
    assert [it.seq for it in social.said("feed:ann")] == [1, 2, 3]
    path = f"/v1/me/feed/changes?epoch={first['epoch']}"
    answer = await social.get("ann", f"{path}&since=1")
    assert answer["recovered"]
    assert [it["seq"] for it in answer["pubs"]] == [2, 3]
    assert not (await social.get("ann", f"{path}&since=9"))["recovered"]
    assert not (await social.get("ann", "/v1/me/feed/changes?epoch=x&since=1"))["recovered"]


async def test_block_and_private_session_hold_in_what_is_replayed(social: Social) -> None:
    await social.follow("ann", "bob")
    await social.follow("ann", "cid")
    epoch = (await social.get("ann", "/v1/me/feed/changes"))["epoch"]
    for owner, id in (("bob", "b"), ("cid", "c")):
        await social.hear(playlist(owner, playlist_id=id * 22))
    await social.hear(playlist("cid", playlist_id="c" * 22, revision=4))
    await social.ask("bob", "PUT", "/v1/me/blocks/ann")
    answer = await social.get("ann", f"/v1/me/feed/changes?epoch={epoch}&since=0")
    assert [it["payload"]["type"] for it in answer["pubs"]] == ["withheld", "playlist"]
    await social.ask("cid", "PUT", "/v1/me/privacy", {"private_session": True})
    assert (await social.get("ann", "/v1/me/feed"))["items"] == []
    await social.hear(playlist("cid", playlist_id="d" * 22))
    assert (await social.get("ann", "/v1/me/feed/changes"))["tail"] == 2


async def test_feed_is_capped_and_says_that_the_rest_is_gone(social: Social) -> None:
    epoch = (await social.get("ann", "/v1/me/feed/changes"))["epoch"]
    for n in range(210):
        await social.parts.feeds.tell(["ann"], f"i{n}", "share", "bob", social.clock(), {})
    answer = await social.get("ann", f"/v1/me/feed/changes?epoch={epoch}&since=5")
    assert (answer["tail"], answer["recovered"]) == (210, False)
    assert len(answer["snapshot"]["items"]) == 200
    assert (await social.get("ann", f"/v1/me/feed/changes?epoch={epoch}&since=10"))["recovered"]


async def test_share_reaches_whom_it_is_meant_for_and_can_be_taken_back(social: Social) -> None:
    uri = f"spotify:track:{TRACK}"
    body = {"uri": uri, "message": "for you", "to": ["bob", "cid"]}
    await social.ask("cid", "PUT", "/v1/me/blocks/ann")
    share = (await social.ask("ann", "POST", "/v1/shares", body)).json()
    path = f"/v1/shares/{share['share_id']}"
    assert (await social.get("bob", path))["message"] == "for you"
    assert [it["uri"] for it in (await social.get("bob", "/v1/me/feed"))["items"]] == [uri]
    assert (await social.get("cid", "/v1/me/feed"))["items"] == []
    for stranger in ("cid", "dan"):
        assert (await social.ask(stranger, "GET", path)).status_code == 404
    assert (await social.ask("bob", "DELETE", path)).status_code == 403
    assert (await social.ask("ann", "DELETE", path)).status_code == 204
    assert (await social.ask("bob", "GET", path)).status_code == 404
    bad = await social.ask("ann", "POST", "/v1/shares", {"uri": "javascript:alert(1)"})
    assert bad.json()["error"]["reason"] == "INVALID_URI"


@pytest.mark.parametrize(
    ("profile", "follows", "status"),
    [
        ("public", False, 200),
        ("followers", False, 404),
        ("followers", True, 200),
        ("private", True, 404),
    ],
)
async def test_profile_shows_itself_to_whom_it_may(
    social: Social, profile: str, follows: bool, status: int
) -> None:
    await social.ask("ann", "PUT", "/v1/me/privacy", {"profile": profile})
    if follows:
        await social.follow("bob", "ann")
    answer = await social.ask("bob", "GET", "/v1/profiles/ann")
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["you_follow"] == follows


async def test_play_that_ended_is_what_was_heard_last(social: Social) -> None:
    await social.follow("bob", "ann")
    at = social.clock()
    played = TrackPlayed(
        "e", at, "p", "ann", TRACK, at, 30_000, "aac", 96, "ended", "SE", "free", None, None, None
    )  # fmt: skip
    await social.hear(played)
    (item,) = (await social.get("bob", "/v1/me/friends/activity"))["items"]
    assert not item["playing"]


async def test_user_who_is_gone_leaves_nothing_behind(social: Social) -> None:
    await social.follow("bob", "ann")
    await social.follow("ann", "bob")
    await playing(social, "ann")
    await social.name("ann", "", removed=True)
    assert await seen(social, "bob") == []
    assert (await social.ask("bob", "GET", "/v1/profiles/ann")).status_code == 404
    assert await social.parts.people.followers("ann") == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/me/now-playing", {"track_id": "x"}),
        ("PUT", "/v1/me/privacy", {"activity": "all"}),
        ("PUT", "/v1/me/blocks/a b", None),
        ("POST", "/v1/shares", {"uri": "x" * 300}),
        ("POST", "/v1/shares", {"uri": "spotify:track:x", "to": ["x"] * 51}),
        ("GET", "/v1/me/feed/changes?since=-1", None),
        ("GET", f"/v1/me/feed/changes?epoch={'x' * 65}&since=1", None),
        ("PUT", "/v1/me/blocks/ann", None),
    ],
)
async def test_bad_requests_are_refused(
    social: Social, method: str, path: str, body: object
) -> None:
    assert (await social.ask("ann", method, path, body)).status_code == 400


async def test_scopes_are_needed(social: Social) -> None:
    for method, path in (("GET", "/v1/me/feed"), ("PUT", "/v1/me/blocks/bob")):
        assert (await social.ask("ann", method, path, scope="streaming")).status_code == 403
    answer = await social.ask("ann", "POST", "/v1/sessions", {}, scope="user-follow-read")
    assert answer.status_code == 403
