"""Takedowns as histories: what instances answer while events come late, twice, in any order.

A discrete simulation of one track: rights writes versions and tells of them; events are delayed,
doubled and reordered on their way; playback's instances share one projection, read it through
caches of their own, and run on clocks of their own. What they answer is recorded and checked:

    5 s after a takedown's acknowledgement no answer allows under an older version
    an instance's own answers never go back behind a version that it met
"""

import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest

from functions.playback.decisions import Asked, Decisions
from functions.playback.domain import Playable
from functions.playback.store import Playables
from functions.rights import entitlements
from functions.rights.entitlements import Entitlement
from functions.rights.takedown import Confirmation
from shared.errors import Unavailable
from shared.events import RightsChanged
from shared.gcp.memory import MemoryDocuments
from shared.rights.shapes import Decision
from shared.rights.table import Table
from tests.functions.playback.events import TRACK, track_changed
from tests.rights import deal
from tests.web import NOW

TTL_S, BOUND_S = 4.0, 5.0
LENGTH_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instance answered, and when."""

    at_s: float
    instance: int
    allow: bool
    version: int


@dataclass(slots=True)
class History:
    """Answers, and (version, second of acknowledgement) of each takedown."""

    answers: list[Answer] = field(default_factory=list)
    takedowns: list[tuple[int, float]] = field(default_factory=list)

    def violations(self) -> list[str]:
        found = [
            f"{it} after version {version} was acknowledged at {acknowledged_s:.2f}"
            for version, acknowledged_s in self.takedowns
            for it in self.answers
            if it.allow and it.version < version and it.at_s > acknowledged_s + BOUND_S
        ]
        met: dict[int, int] = {}
        for it in self.answers:
            if it.version < met.get(it.instance, 0):
                found.append(f"{it} goes back behind {met[it.instance]}")
            met[it.instance] = max(met.get(it.instance, 0), it.version)
        return found


class World:
    """Time, and what is due in it."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable]] = []
        self._count = 0

    def at(self, delay_s: float, what: Callable) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now_s + delay_s, self._count, what))

    async def run(self) -> None:
        while self._due and self._due[0][0] <= LENGTH_S:
            at_s, _, what = heapq.heappop(self._due)
            self.now_s = max(self.now_s, at_s)
            await what()


class Flaky(MemoryDocuments[Playable]):
    """The projection, as one instance reaches it; `broken_until_s` it does not."""

    def __init__(self, world: World, shared: MemoryDocuments[Playable]) -> None:
        super().__init__(Playable, "track")
        self._world = world
        self._shared = shared
        self.broken_until_s = -1.0

    async def find(self, id: str) -> Playable | None:
        if self._world.now_s < self.broken_until_s:
            raise Unavailable("partitioned")
        found = await self._shared.find(id)
        # What was read may be long on its way.
        self._world.now_s += self._world.luck.choice((0.001, 0.001, 0.001, 0.1, 6.0))
        return found


class Nobody:
    """Rights, when it is down."""

    async def decide(self, track_id: str, asked: Asked) -> Decision:
        raise Unavailable("down")


