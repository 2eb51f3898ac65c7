"""Editing together: roles, links, revocation, history, undo, branches."""

import asyncio
from typing import Any

import httpx
import pytest

from functions.playlists.domain import MAX_INVITES
from functions.playlists.ops import Add, Entry, Roles, Set
from shared.errors import Forbidden, NotFound, Unavailable
from shared.events import ChannelPublished, PlaylistChanged
from tests.functions.playlists.fakes import PUSHES, Cloud, Instance, uri
from tests.functions.playlists.test_api import bearer, made, uris_of
from tests.web import client_of, code_of


async def ask(client: httpx.AsyncClient, method: str, path: str, user: str = "ada", **more: Any):
    return await client.request(method, f"/v1/playlists/{path}", headers=bearer(user), **more)


async def ops(client: httpx.AsyncClient, id: str, *some: Any, user: str = "ada", **more: Any):
    return await ask(client, "POST", f"{id}/ops", user, json={"ops": list(some), **more})


def add(*numbers: int, where: str = "last", item: str = "") -> dict[str, Any]:
    place = {"where": where, **({"item": item} if item else {})}
    return {"op": "add", "items": [{"uri": uri(it)} for it in numbers], "place": place}


async def test_a_private_playlist_is_nobody_elses_until_a_link_opens_it():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False)
        assert (await ask(client, "GET", id, "bo")).status_code == 404
        assert (await ops(client, id, add(1), user="bo")).status_code == 404
        link = await ask(client, "POST", f"{id}/invites", json={"role": "editor", "hours": 1})
        assert link.status_code == 201, link.text
        token = {"token": link.json()["token"]}
        forged = {"token": link.json()["id"] + ".x"}
        assert (await ask(client, "POST", f"{id}/join", "bo", json=forged)).status_code == 404
        assert (await ask(client, "POST", f"{id}/join", "bo", json=token)).status_code == 200
        assert (await ops(client, id, add(1), user="bo")).status_code == 200
        gone = await ask(client, "DELETE", f"{id}/invites/{link.json()['id']}")
        assert gone.status_code == 204
        late = await ask(client, "POST", f"{id}/join", "cy", json=token)
        assert code_of(late) == "INVITE_NOT_FOUND"
        roles = (await ask(client, "GET", f"{id}/collaborators")).json()
        assert roles == {"owner": "ada", "roles": {"bo": "editor"}}
        text = (await ask(client, "GET", f"{id}/history")).text
        assert "digest" not in text


async def test_a_link_expires():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        link = await ask(client, "POST", f"{id}/invites", json={"hours": 2})
        instance.cloud.clock.forward(hours=2)
        token = {"token": link.json()["token"]}
        late = await ask(client, "POST", f"{id}/join", "bo", json=token)
        assert (late.status_code, code_of(late)) == (403, "INVITE_EXPIRED")


async def test_links_that_have_expired_make_room_for_new_ones():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        for _ in range(MAX_INVITES):
            link = await ask(client, "POST", f"{id}/invites", json={"hours": 1})
            assert link.status_code == 201, link.text
        full = await ask(client, "POST", f"{id}/invites", json={"hours": 1})
        assert code_of(full) == "TOO_MANY_INVITES"
        instance.cloud.clock.forward(hours=2)
        fresh = await ask(client, "POST", f"{id}/invites", json={"hours": 1})
        assert fresh.status_code == 201, fresh.text
        left = (await ask(client, "GET", f"{id}/invites")).json()["items"]
        assert [it["id"] for it in left] == [fresh.json()["id"]]


async def listed(client: httpx.AsyncClient, user: str, what: str = "playlists") -> list[str]:
    answer = await client.get(f"/v1/me/{what}", headers=bearer(user))
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    return [it["name"] for it in answer.json()["items"]]


async def test_a_shared_playlist_is_in_the_lists_of_all_who_have_a_role_in_it():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False, name="Ours")
        link = (await ask(client, "POST", f"{id}/invites", json={})).json()
        await ask(client, "POST", f"{id}/join", "bo", json={"token": link["token"]})
        await ask(client, "PUT", f"{id}/collaborators", json={"cy": "viewer"})
        assert [await listed(client, it) for it in ("ada", "bo", "cy", "di")] == [
            ["Ours"], ["Ours"], ["Ours"], [],
        ]  # fmt: skip
        await ask(client, "PUT", f"{id}/collaborators", json={"cy": None})
        assert await listed(client, "cy") == []
        handed = await ask(client, "PUT", f"{id}/collaborators", json={"bo": "owner"})
        assert handed.status_code == 200
        theirs = await client.get("/v1/playlists/users/bo", headers=bearer("bo"))
        assert "Ours" in theirs.text
        assert await listed(client, "ada") == ["Ours"]  # an editor now
        # Who puts it away keeps the role, and may take it back into the list.
        assert (await ask(client, "DELETE", f"{id}/followers", "ada")).status_code == 200
        assert (await listed(client, "ada"), await listed(client, "bo")) == ([], ["Ours"])
        assert (await ops(client, id, add(1), user="ada")).status_code == 200
        assert (await ask(client, "PUT", f"{id}/followers", "ada")).status_code == 200
        assert await listed(client, "ada") == ["Ours"]


