"""Messages and releases over HTTP: which tracks they cover, in whatever order all of it comes."""

import itertools
from typing import Any

import httpx
import pytest

from shared.errors import Unavailable
from shared.events import LicenceChanged, RightsChanged
from shared.ids import derived_id
from tests.functions.rights.service import (
    BEARER,
    PUSHES,
    TOKENS,
    TRACK,
    Service,
    appear,
    explain,
)
from tests.shared.ddex.messages import (
    DEAL,
    ISRC,
    LABEL,
    UPC,
    deal,
    header,
    main_release,
    message,
    purge,
    recording,
    track_release,
)
from tests.web import client_of

XML = {**BEARER, "content-type": "application/xml"}


async def send(client: httpx.AsyncClient, data: bytes, **headers: str) -> httpx.Response:
    return await client.post("/v1/rights/messages", content=data, headers={**XML, **headers})


async def taken(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    response = await send(client, data)
    assert response.status_code == 200, response.text
    return response.json()


async def allowed(client: httpx.AsyncClient, track_id: str = TRACK, **asked: str) -> bool:
    return (await explain(client, track_id, **asked))["decision"]["allow"]


def told_at(hour: int, id: str = "m", **more: Any) -> bytes:
    head = header(f"2026-02-01T{hour:02}:00:00Z", message_id=f"{id}{hour}")
    return message(head=head, **more)


async def test_a_message_covers_the_tracks_that_carry_its_recordings():
    service = Service()
    async with client_of(service.app()) as client:
        await appear(client)
        done = await taken(client, message())
        assert await allowed(client)
        why = await explain(client)
    (release,) = done["releases"]
    assert (release["release"], release["status"]) == (f"icpn:{UPC}", "imported")
    assert (release["tracks"], release["waiting"], release["effective"]) == (1, [], True)
    assert done["problems"] == []
    assert why["deals"][0]["licensor_id"] == LABEL
    (licence,) = service.told(LicenceChanged)
    assert (licence.licensor_id, licence.licensor_name) == (LABEL, "Small Label")
    assert licence.licence_id == why["decision"]["licence_id"]
    assert licence.track_ids == (TRACK,)
    assert service.held == [{TRACK: 1}]


async def test_a_recording_without_a_track_waits_for_it():
    service = Service()
    async with client_of(service.app()) as client:
        done = await taken(client, message())
        assert done["releases"][0]["waiting"] == [ISRC]
        assert not await allowed(client)
        await appear(client)
        assert await allowed(client)
        await appear(client, revision=2, isrc=None)
        assert not await allowed(client)
        await appear(client, revision=3, isrc=ISRC)
        await appear(client, revision=4, removed=True)
        assert not await allowed(client)
        await appear(client, revision=1)
        assert not await allowed(client), "an older state of the track comes late"


async def test_the_same_recording_on_another_release_stays_under_its_own_terms():
    service = Service()
    other = derived_id("other")
    async with client_of(service.app()) as client:
        await appear(client, upc=UPC)
        await appear(client, other, upc="73513537")
        await taken(client, message())
        assert await allowed(client)
        assert not await allowed(client, other)


OLD = told_at(8)
NEW = told_at(9, deals=[deal(DEAL.replace("Worldwide", "US"))])
GONE = purge("2026-02-01T10:00:00Z")


@pytest.mark.parametrize("order", list(itertools.permutations((OLD, NEW, GONE))))
async def test_messages_in_any_order_leave_what_the_last_one_said(order: tuple[bytes, ...]):
    for last, (swedes, americans) in ((NEW, (False, True)), (GONE, (False, False))):
        service = Service()
        async with client_of(service.app()) as client:
            await appear(client)
            for data in order:
                if data is GONE and last is NEW:
                    continue
                await taken(client, data)
                await taken(client, data)
            assert await allowed(client) == swedes
            assert await allowed(client, territory="US") == americans


async def test_what_came_of_a_message_is_told():
    service = Service()
    async with client_of(service.app()) as client:
        statuses = [
            (await taken(client, data))["releases"][0]["status"]
            for data in (NEW, NEW, OLD, GONE, GONE, NEW)
        ]
        test = message(head=header(more="<MessageControlType>TestMessage</MessageControlType>"))
        assert (await taken(client, test))["releases"] == []
    assert statuses == ["imported", "unchanged", "stale", "purged", "unchanged", "stale"]


async def test_a_new_message_replaces_all_deals_and_recordings_of_its_release():
    service = Service()
    second = derived_id("second")
    both = {
        "recordings": [recording(), recording(2, "SEABC2600002")],
        "releases": [main_release(("A1", "A2")), track_release(), track_release(2)],
    }
    async with client_of(service.app()) as client:
        await appear(client)
        await appear(client, second, isrc="SEABC2600002")
        await taken(client, told_at(1, **both, deals=[deal(DEAL, "R1", "R2")]))
        assert [await allowed(client, it) for it in (TRACK, second)] == [True, True]
        await taken(client, told_at(2, **both, deals=[deal(DEAL, "R2")]))
        assert [await allowed(client, it) for it in (TRACK, second)] == [False, True]
        await taken(client, told_at(3, **both, deals=[]))
        assert [await allowed(client, it) for it in (TRACK, second)] == [False, False]
        versions = [it.version for it in service.told(RightsChanged) if it.track_id == TRACK]
    assert versions == [1, 2]


async def test_a_release_is_found_again_by_any_of_its_names():
    service = Service()
    grid = "<GRid>A12425GABC1234002M</GRid>"
    releases = [main_release(ids=grid + f"<ICPN>{UPC}</ICPN>"), track_release()]
    async with client_of(service.app()) as client:
        await appear(client)
        await taken(client, told_at(1, releases=releases))
        assert await allowed(client)
        await taken(client, purge("2026-02-02T00:00:00Z", grid))
        assert not await allowed(client)


async def test_an_albums_deal_covers_its_tracks_only_where_none_is_licensed_by_itself():
    service = Service()
    async with client_of(service.app()) as client:
        await appear(client)
        await taken(client, told_at(1, deals=[deal(DEAL, "R0")]))
        assert not await allowed(client)
        await taken(client, told_at(2, releases=[main_release()], deals=[deal(DEAL, "R0")]))
        assert await allowed(client)


async def test_what_is_wrong_is_refused_by_line_and_the_rest_is_taken():
    service = Service()
    second = derived_id("second")
    data = message(
        recordings=[recording(isrc="WRONG"), recording(2, "SEABC2600002")],
        releases=[main_release(("A1", "A2")), track_release(), track_release(2)],
        deals=[
            deal(DEAL, "R1", "R2"),
            deal(DEAL.replace("Stream<", "Telepathy<"), "R2"),
            deal(DEAL, "R9"),
        ],
    )
    async with client_of(service.app()) as client:
        await appear(client, second, isrc="SEABC2600002")
        done = await taken(client, data)
        assert await allowed(client, second)
    assert [it["reason"] for it in done["problems"]] == [
        "NO_ISRC", "INVALID_ISRC", "INVALID_USE", "NO_RELEASE",
    ]  # fmt: skip
    lines = data.decode().splitlines()
    for problem, said in zip(done["problems"], ("A1", "WRONG", "Telepathy", "R9"), strict=True):
        near = "".join(lines[problem["line"] - 1 : problem["line"] + 1])
        assert said in near or said in problem["subject"]


async def test_a_deal_that_counts_lets_nothing_and_its_licensor_is_told():
    service = Service()
    counted = DEAL + "<NumberOfUsages>1000</NumberOfUsages>"
    data = message(deals=[deal(counted)])
    async with client_of(service.app()) as client:
        await appear(client)
        done = await taken(client, data)
        assert not await allowed(client)
        said = await explain(client, TRACK)
        await taken(client, told_at(11, deals=[deal(counted), deal()]))
        assert await allowed(client)  # another deal does not count
    (problem,) = done["problems"]
    assert problem["reason"] == "USAGES_NOT_COUNTED"
    assert data.decode().splitlines()[problem["line"] - 1].count("DealTerms") == 1
    assert said["decision"]["reason"] == said["deals"][0]["reason"] == "USAGES"
    assert said["deals"][0]["usages"] == 1000
    assert "limited number of plays in all" in said["message"]


async def test_what_contradicts_itself_covers_nothing():
    service = Service()
    async with client_of(service.app()) as client:
        await appear(client)
        done = await taken(client, message(recordings=[recording(), recording(1, "SEABC2600002")]))
        assert not await allowed(client)
    assert {it["reason"] for it in done["problems"]} == {"CONTRADICTORY", "NO_ISRC"}


async def test_a_message_from_the_future_would_shut_out_all_that_follow():
    service = Service()
    async with client_of(service.app()) as client:
        response = await send(client, message(head=header("2027-01-01T00:00:00Z")))
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "MESSAGE_FROM_THE_FUTURE"


async def test_a_message_that_cannot_be_read_is_400_with_its_line():
    service = Service()
    async with client_of(service.app()) as client:
        response = await send(client, message()[:-10])
        text = await send(client, message(), **{"content-type": "text/plain"})
        large = await send(client, b" " * (33 << 20))
        denied = await send(client, message(), **TOKENS.bearer("streaming"))
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "BAD_XML"
    assert response.json()["error"]["message"].startswith("line ")
    assert (text.status_code, text.json()["error"]["reason"]) == (400, "NOT_XML")
    assert large.status_code == 413
    assert denied.status_code == 403


async def test_a_release_that_was_cut_short_is_finished_by_the_sweep():
    service = Service()
    async with client_of(service.app()) as client:
        await appear(client)
        service.publish.broken = Unavailable("no ack")
        assert (await send(client, message())).status_code == 503
        service.publish.broken = None
        assert not service.told(RightsChanged)
        service.now.forward(minutes=1)
        sweep = "/_tasks/republish-licences"
        assert (await client.post(sweep, headers=PUSHES.bearer())).status_code == 204
        assert [it.version for it in service.told(RightsChanged)] == [1]
        assert len(service.told(LicenceChanged)) == 1
        await client.post(sweep, headers=PUSHES.bearer())
        assert len(service.publish.events) == 2


async def test_what_playback_does_not_know_yet_is_said():
    service = Service()
    async with client_of(service.app()) as client:
        await appear(client)
        service.pending = True
        assert (await taken(client, message()))["releases"][0]["effective"] is False


def release(**changes: Any) -> dict[str, Any]:
    return {
        "licensor_id": "small",
        "licensor_name": "Small Label",
        "deals": [{"plans": ["premium"], "from": "2026-01-01", "through": "2026-12-31"}],
        "recordings": [{"track_id": TRACK, "deals": [0]}],
        **changes,
    }


async def put(client: httpx.AsyncClient, name: str = "r1", **changes: Any) -> httpx.Response:
    path = f"/v1/rights/releases/{name}"
    return await client.put(path, json=release(**changes), headers=BEARER)


async def test_the_same_can_be_said_in_json():
    service = Service()
    async with client_of(service.app()) as client:
        assert (await put(client)).json()["status"] == "imported"
        assert await allowed(client)
        assert not await allowed(client, plan="free")
        assert not await allowed(client, at="2026-12-31T23:00:00Z"), "the Swedish year is over"
        holdback = {"kind": "holdback", "territories": ["SE"], "uses": [], "from": "2026-02-01"}
        deals = [*release()["deals"], holdback]
        service.now.forward(seconds=1)
        both = [{"track_id": TRACK, "deals": [0, 1]}]
        assert (await put(client, deals=deals, recordings=both)).json()["deals"] == 2
        why = await explain(client)
        assert why["decision"]["reason"] == "HELD_BACK"
        assert await allowed(client, territory="NO")
        service.now.forward(seconds=1)
        path = "/v1/rights/releases/r1?licensor_id=small"
        assert (await client.delete(path, headers=BEARER)).json()["status"] == "purged"
        assert not await allowed(client, territory="NO")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"deals": [{"plans": ["gold"]}]}, "INVALID_PLAN"),
        ({"deals": [{"plans": ["free"], "uses": ["Telepathy"]}]}, "INVALID_USE"),
        ({"deals": [{"models": ["Barter"]}]}, "INVALID_MODEL"),
        ({"deals": [{"plans": ["free"], "territories": ["Atlantis"]}]}, "INVALID_TERRITORY"),
        ({"deals": [{"plans": ["free"], "territories": []}]}, "EMPTY_TERRITORY"),
        ({"deals": [{"plans": ["free"], "from": "2027-02-29"}]}, "INVALID_MOMENT"),
        (
            {"deals": [{"plans": ["free"], "from": "2026-02-02", "through": "2026-02-01"}]},
            "EMPTY_WINDOW",
        ),
        ({"deals": [{}]}, "INVALID_MODEL"),
        ({"deals": [{"plans": ["free"], "usages": 0}]}, "INVALID"),
        ({"recordings": [{"deals": [0]}]}, "INVALID"),
        ({"recordings": [{"track_id": TRACK, "isrc": ISRC, "deals": [0]}]}, "INVALID"),
        ({"recordings": [{"track_id": TRACK, "deals": [1]}]}, "INVALID"),
        ({"recordings": [{"track_id": "x", "deals": [0]}]}, "INVALID_ID"),
        ({"recordings": [{"isrc": "x", "deals": [0]}]}, "INVALID_ISRC"),
        ({"upc": "123"}, "INVALID_UPC"),
        ({"made_at": "2027-01-01T00:00:00Z"}, "MESSAGE_FROM_THE_FUTURE"),
        ({"until": "x"}, "INVALID"),
    ],
)
async def test_a_wrong_release_is_400_and_changes_nothing(changes: dict[str, Any], code: str):
    service = Service()
    async with client_of(service.app()) as client:
        response = await put(client, **changes)
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == code
    assert not service.publish.events
