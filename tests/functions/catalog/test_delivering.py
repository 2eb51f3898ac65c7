"""Release notifications become artists, releases and recordings, once, whoever sends them again."""

from typing import Any

import httpx
import pytest

from shared.errors import Unavailable
from shared.events import AlbumChanged, ArtistChanged, TrackChanged
from tests.functions.catalog.fakes import PUSHES, TOKENS, Catalog
from tests.web import Published, client_of

EDITOR = TOKENS.bearer("catalog:write")
READER = TOKENS.bearer("streaming")
UPC = "4006381333931"


def party(reference: str, name: str, isni: str = "") -> str:
    ids = f"<PartyId><ISNI>{isni}</ISNI></PartyId>" if isni else ""
    name = f"<PartyName><FullName>{name}</FullName></PartyName>"
    return f"<Party><PartyReference>{reference}</PartyReference>{ids}{name}</Party>"


def recording(reference: str, title: str, isrc: str, more: str = "") -> str:
    return (
        f"<SoundRecording><ResourceReference>{reference}</ResourceReference>"
        f"<SoundRecordingEdition><ResourceId><ISRC>{isrc}</ISRC></ResourceId></SoundRecordingEdition>"
        f"<DisplayTitleText>{title}</DisplayTitleText>"
        "<DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>"
        f"<DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>{more}"
        "<Duration>PT3M21.5S</Duration>"
        "<ParentalWarningType>Explicit</ParentalWarningType></SoundRecording>"
    )


PRODUCED = (
    "<Contributor><ContributorPartyReference>P2</ContributorPartyReference>"
    "<Role>StudioProducer</Role><Role>Caterer</Role></Contributor>"
)


def message(
    *,
    title: str = "Night Ferry",
    at: str = "2026-03-01T10:00:00+00:00",
    control: str = "LiveMessage",
    upc: str = UPC,
    contents: tuple[str, ...] = ("A1", "A2"),
    recordings: str | None = None,
) -> bytes:
    """A release of two recordings by an artist with an ISNI and a producer without one."""
    held = "".join(
        f"<ResourceGroupContentItem><SequenceNumber>{n}</SequenceNumber>"
        f"<ReleaseResourceReference>{it}</ReleaseResourceReference></ResourceGroupContentItem>"
        for n, it in enumerate(contents, 1)
    )
    if recordings is None:
        recordings = recording("A1", "Harbour", "SEABC2600001", PRODUCED)
        recordings += recording("A2", "Open Water", "SEABC2600002")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43" AvsVersionId="3">
