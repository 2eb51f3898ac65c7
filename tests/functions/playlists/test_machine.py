"""A playlist as a state machine: two instances, editors who are trusted or not, restarts, and a
model that is a plain list. Hypothesis looks for the order of events that breaks it."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from functions.playlists.ops import Add, Entry, Move, Place, Remove, Roles, Set
from functions.playlists.playlist import replay
from functions.playlists.rebuilding import rebuild
from shared.errors import Forbidden, NotFound
from tests.functions.playlists.fakes import Cloud, Instance, no_covers, uri
from tests.functions.playlists.simulator import logged

ID = "p" * 22
USERS = ["ada", "bo", "cy"]


class Machine(RuleBasedStateMachine):
    """`model` is what the list must be; `roles` who may edit it."""

    items = Bundle("items")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.cloud = Cloud()
        self.instances = [Instance(self.cloud, name) for name in ("a", "b")]
        self.model: list[tuple[str, str]] = []
        self.gone: set[str] = set()
        self.roles = {"ada": "owner"}
        self.count = 0
        self.past: list[tuple[int, list[str]]] = []
        create = self.instances[0].service.playlists.create(
            "ada", Set(name="x", visibility="private"), playlist_id=ID
        )
        self.loop.run_until_complete(create)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for it in self.instances:
                self.loop.run_until_complete(it.service.settle())
            self.loop.close()

    def submit(self, user: str, op: Any, which: int, nonce: str | None = None) -> Any:
        """What came of it; None if it was refused, which the model must agree with."""
        playlists = self.instances[which].service.playlists
        try:
            done = self.loop.run_until_complete(playlists.submit(ID, user, [op], nonce=nonce))
        except (Forbidden, NotFound):
            assert self.roles.get(user) not in ("owner", "editor")
            return None
        assert self.roles.get(user) in ("owner", "editor") or not done.batch.ops
        return done

    def _now_ms(self) -> int:
        return int(self.cloud.clock().timestamp() * 1000)

    def _place(self, place: Place) -> int | None:
        """Where the model puts it; None: the anchor is gone, the server decides."""
        if place.where in ("first", "last"):
            return 0 if place.where == "first" else len(self.model)
        at = [id for id, _ in self.model]
        if place.item not in at:
            return None
        return at.index(place.item) + (place.where == "after")

    def _adopt(self, which: int) -> None:
        """Take the server's order, once its set of items is the model's."""
        live = self.loop.run_until_complete(self.instances[which].service.store.live(ID))
        order = live.state.listing.order()
        assert sorted(order) == sorted(id for id, _ in self.model)
        self.model.sort(key=lambda it: order.index(it[0]))

    @rule(
        target=items,
        user=st.sampled_from(USERS),
        number=st.integers(0, 5),
        where=st.sampled_from(["first", "last"]),
        which=st.integers(0, 1),
        again=st.booleans(),
    )
    def add(self, user: str, number: int, where: Any, which: int, again: bool):
        self.count += 1
        op, nonce = Add((Entry(uri(number)),), Place(where)), f"n{self.count}"
        done = self.submit(user, op, which, nonce)
        if done is None:
            return multiple()
        (entry,) = done.batch.ops[0].items
        at = self._place(Place(where))
        assert at is not None
        self.model.insert(at, (entry.id, entry.uri))
        if again:  # its answer was lost: the other instance is asked
            repeated = self.submit(user, op, 1 - which, nonce)
            assert repeated.again
            assert repeated.done == done.done
        return entry.id

    @rule(
        target=items,
        user=st.sampled_from(USERS),
        anchor=items,
        where=st.sampled_from(["before", "after"]),
        which=st.integers(0, 1),
    )
    def add_beside(self, user: str, anchor: str, where: Any, which: int):
        place = Place(where, anchor)
        at = self._place(place)
        done = self.submit(user, Add((Entry(uri(9)),), place), which)
        if done is None:
            return multiple()
        (entry,) = done.batch.ops[0].items
        self.model.insert(0 if at is None else at, (entry.id, entry.uri))
        if at is None:
            self._adopt(which)
        return entry.id

    @rule(user=st.sampled_from(USERS), id=items, which=st.integers(0, 1))
    def remove(self, user: str, id: str, which: int) -> None:
        if self.submit(user, Remove((id,)), which) is not None:
            self.model = [it for it in self.model if it[0] != id]

    @rule(
        user=st.sampled_from(USERS),
        id=items,
        anchor=items,
        where=st.sampled_from(["before", "after", "first", "last"]),
        which=st.integers(0, 1),
    )
    def move(self, user: str, id: str, anchor: str, where: Any, which: int) -> None:
        place = Place(where, anchor if where in ("before", "after") else "")
        there = [it for it in self.model if it[0] == id]
        # Beside itself it stays; first and last name no neighbour.
        beside_itself = place.item == id
        if self.submit(user, Move((id,), place), which) is None or not there or beside_itself:
            return
        self.model.remove(there[0])
        at = self._place(place)
        self.model.insert(0 if at is None else at, there[0])
        if at is None:
            self._adopt(which)

    @rule(
        user=st.sampled_from(["bo", "cy"]),
        role=st.sampled_from(["editor", "viewer", None]),
        which=st.integers(0, 1),
    )
    def give(self, user: str, role: Any, which: int) -> None:
        self.submit("ada", Roles({user: role}), which)
        self.roles[user] = role

    @rule(which=st.integers(0, 1))
    def undo(self, which: int) -> None:
        playlists = self.instances[which].service.playlists
        live = self.loop.run_until_complete(playlists.live(ID, "ada"))
        before = [id for id, _ in self.model]
        if live.state.revision < 2:
            return
        op, _ = self.loop.run_until_complete(playlists.op_at(live, live.state.revision))
        if not isinstance(op, Add | Remove | Move):
            return
        past = self.loop.run_until_complete(
            playlists.store.at_revision(live, live.state.revision - 1)
        )
        self.loop.run_until_complete(playlists.undo(ID, "ada", live.state.revision))
        assert [id for id, _ in self.model] == before
        self.model = [(it.id, it.uri) for it in past.listing]

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        """An instance dies with all that it had in memory."""
        self.loop.run_until_complete(self.instances[which].service.settle())
        self.count += 1
        self.instances[which] = Instance(self.cloud, f"r{self.count}")

    @rule()
    def make_again(self) -> None:
        self.loop.run_until_complete(
            rebuild(
                Instance(self.cloud, "job").service.store, ID, now_ms=self._now_ms, covers=no_covers
            )
        )

    @invariant()
    def everybody_sees_the_model(self) -> None:
        if not hasattr(self, "loop"):
            return
        wanted = [id for id, _ in self.model]
        for it in self.instances:
            live = self.loop.run_until_complete(it.service.store.live(ID))
            assert list(live.state.listing.order()) == wanted
        assert list(replay(ID, logged(self.cloud, ID)).listing.order()) == wanted


Machine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestMachine = Machine.TestCase