async def history_of(
    seed: int, *, ttl_s: float = TTL_S, confirms: bool = True, refuses_older: bool = True
) -> History:
    """One history. The switches take away what makes it safe, one by one."""
    world, history = World(seed), History()
    luck = world.luck
    shared = MemoryDocuments(Playable, "track")
    projection = Playables(shared, ttl_s=ttl_s, clock=lambda: world.now_s)
    await projection.apply_track(track_changed())
    known = Entitlement(TRACK)

    async def deliver(event: RightsChanged) -> None:
        if refuses_older:
            await projection.apply_rights(event)
            return
        before = await shared.get(TRACK)
        await shared.put(TRACK, replace(before, rights_version=event.version, deals=event.deals))

    def publish(event: RightsChanged) -> None:
        for _ in range(luck.choice((1, 1, 2, 3))):
            delay_s = luck.choice((0.05, 0.5, 3.0, 12.0)) * luck.random()
            world.at(delay_s, lambda: deliver(event))

    async def change() -> None:
        """A licence comes, or everything is taken down."""
        nonlocal known
        stamp = known.version + 1
        gone = bool(entitlements.deals_of(known)) and luck.random() < 0.6
        deals = () if gone else (deal(licence_id=f"licence {stamp}"),)
        known = entitlements.with_source(known, "source", stamp, deals, NOW) or known
        publish(entitlements.changed(known, NOW))
        if gone:
            await wait_for(known.version)
        world.at(luck.uniform(0.5, 8), change)

    async def wait_for(version: int) -> None:
        """What `Confirmation` does, in this world's time: ask, wait, ask again."""
        held = await shared.find(TRACK)
        if not confirms or (held is not None and held.rights_version >= version):
            history.takedowns.append((version, world.now_s))
        else:
            world.at(0.1, lambda: wait_for(version))

    def instance(number: int) -> None:
        documents = Flaky(world, shared)
        # Clocks of instances differ; what counts is that each goes on evenly.
        ahead_s = luck.uniform(-300, 300)
        playables = Playables(documents, ttl_s=ttl_s, clock=lambda: world.now_s + ahead_s)
        decisions = Decisions(playables, Table(), Nobody())
        at = NOW + timedelta(seconds=ahead_s)

        async def play() -> None:
            if luck.random() < 0.02:
                documents.broken_until_s = world.now_s + luck.uniform(1, 10)
            asked = Asked("SE", "premium", "OnDemandStream", at, "token")
            try:
                _, decision = await decisions.of(TRACK, asked)
                if decision.reason != "RIGHTS_UNAVAILABLE":
                    answer = Answer(world.now_s, number, decision.allow, decision.version)
                    history.answers.append(answer)
            except Unavailable:
                pass
            world.at(luck.expovariate(4), play)

        world.at(luck.random(), play)

    for number in range(4):
        instance(number)
    world.at(0.0, change)
    await world.run()
    return history


@pytest.mark.parametrize("part", range(4))
async def test_five_seconds_after_its_acknowledgement_a_takedown_is_effective_everywhere(part: int):
    takedowns = answers = allowed = 0
    for seed in range(part * 12, part * 12 + 12):
        history = await history_of(seed)
        assert history.violations() == [], f"seed {seed}"
        takedowns += len(history.takedowns)
        answers += len(history.answers)
        allowed += sum(it.allow for it in history.answers)
    assert takedowns > 20
    assert allowed > answers / 20 > 50


@pytest.mark.slow
async def test_a_takedown_is_effective_in_many_histories():
    takedowns = 0
    for seed in range(1000, 1400):
        history = await history_of(seed)
        assert history.violations() == [], f"seed {seed}"
        takedowns += len(history.takedowns)
    print(f"{takedowns} takedowns")


@pytest.mark.parametrize(
    "without", [{"ttl_s": 9.0}, {"confirms": False}, {"refuses_older": False}], ids=str
)
async def test_the_check_notices_when_a_guard_is_missing(without: dict):
    found = [it for seed in range(12) for it in (await history_of(seed, **without)).violations()]
    assert found


async def test_the_wait_asks_with_the_callers_token_until_all_are_there():
    asked: list[tuple[str, list[str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        ids = json.loads(request.content)["track_ids"]
        asked.append((request.headers["authorization"], ids))
        if len(asked) == 1:
            return httpx.Response(503)
        versions = {id: 2 if len(asked) > 2 or id == "a" else 1 for id in ids}
        return httpx.Response(200, json={"versions": versions})

    async def sleep(_: float) -> None:
        pass

    confirm = Confirmation(
        "https://segue.test", transport=httpx.MockTransport(answer), sleep=sleep, patience_s=5
    )
    await confirm({"a": 2, "b": 2}, "token")
    assert asked == [
        ("Bearer token", ["a", "b"]), ("Bearer token", ["a", "b"]), ("Bearer token", ["b"]),
    ]  # fmt: skip
    await confirm.stop()


async def test_the_wait_ends_and_says_that_the_takedown_is_not_done():
    async def sleep(_: float) -> None:
        pass

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"versions": {"a": 1}})

    confirm = Confirmation(
        "https://segue.test", transport=httpx.MockTransport(answer), sleep=sleep, patience_s=1
    )
    with pytest.raises(Unavailable) as caught:
        await confirm({"a": 2}, "token")
    assert caught.value.code == "TAKEDOWN_PENDING"
    await confirm.stop()