<MessageHeader><MessageId>m-{at}</MessageId>
<MessageSender><PartyId>PADPIDA2026010101N</PartyId>
<PartyName><FullName>Ferry Records</FullName></PartyName></MessageSender>
<MessageRecipient><PartyId>PADPIDA2026010102L</PartyId></MessageRecipient>
<MessageCreatedDateTime>{at}</MessageCreatedDateTime>
<MessageControlType>{control}</MessageControlType></MessageHeader>
<PartyList>{party("P1", "Ada Lind", "0000000121032683")}{party("P2", "Bo Ek")}
{party("P3", "Ferry Records")}</PartyList>
<ResourceList>{recordings}</ResourceList>
<ReleaseList><Release><ReleaseReference>R0</ReleaseReference><ReleaseType>Album</ReleaseType>
<ReleaseId><ICPN>{upc}</ICPN></ReleaseId><DisplayTitleText>{title}</DisplayTitleText>
<DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>
<DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
<ReleaseLabelReference>P3</ReleaseLabelReference>
<Genre><GenreText>Folk</GenreText></Genre>
<OriginalReleaseDate>2026-03-06</OriginalReleaseDate>
<ResourceGroup>{held}</ResourceGroup></Release></ReleaseList></ern:NewReleaseMessage>""".encode()


async def send(client: httpx.AsyncClient, body: bytes) -> dict[str, Any]:
    answer = await client.post("/v1/catalog/messages", content=body, headers=EDITOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def album_of(client: httpx.AsyncClient, done: dict[str, Any]) -> dict[str, Any]:
    (id,) = done["album_ids"]
    return (await client.get(f"/v1/albums/{id}", headers=READER)).json()


async def test_a_message_makes_a_release_its_recordings_and_who_made_them():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        done = await send(client, message())
        album = await album_of(client, done)
        first = album["tracks"]["items"][0]
        told = next(it for it in catalog.told(TrackChanged) if it.track_id == first["id"])
    assert (done["made"], done["refused"]) == (4, [])
    assert (album["name"], album["label"], album["release_date"]) == (
        "Night Ferry", "Ferry Records", "2026-03-06",
    )  # fmt: skip
    assert [it["name"] for it in album["tracks"]["items"]] == ["Harbour", "Open Water"]
    assert album["artists"][0]["name"] == "Ada Lind"
    assert (told.isrc, told.duration_ms, told.explicit) == ("SEABC2600001", 201_500, True)
    assert [(it.name, it.role) for it in told.credits] == [
        ("Ada Lind", "main"), ("Bo Ek", "producer"),
    ]  # fmt: skip
    assert [it.isni for it in catalog.told(ArtistChanged) if it.name == "Ada Lind"] == [
        "0000000121032683"
    ]


async def test_the_same_message_again_changes_nothing_and_tells_nobody():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        first = await send(client, message())
        told = len(catalog.publish.events)
        again = await send(client, message())
    assert (again["made"], again["changed"]) == (0, 0)
    assert again["album_ids"] == first["album_ids"]
    assert told > 0
    assert len(catalog.publish.events) == told


async def test_only_what_a_message_changes_is_told():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        await send(client, message())
        catalog.publish.events.clear()
        await send(client, message(title="Night Ferries", at="2026-03-03T10:00:00Z"))
    assert [it.title for it in catalog.told(AlbumChanged)] == ["Night Ferries"]
    assert catalog.told(ArtistChanged) == catalog.told(TrackChanged) == []


class Deaf(Published):
    """A publisher that refuses releases and recordings while it is `deaf`."""

    deaf = True

    async def __call__(self, event: Any) -> None:
        if self.deaf and isinstance(event, AlbumChanged | TrackChanged):
            raise Unavailable("no topic answers")
        await super().__call__(event)


async def test_what_was_written_and_never_told_is_told_by_the_sweep():
    deaf = Deaf()
    catalog = Catalog(publish=deaf)
    sweep = "/_tasks/sweep-uploads"
    async with client_of(catalog.app()) as client:
        answer = await client.post("/v1/catalog/messages", content=message(), headers=EDITOR)
        assert answer.status_code == 503
        deaf.deaf = False
        again = await send(client, message())  # as a sender does who was told to try again
        assert (again["made"], again["changed"]) == (0, 0)
        catalog.now.forward(minutes=1)
        await client.post(sweep, headers=PUSHES.bearer())
        heard = len(deaf.events)
        await client.post(sweep, headers=PUSHES.bearer())
    assert {it.album_id for it in catalog.told(AlbumChanged)} == set(again["album_ids"])
    assert len({it.track_id for it in catalog.told(TrackChanged)}) == 2
    assert len(deaf.events) == heard


async def test_a_later_message_replaces_and_an_earlier_one_that_comes_late_does_not():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        await send(client, message())
        await send(client, message(title="Night Ferries", at="2026-03-03T10:00:00Z"))
        late = await send(client, message(title="Nite Ferry", at="2026-03-02T10:00:00Z"))
        titles = [it.title for it in catalog.told(AlbumChanged)]
    assert [it["reason"] for it in late["refused"]] == ["STALE_MESSAGE"]
    assert (late["made"], late["changed"], late["album_ids"]) == (0, 0, [])
    assert titles[-1] == "Night Ferries"


async def test_one_recording_twice_on_a_release_makes_two_tracks():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        album = await album_of(client, await send(client, message(contents=("A1", "A2", "A1"))))
    assert [it["name"] for it in album["tracks"]["items"]] == ["Harbour", "Open Water", "Harbour"]
    assert len({it["id"] for it in album["tracks"]["items"]}) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"contents": ("A1", "A9")}, "UNKNOWN_RESOURCE"),
        ({"upc": "4006381333930"}, "NO_RELEASE_ID"),
        ({"recordings": recording("A1", " ", "SEABC2600001")}, "INVALID_LINE"),
        ({"recordings": recording("A1", "Harbour", "SEABC260001")}, "INVALID_ISRC"),
    ],
)
async def test_what_is_wrong_is_named_by_line_and_the_rest_is_taken(
    change: dict[str, Any], reason: str
):
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        done = await send(client, message(**change))
    found = [it for it in done["refused"] if it["reason"] == reason]
    assert found, done
    assert all(it["line"] > 1 for it in found)
    albums = {it.album_id for it in catalog.told(AlbumChanged)}
    assert len(albums) == (0 if reason == "NO_RELEASE_ID" else 1)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "BAD_XML"),
        (b"<a>", 400, "NOT_ERN"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, "DOCTYPE_FORBIDDEN"),
        (message(control="TestMessage"), 400, "TEST_MESSAGE"),
        (b" " * (5 << 20), 413, "TOO_LARGE"),
    ],
)
async def test_what_is_no_message_is_refused_whole(body: bytes, status: int, reason: str):
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        answer = await client.post("/v1/catalog/messages", content=body, headers=EDITOR)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
    assert catalog.told(AlbumChanged) == []
