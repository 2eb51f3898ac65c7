"""Popularity follows what is played."""

from shared.events import PopularityChanged, TrackChanged
from tests.functions.catalog.fakes import PUSHES, Catalog
from tests.functions.catalog.test_web import NOW, get, played
from tests.web import client_of


async def test_a_tracks_popularity_is_what_insights_told_last_and_is_told_on_once():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = await played(catalog, client, 1)
        before = len(catalog.told(TrackChanged))
        event = PopularityChanged("e", NOW, id, 73, 1200)
        for _ in range(2):
            assert (await PUSHES.push(client, event)).status_code == 204
        assert (await get(client, f"/v1/tracks/{id}"))["popularity"] == 73
    told = catalog.told(TrackChanged)
    assert len(told) == before + 1
    assert told[-1].popularity == 73


async def test_popularity_of_a_track_that_is_not_there_is_let_go():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        event = PopularityChanged("e", NOW, "gone" + "0" * 18, 5, 2)
        assert (await PUSHES.push(client, event)).status_code == 204
    assert catalog.told(TrackChanged) == []
