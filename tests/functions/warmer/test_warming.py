"""A region's warmer at work: signed, within its budget, at its own edges."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from functions.warmer.signals import Known, Piece, Release
from functions.warmer.warming import HEADER, HORIZON, Warmer
from shared import cdn
from shared.errors import Unavailable
from tests.functions.warmer.test_signals import EDGES, FRIDAY, known

KEY = cdn.SigningKey("key-1", bytes(range(16)))
NOW = datetime(2026, 11, 19, 20, tzinfo=UTC)


class Cloud:
    """The warehouse and the edges; `broken` paths answer 500."""

    def __init__(self, tracks: int = 5, size: int = 1000) -> None:
        releases = [
            Release(
                f"t{n}", None, FRIDAY,
                (Piece(f"audio/{n}/base/aac-96.mp4", size), Piece(f"audio/{n}/aac.m3u8", 10)),
            )
            for n in range(tracks)
        ]  # fmt: skip
        waiting = {(f"t{n}", "SE"): 10 + n for n in range(tracks)}
        self.found = known(releases=releases, presaves=waiting)
        self.now, self.down = NOW, False
        self.broken: set[str] = set()
        self.fetched: list[str] = []

    async def known(self, at: datetime) -> Known:
        if self.down:
            raise Unavailable("no warehouse")
        return self.found

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers[HEADER] == "1"
        at_s = int(self.now.timestamp())
        assert cdn.verify(str(request.url), None, cdn.key_ring(KEY), at_s)
        self.fetched.append(f"{request.url.host}{request.url.path}")
        return httpx.Response(500 if request.url.path in self.broken else 200, content=b"x")

    def warmer(self, region: str = "europe-west1", budget: int = 10**6) -> Warmer:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Warmer(self, EDGES, region, KEY, client, budget_bytes=budget, now=lambda: self.now)


async def test_a_warmer_fetches_for_its_own_edges_only():
    cloud = Cloud()
    (told,) = await cloud.warmer().run()
    assert (told.edge, told.listed, told.fetched, told.failed) == ("eu", 5, 10, 0)
    assert {it.split("/")[0] for it in cloud.fetched} == {"eu.test"}
    assert await cloud.warmer("africa-south1").run() == []


async def test_the_budget_bounds_what_is_listed_and_the_most_wanted_comes_first():
    cloud = Cloud()
    (told,) = await cloud.warmer(budget=2500).run()
    assert (told.listed, told.listed_bytes) == (2, 2020)
    assert {it.split("/")[2] for it in cloud.fetched} == {"3", "4"}


async def test_what_was_fetched_is_not_fetched_again_for_a_day():
    cloud = Cloud()
    warmer = cloud.warmer()
    await warmer.run()
    (again,) = await warmer.run()
    assert (again.fetched, again.known) == (0, 10)
    cloud.now += HORIZON + timedelta(minutes=1)
    cloud.found = known(
        releases=[*cloud.found.releases], presaves=cloud.found.presaves, plays={("t1", "SE"): 50}
    )
    (later,) = await warmer.run()
    assert later.known == 0


async def test_an_object_that_fails_spoils_no_other_and_is_tried_again():
    cloud = Cloud()
    cloud.broken = {"/audio/2/base/aac-96.mp4"}
    warmer = cloud.warmer()
    (told,) = await warmer.run()
    assert (told.fetched, told.failed) == (9, 1)
    cloud.broken = set()
    (again,) = await warmer.run()
    assert (again.fetched, again.known, again.failed) == (1, 9, 0)


async def test_without_the_warehouse_nothing_is_guessed():
    cloud = Cloud()
    cloud.down = True
    with pytest.raises(Unavailable):
        await cloud.warmer().run()
    assert cloud.fetched == []
