"""Listening together over HTTP: invites, commands, what members hear on the channel."""

import asyncio
import json
from typing import Any

import pytest

from tests.functions.social.service import Social

TRACK = "t" * 22


@pytest.fixture
def social() -> Social:
    return Social()


async def begin(social: Social, **body: Any) -> dict[str, Any]:
    answer = await social.ask("ann", "POST", "/v1/sessions", body)
    assert answer.status_code == 201
    return answer.json()


async def command(social: Social, user: str, id: str, op: str, **more: Any) -> Any:
    return await social.ask(user, "POST", f"/v1/sessions/{id}/commands", {"op": op, **more})


async def join(social: Social, user: str, invite: str) -> Any:
    return await social.ask(user, "POST", "/v1/sessions/join", {"invite": invite})


async def test_members_hear_every_version_and_strangers_nothing(social: Social) -> None:
    made = await begin(social)
    id, code = made["id"], made["invite"]["code"]
    assert (await join(social, "bob", code)).json()["state"]["v"] == 2
    await command(social, "bob", id, "play", track_id=TRACK)
    state = (await command(social, "ann", id, "pause")).json()["state"]
    assert (state["v"], state["track"], state["playing"]) == (4, TRACK, False)
    said = social.said(f"session:{id}")
    assert [it.seq for it in said] == [2, 3, 4]
    assert json.loads(said[1].payload)["at"] == int(social.clock().timestamp() * 1000) + 1000
    assert "invite" not in json.loads(said[0].payload)
    path = f"/v1/sessions/{id}/changes"
    answer = await social.ask("eve", "GET", path)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "NOT_A_MEMBER")
    assert (await social.get("bob", path))["snapshot"]["v"] == 4
    one = await social.get("bob", f"{path}?epoch={made['epoch']}&since=3")
    assert [it["seq"] for it in one["pubs"]] == [4]
    assert not (await social.get("bob", f"{path}?epoch={made['epoch']}&since=1"))["recovered"]


async def test_who_is_sent_out_is_said_so_that_rights_are_asked_again(social: Social) -> None:
    made = await begin(social)
    await join(social, "bob", made["invite"]["code"])
    await command(social, "ann", made["id"], "remove", user_id="bob")
    said = social.said(f"session:{made['id']}")
    assert [it.recheck for it in said] == [False, True]
    again = await join(social, "bob", made["invite"]["code"])
    assert again.json()["error"]["reason"] == "BAD_INVITE"


async def test_block_between_members_is_an_invite_that_is_no_good(social: Social) -> None:
    made = await begin(social)
    await social.ask("ann", "PUT", "/v1/me/blocks/bob")
    refused = await join(social, "bob", made["invite"]["code"])
    assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "BAD_INVITE")


async def test_invitation_stands_in_the_feed(social: Social) -> None:
    made = await begin(social, name="Friday")
    body = {"to": ["bob"]}
    path = f"/v1/sessions/{made['id']}/invitations"
    assert (await social.ask("ann", "POST", path, body)).json() == {"told": 1}
    assert (await social.ask("ann", "POST", path, body)).json() == {"told": 0}
    (item,) = (await social.get("bob", "/v1/me/feed"))["items"]
    assert (item["type"], item["name"]) == ("invite", "Friday")
    assert (await join(social, "bob", item["invite"])).status_code == 200


async def test_thirty_who_act_at_once_are_all_heard_in_one_order(social: Social) -> None:
    made = await begin(social)
    people = [f"user{n}" for n in range(8)]
    for user in people:
        await join(social, user, made["invite"]["code"])
    answers = await asyncio.gather(
        *(
            command(social, user, made["id"], "add", track_id=TRACK, nonce=f"nonce-{user}")
            for user in people
        )
    )
    assert all(it.status_code == 200 for it in answers)
    again = await command(social, "user0", made["id"], "add", track_id=TRACK, nonce="nonce-user0")
    state = again.json()["state"]
    assert len(state["queue"]) == len(people)
    seqs = sorted(it.seq for it in social.said(f"session:{made['id']}"))
    assert seqs == list(range(2, state["v"] + 1))


async def test_change_stands_though_nobody_could_be_told(social: Social) -> None:
    from shared.errors import Unavailable

    made = await begin(social)
    social.published.broken = Unavailable("bus down")
    answer = await command(social, "ann", made["id"], "add", track_id=TRACK)
    assert answer.status_code == 200
    assert (await social.get("ann", f"/v1/sessions/{made['id']}"))["state"]["v"] == 2


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"op": "fly"}, 400, "INVALID"),
        ({"op": "remove"}, 400, "INVALID"),
        ({"op": "add"}, 400, "INVALID"),
        ({"op": "add", "track_id": "x"}, 400, "INVALID_ID"),
        ({"op": "seek", "position_ms": -1}, 400, "INVALID"),
        ({"op": "seek", "position_ms": 10**12}, 400, "INVALID"),
        ({"op": "seek", "position_ms": 5}, 409, "NOTHING_TO_PLAY"),
        ({"op": "vote", "item_id": "none"}, 404, "ITEM_NOT_FOUND"),
        ({"op": "skip", "if_v": 99}, 412, "STALE"),
    ],
)
async def test_bad_commands_are_refused_by_name(
    social: Social, body: dict, status: int, reason: str
) -> None:
    made = await begin(social)
    answer = await social.ask("ann", "POST", f"/v1/sessions/{made['id']}/commands", body)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)


@pytest.mark.parametrize("code", ["", "x", "é" * 44, "a" * 43, "../" * 15])
async def test_bad_invites_are_refused(social: Social, code: str) -> None:
    assert (await join(social, "bob", code)).status_code == 403
    assert (await join(social, "bob", "a" * 44)).status_code == 404


async def test_session_that_ended_is_gone(social: Social) -> None:
    made = await begin(social)
    ended = (await command(social, "ann", made["id"], "end")).json()
    assert ended["state"]["ended"]
    assert ended["invite"] is None
    assert (await command(social, "ann", made["id"], "play")).status_code == 404
    assert (await social.ask("ann", "GET", f"/v1/sessions/{made['id']}")).status_code == 404
