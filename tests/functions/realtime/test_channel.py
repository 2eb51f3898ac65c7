"""A channel under anything that a bus may do: listeners hear 1..N, or the state anew."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from segue.live import Position, Published, Reset

from functions.realtime import channel as channel_module
from functions.realtime.channel import Shared
from functions.realtime.channels import Name
from functions.realtime.hub import Hub
from functions.realtime.owners import Changes
from shared.errors import SegueError
from shared.ids import new_id
from tests.functions.realtime.rig import MemoryOwners, event

CHANNEL = "playlist:p"
NAME = Name.parse(CHANNEL)


@dataclass(eq=False)
class Ear:
    """A listener that takes frames as the SDK's client does, and asks again as it does."""

    token: str
    hub: Hub
    user_id: str = "ann"
    dropped: dict[str, Callable[[str], None]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    position: Position = field(default_factory=lambda: Position(CHANNEL, "e1", 0))
    heard: list[int] = field(default_factory=list)
    revoked: bool = False

    def deliver(self, shared: Shared) -> None:
        self.send(shared.data)

    def send(self, data: bytes) -> None:
        frame = json.loads(data)
        assert not (self.revoked and frame["op"] == "pub"), "heard after the right was gone"
        self.revoked |= frame["op"] == "revoked"
        changes, again = self.position.take(frame)
        for it in changes:
            if isinstance(it, Published):
                assert it.payload == {"n": it.seq}
                self.heard.append(it.seq)
            elif isinstance(it, Reset):
                self.heard[:] = range(1, it.tail + 1)
        if again:
            self.hub.spawn(self.join())

    def expired(self, code: str) -> None:
        raise AssertionError(code)

    async def join(self) -> None:
        asked = self.position.request()

        def reply(changes: Changes) -> None:
            self.send(
                json.dumps(
                    {
                        "op": "sub",
                        "epoch": changes.epoch,
                        "tail": changes.tail,
                        "recovered": changes.recovered,
                        "pubs": [{"seq": n, "payload": json.loads(p)} for n, p in changes.pubs],
                        "snapshot": changes.snapshot and json.loads(changes.snapshot),
                    }
                ).encode()
            )

        for _ in range(500):
            try:
                self.hub.leave(CHANNEL, self)
                since = asked.get("since")
                await self.hub.join(NAME, self, asked.get("epoch"), since, reply, lambda _: None)
            except SegueError as error:
                if error.code != "UNAVAILABLE":
                    return
                await asyncio.sleep(0.002)
            else:
                return


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(["", "lost", "twice", "late"])),
        st.tuples(st.just("join"), st.integers(0, 3)),
        st.tuples(st.just("leave"), st.integers(0, 3)),
        st.tuples(st.just("down"), st.booleans()),
        st.tuples(st.just("recheck"), st.booleans()),
        st.tuples(st.just("wait"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_listeners_hear_one_to_n_whatever_the_bus_does(steps: list[tuple[str, Any]]) -> None:
    asyncio.run(_run(steps))


async def _run(steps: list[tuple[str, Any]]) -> None:
    owners = MemoryOwners(lambda token: token)

    async def publish(_: object) -> None:
        return

    before = channel_module.RETRY_S
    channel_module.RETRY_S = (0.001, 0.002)
    hub = Hub(
        "g", owners, publish, now=time.monotonic, wall=lambda: datetime.now(UTC), new_id=new_id,
        tail_check_s=(0.004, 0.006),
    )  # fmt: skip
    log = owners.log(CHANNEL)
    ears = [Ear(f"t{n}", hub) for n in range(4)]
    joined: set[int] = set()
    held: list[Any] = []
    try:
        for what, how in steps:
            if what == "publish":
                seq = log.tail + 1
                log.payloads.append({"n": seq})
                it = event(CHANNEL, "e1", seq, {"n": seq})
                if how == "late":
                    held.append(it)
                elif how != "lost":
                    for _ in range(1 + (how == "twice")):
                        hub.on_event(it)
            elif what == "join":
                hub.spawn(ears[how].join())
                joined.add(how)
            elif what == "leave":
                hub.leave(CHANNEL, ears[how])
                joined.discard(how)
            elif what == "down":
                owners.down = how
            elif what == "recheck":
                seq = log.tail + 1
                log.payloads.append({"n": seq})
                hub.on_event(event(CHANNEL, "e1", seq, {"n": seq}, recheck=how))
            await asyncio.sleep(0.003 if what == "wait" else 0)
        owners.down = False
        for it in reversed(held):
            hub.on_event(it)
        wanted = list(range(1, log.tail + 1))
        for _ in range(300):
            await asyncio.sleep(0.005)
            if all(ears[n].heard == wanted for n in joined):
                break
        assert {n: ears[n].heard for n in joined} == dict.fromkeys(joined, wanted)
    finally:
        channel_module.RETRY_S = before
        await hub.close()
