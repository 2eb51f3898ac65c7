"""What a takedown leaves open: grants that were given before it, and for how long."""

from typing import Any

import httpx
import pytest

from shared import cdn
from shared.errors import Forbidden
from tests.functions.playback.events import AUDIO, TRACK, track_changed
from tests.functions.playback.service import KEY, TOKENS, Service
from tests.rights import deal, rights_changed
from tests.web import PUBLIC_URL, client_of

OTHER, OTHERS_AUDIO = "o" * 22, "a" * 22
SEGMENT = f"{PUBLIC_URL}/audio/{AUDIO}/base/aac-96.mp4"
OTHERS = f"{PUBLIC_URL}/audio/{OTHERS_AUDIO}/base/aac-96.mp4"


class Listener:
    """Plays, and keeps the latest signature of each track."""

    def __init__(self, service: Service, client: httpx.AsyncClient, *, renews: bool) -> None:
        self.service, self._client, self._renews = service, client, renews
        self.signatures: dict[str, str] = {}

    async def asks(self, track_id: str = TRACK) -> httpx.Response:
        asked = {"track_id": track_id, "renews": self._renews}
        answer = await self._client.post("/v1/plays", json=asked, headers=TOKENS.bearer())
        if answer.status_code == 201:
            self.signatures[track_id] = answer.json()["signature"]
        return answer

    def hears(self, url: str = SEGMENT, track_id: str = TRACK) -> bool:
        """Whether the edge, by its clock, gives what is at `url`: a start or a seek alike."""
        try:
            at_s = int(self.service.seconds())
            signed = f"{url}?{self.signatures[track_id]}"
            return cdn.verify(signed, None, cdn.key_ring(KEY), at_s) is not None
        except Forbidden:
            return False


async def two_tracks() -> Service:
    service = Service()
    await service.ready()
    await service.playables.apply_track(
        track_changed(track_id=OTHER, audio_id=OTHERS_AUDIO, event_id=OTHER)
    )
    await service.playables.apply_rights(rights_changed(OTHER, 1, deal()))
    return service


async def taken_down(service: Service) -> None:
    await service.playables.apply_rights(rights_changed(TRACK, 2))


@pytest.mark.parametrize(("renews", "open_s"), [(True, 120), (False, 320)])
async def test_a_play_begun_before_the_takedown_goes_on_until_its_grant_ends_and_no_longer(
    renews: bool, open_s: int
):
    service = await two_tracks()
    async with client_of(service.app()) as client:
        listener = Listener(service, client, renews=renews)
        assert (await listener.asks()).json()["valid_for_s"] == open_s
        await taken_down(service)
        service.now.forward(seconds=open_s - 1)
        assert listener.hears()
        assert listener.hears(SEGMENT.replace("96", "160"))  # a seek, a switch
        service.now.forward(seconds=1)
        assert not listener.hears()
        assert not listener.hears(SEGMENT.replace("96", "160"))


async def test_a_renewal_after_the_takedown_is_told_why_and_other_tracks_go_on():
    service = await two_tracks()
    async with client_of(service.app()) as client:
        listener = Listener(service, client, renews=True)
        await listener.asks()
        await listener.asks(OTHER)
        service.now.forward(seconds=90)
        await taken_down(service)
        denied = await listener.asks()
        assert denied.status_code == 403
        error: dict[str, Any] = denied.json()["error"]
        assert (error["reason"], error["decision"]["reason"]) == ("NOT_LICENSED", "NO_LICENCE")
        assert (await listener.asks(OTHER)).status_code == 201
        service.now.forward(seconds=60)
        assert listener.hears(OTHERS, OTHER)
        assert not listener.hears()


async def test_a_paused_player_renews_silently_while_the_licence_holds_and_when_it_is_back():
    service = await two_tracks()
    async with client_of(service.app()) as client:
        listener = Listener(service, client, renews=True)
        await listener.asks()
        service.now.forward(hours=3)
        assert not listener.hears()
        assert (await listener.asks()).status_code == 201
        assert listener.hears()
        await taken_down(service)
        service.now.forward(hours=3)
        assert (await listener.asks()).status_code == 403
        await service.playables.apply_rights(rights_changed(TRACK, 3, deal()))
        assert (await listener.asks()).status_code == 201
        assert listener.hears()


async def test_no_renewal_reaches_beyond_the_licences_end():
    service = Service()
    await service.ready(deal(ends="2026-03-01T12:05:00Z"))
    async with client_of(service.app()) as client:
        listener = Listener(service, client, renews=True)
        held: list[int] = []
        for _ in range(5):
            answer = await listener.asks()
            held.append(answer.json()["valid_for_s"] if answer.status_code == 201 else 0)
            service.now.forward(seconds=80)
        assert held == [120, 120, 120, 60, 0]
