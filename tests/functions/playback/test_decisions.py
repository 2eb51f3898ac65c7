"""Decisions from memory, from the projection, and from rights over HTTP."""

import asyncio
import json

import httpx
import pytest

from functions.playback.authority import RemoteRights
from functions.playback.decisions import Asked, Decisions
from functions.playback.domain import Playable
from functions.playback.store import Playables
from shared.errors import Unavailable
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id
from shared.rights.table import Table
from tests.functions.playback.events import track_changed
from tests.rights import deal, rights_changed
from tests.web import NOW

ASKED = Asked("SE", "premium", "OnDemandStream", NOW, "token")


async def test_the_table_is_put_in_order_while_plays_go_on():
    playables = Playables(MemoryDocuments(Playable, "track"), ttl_s=4, clock=lambda: 0)
    table = Table(full_at=2)
    decisions = Decisions(playables, table, RemoteRights("https://segue.test", "mark"))
    ids = [derived_id(str(number)) for number in range(5)]
    for id in ids:
        await playables.apply_track(track_changed(track_id=id))
        await playables.apply_rights(rights_changed(id, 1, deal()))
        assert (await decisions.of(id, ASKED))[1].allow
    for _ in range(200):
        if not table.is_full:
            break
        await decisions.of(ids[0], ASKED)
        await asyncio.sleep(0.05)
    assert not table.is_full
    assert [table.version(id) for id in ids] == [1] * 5
    assert (await decisions.of(ids[0], ASKED))[1].allow


def remote(status: int = 200, body: object = None) -> tuple[RemoteRights, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=json.dumps(body).encode())

    return RemoteRights("https://segue.test", "mark", transport=httpx.MockTransport(answer)), seen


async def test_rights_is_asked_in_the_listeners_name():
    decision = {"allow": True, "reason": "LICENSED", "licence_id": "l", "version": 3,
                "valid_until": "2026-04-01T00:00:00Z"}  # fmt: skip
    rights, seen = remote(body={"decision": decision, "message": "yes"})
    found = await rights.decide("t", ASKED)
    assert (found.allow, found.version, found.licence_id) == (True, 3, "l")
    assert found.valid_until is not None
    assert found.valid_until > NOW
    (request,) = seen
    assert request.headers["authorization"] == "Bearer token"
    assert dict(request.url.params) == {"track": "t", "use": "OnDemandStream"}
    await rights.stop()


@pytest.mark.parametrize(("status", "body"), [(503, {}), (403, {}), (200, {}), (200, [1])])
async def test_anything_but_a_decision_is_no_decision(status: int, body: object):
    rights, _ = remote(status, body)
    with pytest.raises(Unavailable):
        await rights.decide("t", ASKED)
    await rights.stop()