async def test_a_list_shows_nothing_of_what_another_instance_has_taken_away():
    one = Instance()
    other = Instance(one.cloud, "two")
    async with client_of(one.app()) as left, client_of(other.app()) as right:
        id = await made(left, public=False, name="Before")
        await ask(left, "PUT", f"{id}/collaborators", json={"bo": "viewer"})
        assert (await ask(right, "GET", id, "bo")).status_code == 200
        assert await listed(right, "bo") == ["Before"]
        await ops(left, id, {"op": "set", "name": "After"})
        await one.service.settle()
        assert await listed(right, "bo") == ["After"]
        await ask(left, "PUT", f"{id}/collaborators", json={"bo": None})
        await one.service.settle()
        assert await listed(right, "bo") == []


async def test_an_instance_that_dies_before_it_lists_is_made_good_by_the_sweep():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False, name="Ours")
        await ask(client, "PUT", f"{id}/collaborators", json={"bo": "editor"})
        await instance.service.settle()
        shelf = instance.cloud.collections["playlist_shelf"]
        await shelf.delete_many([f"ada~{id}", f"bo~{id}"])
        instance.cloud.clock.forward(minutes=2)
        swept = await client.post("/_tasks/tell-playlists", headers=PUSHES.bearer())
        assert swept.status_code < 300
        assert (await listed(client, "ada"), await listed(client, "bo")) == (["Ours"], ["Ours"])


async def test_what_was_deleted_can_be_found_to_be_restored():
    instance = Instance()
    async with client_of(instance.app()) as client:
        ids = [await made(client, public=False, name=name) for name in ("One", "Two")]
        await ask(client, "PUT", f"{ids[0]}/collaborators", json={"bo": "editor"})
        for id in ids:
            instance.cloud.clock.forward(seconds=1)
            await ask(client, "DELETE", f"{id}/followers")
        assert await listed(client, "ada", "playlists/deleted") == ["Two", "One"]
        assert await listed(client, "bo", "playlists/deleted") == []
        assert (await listed(client, "ada"), await listed(client, "bo")) == ([], [])
        assert (await ask(client, "POST", f"{ids[0]}/restore")).status_code == 200
        assert await listed(client, "ada", "playlists/deleted") == ["Two"]
        assert (await listed(client, "ada"), await listed(client, "bo")) == (["One"], ["One"])


async def test_viewers_look_and_do_not_edit():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False)
        await ask(client, "PUT", f"{id}/collaborators", json={"bo": "viewer"})
        assert (await ask(client, "GET", id, "bo")).status_code == 200
        assert (await ops(client, id, add(1), user="bo")).status_code == 403
        mine = await ask(client, "PUT", f"{id}/collaborators", "bo", json={"bo": "editor"})
        assert mine.status_code == 403
        left = await ask(client, "PUT", f"{id}/collaborators", "bo", json={"bo": None})
        assert left.status_code == 200
        assert (await ask(client, "GET", id, "bo")).status_code == 404


async def test_revocation_holds_against_what_is_under_way():
    """One instance revokes while the other still believes: the log's order decides."""
    cloud = Cloud()
    first, second = Instance(cloud, "a"), Instance(cloud, "b")
    playlists = first.service.playlists
    id = await playlists.create("ada", Set(name="x", visibility="private"), roles={"bo": "editor"})
    await second.service.store.live(id)
    for _ in range(20):
        await playlists.submit(id, "ada", [Roles({"bo": "editor"})])
        outcomes = await asyncio.gather(
            playlists.submit(id, "ada", [Roles({"bo": None})]),
            *(second.service.playlists.submit(id, "bo", [Add((Entry(uri(n)),))]) for n in range(5)),
            return_exceptions=True,
        )
        revoked = outcomes[0]
        assert not isinstance(revoked, BaseException)
        for it in outcomes[1:]:
            if isinstance(it, BaseException):
                assert isinstance(it, Forbidden | NotFound), it
            else:
                assert it.done.revision < revoked.done.revision
        with pytest.raises((Forbidden, NotFound)):
            await second.service.playlists.submit(id, "bo", [Add((Entry(uri(1)),))])
    await first.service.settle()
    await second.service.settle()


async def test_undo_of_one_collaborators_op_leaves_the_others():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False)
        await ask(client, "PUT", f"{id}/collaborators", json={"bo": "editor"})
        items = (await ops(client, id, add(0, 1, 2, 3))).json()["items"]
        removed = await ops(client, id, {"op": "remove", "ids": [items[1]["id"]]}, user="bo")
        await ops(client, id, add(9, where="first"))
        undone = await ask(
            client, "POST", f"{id}/undo", json={"revision": removed.json()["revision"]}
        )
        assert undone.status_code == 200, undone.text
        assert await uris_of(client, id) == [uri(9), uri(0), uri(1), uri(2), uri(3)]
        # The revived one is the same item: whoever still means it means it.
        again = {"revision": undone.json()["revision"]}
        assert (await ask(client, "POST", f"{id}/undo", json=again)).status_code == 409
        assert (await ask(client, "POST", f"{id}/redo", json=again)).status_code == 200
        assert await uris_of(client, id) == [uri(9), uri(0), uri(2), uri(3)]
        assert (await ask(client, "POST", f"{id}/undo")).status_code == 200  # one's own last
        assert await uris_of(client, id) == [uri(0), uri(2), uri(3)]


async def test_a_long_list_that_was_emptied_is_put_back_and_merged():
    """What an undo carries is longer than any batch that clients may send."""
    async with client_of(Instance().app()) as client:
        id = await made(client)
        for start in range(0, 5_000, 1_000):
            done = await ops(client, id, add(*range(start, start + 1_000)))
            assert done.status_code == 200, done.text
        branch = (await ask(client, "POST", f"{id}/branches", json={})).json()["id"]
        for one in (id, branch):
            emptied = await ask(client, "PUT", f"{one}/tracks", json={"uris": []})
            assert emptied.status_code == 201
            assert await total_of(client, one) == 0
        undone = await ask(client, "POST", f"{branch}/undo", json={})
        assert undone.status_code == 200, undone.text
        assert await total_of(client, branch) == 5_000
        merged = await ask(client, "POST", f"{id}/merges", json={"branch_id": branch})
        assert merged.status_code == 200, merged.text
        state = (await ask(client, "GET", f"{id}/rich")).json()
        assert [it["uri"] for it in state["items"]] == [uri(it) for it in range(5_000)]


async def total_of(client: httpx.AsyncClient, id: str) -> int:
    return (await ask(client, "GET", f"{id}/tracks?limit=1")).json()["total"]


async def test_history_tells_who_did_what_and_shows_every_revision():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        before = instance.cloud.clock()
        instance.cloud.clock.forward(hours=1)
        first = (await ops(client, id, add(0, 1))).json()
        await ops(client, id, {"op": "move", "ids": [first["items"][1]["id"]],
                               "place": {"where": "first"}})  # fmt: skip
        await ops(client, id, {"op": "set", "name": "New"}, add(2))
        found = (await ask(client, "GET", f"{id}/history?limit=2")).json()
        assert [it["change"]["op"] for it in found["items"]] == ["add", "set"]
        assert {it["by"] for it in found["items"]} == {"ada"}
        rest = (await client.get(found["next"], headers=bearer())).json()
        assert [it["change"]["op"] for it in rest["items"]] == ["move", "add"]
        past = (await ask(client, "GET", f"{id}/revisions/{first['revision']}")).json()
        assert [it["item"]["uri"] for it in past["items"]] == [uri(0), uri(1)]
        then = await ask(client, "GET", f"{id}/revisions", params={"at": before.isoformat()})
        assert then.json()["total"] == 0
        assert (await ask(client, "GET", f"{id}/revisions/99")).status_code == 404
        diff = (await ask(client, "GET", f"{id}/diff?from={first['revision']}")).json()
        assert [it["uri"] for it in diff["added"]] == [uri(2)]
        assert len(diff["moved"]) == 1
        assert diff["attributes"] == {"name": {"from": "Mine", "to": "New"}}


async def test_deleted_is_gone_and_can_be_restored():
    async with client_of(Instance().app()) as client:
        id = await made(client)
        await ops(client, id, add(0))
        assert (await ask(client, "DELETE", f"{id}/followers")).status_code == 200
        assert (await ask(client, "GET", id)).status_code == 404
        assert (await ask(client, "GET", id, "bo")).status_code == 404
        mine = (await client.get("/v1/me/playlists", headers=bearer())).json()
        assert mine["total"] == 0
        assert (await ask(client, "POST", f"{id}/restore", "bo")).status_code == 404
        assert (await ask(client, "POST", f"{id}/restore")).status_code == 200
        assert await uris_of(client, id) == [uri(0)]


async def test_a_branch_is_edited_apart_and_merged_back():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False)
        items = (await ops(client, id, add(0, 1, 2))).json()["items"]
        branch = (await ask(client, "POST", f"{id}/branches", json={"name": "B"})).json()["id"]
        assert await uris_of(client, branch) == [uri(0), uri(1), uri(2)]
        await ops(client, branch, add(7, where="after", item=items[0]["id"]))
        await ops(client, branch, {"op": "remove", "ids": [items[1]["id"]]})
        await ops(client, id, {"op": "remove", "ids": [items[0]["id"]]}, add(8))
        merged = await ask(client, "POST", f"{id}/merges", json={"branch_id": branch})
        assert merged.status_code == 200, merged.text
        assert await uris_of(client, id) == [uri(7), uri(2), uri(8)]
        again = await ask(client, "POST", f"{id}/merges", json={"branch_id": branch})
        assert again.json()["revision"] == merged.json()["revision"]
        await ops(client, branch, add(5))
        await ask(client, "POST", f"{id}/merges", json={"branch_id": branch})
        assert await uris_of(client, id) == [uri(7), uri(2), uri(8), uri(5)]
        wrong = await ask(client, "POST", f"{branch}/merges", json={"branch_id": id})
        assert code_of(wrong) == "NOT_A_BRANCH"


async def test_changes_recover_or_say_that_they_cannot():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        for number in range(5):
            await ops(client, id, add(number))
        fresh = (await ask(client, "GET", f"{id}/changes")).json()
        assert (fresh["recovered"], fresh["pubs"], fresh["tail"]) == (False, [], 6)
        assert [it["uri"] for it in fresh["snapshot"]["items"]] == [uri(n) for n in range(5)]
        gap = (await ask(client, "GET", f"{id}/changes?epoch=1&since=4")).json()
        assert (gap["recovered"], [it["seq"] for it in gap["pubs"]]) == (True, [5, 6])
        for since, epoch in (("9", "1"), ("4", "0"), ("0", "x")):
            lost = await ask(client, "GET", f"{id}/changes?epoch={epoch}&since={since}")
            assert (lost.json()["recovered"], lost.json()["pubs"]) == (False, [])
        assert (await ask(client, "GET", f"{id}/changes", "bo")).status_code == 404
        await instance.service.settle()
        said = [it for it in instance.cloud.published.events if isinstance(it, ChannelPublished)]
        assert [it.seq for it in said] == [1, 2, 3, 4, 5, 6]
        told = [it for it in instance.cloud.published.events if isinstance(it, PlaylistChanged)]
        assert told[-1].item_count == 5


async def test_what_was_not_told_is_told_by_the_sweep():
    instance = Instance()
    instance.cloud.published.broken = Unavailable("no bus")
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        await ops(client, id, add(0))
        await instance.service.settle()
        instance.cloud.published.broken = None
        later = Instance(instance.cloud, "two")
        instance.cloud.clock.forward(minutes=2)
        async with client_of(later.app()) as other:
            swept = await other.post("/_tasks/tell-playlists", headers=PUSHES.bearer())
            assert swept.status_code == 204
        kinds = [type(it) for it in instance.cloud.published.events]
        assert ChannelPublished in kinds
        assert PlaylistChanged in kinds


async def test_a_batch_is_all_or_nothing_and_the_same_nonce_the_same_batch():
    async with client_of(Instance().app()) as client:
        id = await made(client, public=False)
        bad = {"op": "add", "items": [{"uri": "spotify:track:x"}]}
        assert code_of(await ops(client, id, add(1), bad)) == "INVALID_URI"
        assert await uris_of(client, id) == []
        first = await ops(client, id, add(1), nonce="a")
        again = await ops(client, id, add(1), nonce="a")
        assert again.json()["known"]
        assert again.json()["revision"] == first.json()["revision"]
        assert await uris_of(client, id) == [uri(1)]
        many = await ops(client, id, *[add(1)] * 201)
        assert (many.status_code, code_of(many)) == (413, "BATCH_TOO_LARGE")
        large = {"op": "add", "items": [{"uri": uri(1)}] * 2_001}
        assert (await ops(client, id, large)).status_code == 413


async def test_anchors_long_removed_are_found_where_they_were():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client, public=False)
        made_ = (await ops(client, id, add(*range(10)))).json()
        items, revision = made_["items"], made_["revision"]
        gone = [it["id"] for it in items[3:8]]
        await ops(client, id, {"op": "remove", "ids": gone})
        await ops(client, id, add(20, where="before", item=items[5]["id"]))
        assert (await uris_of(client, id))[2:4] == [uri(2), uri(20)]
        # An instance that never saw them asks the log what stood before.
        await instance.service.settle()
    async with client_of(Instance(instance.cloud, "two").app()) as client:
        late = add(21, where="after", item=items[6]["id"])
        assert (await ops(client, id, late, base_revision=revision)).status_code == 200
        assert (await uris_of(client, id))[2:4] == [uri(2), uri(21)]
