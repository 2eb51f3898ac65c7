"""What sessions may become, told by examples and by a machine that tries everything."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from functions.social import sessions
from functions.social.sessions import (
    HOST_MISSED_MS,
    LEAD_MS,
    MAX_MEMBERS,
    Add,
    Claim,
    End,
    HandOver,
    Here,
    Join,
    Leave,
    Member,
    NewInvite,
    Now,
    Pause,
    Play,
    Remove,
    Seek,
    Session,
    SetControl,
    Skip,
    Take,
    Vote,
    decide,
)
from shared.errors import Conflict, Forbidden, NotFound, SegueError, Stale

T0 = 1_700_000_000_000


def new(control: sessions.Control = "everyone") -> Session:
    host = Member("ann", "Ann", T0)
    return sessions.begin("s" * 22, "e1", host, name="", control=control, secret="open")


def with_bob(session: Session | None = None) -> Session:
    return decide(session or new(), "bob", Join("open", "Bob"), T0 + 1)


def test_start_lies_a_second_ahead_and_pause_holds_where_all_are() -> None:
    session = decide(with_bob(), "bob", Play("track-1"), T0 + 100)
    assert session.now == Now("track-1", 0, T0 + 100 + LEAD_MS, True)
    paused = decide(session, "ann", Pause(), T0 + 100 + LEAD_MS + 4_200)
    assert paused.now == Now("track-1", 4_200, T0 + 100 + LEAD_MS + 4_200, False)
    on = decide(paused, "ann", Play(), T0 + 20_000)
    assert on.now == Now("track-1", 4_200, T0 + 20_000 + LEAD_MS, True)


def test_pause_before_the_start_is_due_stays_at_the_start() -> None:
    session = decide(new(), "ann", Play("track-1"), T0)
    paused = decide(session, "ann", Pause(), T0 + 300)
    assert paused.now == Now("track-1", 0, T0 + 300, False)


def test_most_votes_play_first_then_first_come() -> None:
    session = with_bob()
    for n in range(3):
        session = decide(session, "ann", Add(f"i{n}", f"t{n}"), T0 + n)
    session = decide(session, "bob", Vote("i2", True), T0 + 5)
    session = decide(session, "bob", Vote("i2", True), T0 + 6)
    assert [it.item_id for it in sessions.in_order(session.queue)] == ["i2", "i0", "i1"]
    session = decide(session, "ann", Skip(), T0 + 7)
    assert session.now is not None
    assert session.now.track_id == "t2"
    assert [it.item_id for it in session.queue] == ["i0", "i1"]


def test_end_of_a_track_noticed_by_all_moves_on_once() -> None:
    session = with_bob(new("host"))
    for n in range(3):
        session = decide(session, "ann", Add(f"i{n}", f"t{n}"), T0)
    seen = decide(session, "ann", Skip(), T0)
    after = decide(seen, "bob", Skip(if_v=seen.v), T0 + 1)
    assert after.now is not None
    assert after.now.track_id == "t1"
    with pytest.raises(Stale):
        decide(after, "ann", Skip(if_v=seen.v), T0 + 2)


def test_command_that_comes_again_changes_nothing() -> None:
    session = decide(new(), "ann", Add("i", "t"), T0, nonce="nonce-1")
    assert decide(session, "ann", Add("i2", "t"), T0, nonce="nonce-1") is session


def test_host_who_leaves_hands_over_to_the_longest_there() -> None:
    session = decide(with_bob(), "cid", Join("open", "Cid"), T0 + 2)
    session = decide(session, "ann", Leave(), T0 + 3)
    assert session.host_id == "bob"
    assert decide(decide(session, "bob", Leave(), T0), "cid", Leave(), T0).ended


def test_absent_host_is_taken_over_and_one_who_is_there_not() -> None:
    session = with_bob()
    with pytest.raises(Conflict) as refused:
        decide(session, "bob", Claim(), T0 + HOST_MISSED_MS - 1)
    assert refused.value.code == "HOST_IS_HERE"
    here = decide(session, "ann", Here(), T0 + 50_000)
    assert here.v == session.v
    with pytest.raises(Conflict):
        decide(here, "bob", Claim(), T0 + HOST_MISSED_MS + 10)
    assert decide(session, "bob", Claim(), T0 + HOST_MISSED_MS + 10).host_id == "bob"


@pytest.mark.parametrize(
    ("by", "command", "code"),
    [
        ("bob", Pause(), "NOT_THE_HOST"),
        ("bob", Skip(), "NOT_THE_HOST"),
        ("bob", Seek(5), "NOT_THE_HOST"),
        ("bob", Remove("ann"), "NOT_THE_HOST"),
        ("bob", HandOver("bob"), "NOT_THE_HOST"),
        ("bob", SetControl("everyone"), "NOT_THE_HOST"),
        ("bob", NewInvite("x"), "NOT_THE_HOST"),
        ("bob", End(), "NOT_THE_HOST"),
        ("bob", Take("i"), "NOT_THE_HOST"),
        ("eve", Vote("i", True), "NOT_A_MEMBER"),
        ("eve", Play("t"), "NOT_A_MEMBER"),
        ("eve", Here(), "NOT_A_MEMBER"),
        ("eve", Join("wrong", "Eve"), "BAD_INVITE"),
        ("ann", Remove("eve"), "MEMBER_NOT_FOUND"),
        ("ann", HandOver("eve"), "MEMBER_NOT_FOUND"),
        ("bob", Vote("nothing", True), "ITEM_NOT_FOUND"),
        ("ann", Seek(5), "NOTHING_TO_PLAY"),
    ],
)
def test_refusals_are_named(by: str, command: sessions.Command, code: str) -> None:
    session = decide(with_bob(new("host")), "ann", Add("i", "t"), T0)
    with pytest.raises(SegueError) as refused:
        decide(session, by, command, T0)
    assert refused.value.code == code


def test_removed_member_and_old_invite_do_not_come_back() -> None:
    session = decide(with_bob(), "ann", Remove("bob"), T0)
    with pytest.raises(Forbidden):
        decide(session, "bob", Join("open", "Bob"), T0)
    renewed = decide(session, "ann", NewInvite("other"), T0)
    with pytest.raises(Forbidden):
        decide(renewed, "cid", Join("open", "Cid"), T0)
    with pytest.raises(Forbidden):
        decide(renewed, "cid", Join("other", "Cid"), T0 + sessions.INVITE_LASTS_MS)
    assert decide(renewed, "cid", Join("other", "Cid"), T0 + 1).member("cid")


def test_session_holds_thirty_two() -> None:
    session = new()
    for n in range(MAX_MEMBERS - 1):
        session = decide(session, f"u{n}", Join("open", ""), T0)
    with pytest.raises(Conflict) as full:
        decide(session, "late", Join("open", ""), T0)
    assert full.value.code == "SESSION_FULL"
    assert decide(session, "u3", Join("open", ""), T0) is session


USERS = st.sampled_from(["ann", "bob", "cid", "dan", "eve"])
ITEMS = st.sampled_from([f"i{n}" for n in range(6)])
POSITIONS = st.integers(0, 600_000)


class SessionMachine(RuleBasedStateMachine):
    """Any commands by anybody in any order, with answers lost and sent again.

    The oracle is what a member may count on: who is in, who is out for good, one clock.
    """

    @initialize(control=st.sampled_from(["host", "everyone"]))
    def begin(self, control: sessions.Control) -> None:
        self.session = new(control)
        self.at = T0
        self.out: set[str] = set()
        self.heard = {"ann": self.session}
        self.nonces = 0

    def ask(self, by: str, command: sessions.Command, *, again: bool = False) -> None:
        before = self.session
        self.nonces += 1
        nonce = f"n{self.nonces}"
        try:
            after = decide(before, by, command, self.at, nonce)
        except SegueError:
            return
        if again:
            assert decide(after, by, command, self.at + 5, nonce) is after
        member = before.member(by) is not None or isinstance(command, Join)
        assert member, "a stranger changed the session"
        assert after.v == before.v + (after is not before and not isinstance(command, Here))
        if isinstance(command, Remove):
            self.out.add(command.user_id)
        self.session = after

    @rule(ms=st.integers(0, 90_000))
    def wait(self, ms: int) -> None:
        self.at += ms

    @rule(by=USERS, again=st.booleans(), secret=st.sampled_from(["open", "second", "wrong"]))
    def join(self, by: str, again: bool, secret: str) -> None:
        good = secret == self.session.invite and by not in self.out and not self.session.ended
        fresh = self.at < self.session.invite_until_ms
        self.ask(by, Join(secret, by.title()), again=again)
        assert (self.session.member(by) is not None) or not (good and fresh)

    @rule(by=USERS, again=st.booleans())
    def leave(self, by: str, again: bool) -> None:
        before = self.session
        try:
            self.session = decide(before, by, Leave(), self.at)
        except SegueError:
            return
        assert self.session.member(by) is None

    @rule(by=USERS, who=USERS)
    def remove(self, by: str, who: str) -> None:
        self.ask(by, Remove(who))

    @rule(by=USERS, who=USERS)
    def hand_over(self, by: str, who: str) -> None:
        self.ask(by, HandOver(who))

    @rule(by=USERS)
    def claim(self, by: str) -> None:
        self.ask(by, Claim())

    @rule(by=USERS)
    def here(self, by: str) -> None:
        self.ask(by, Here())

    @rule(by=USERS, control=st.sampled_from(["host", "everyone"]))
    def control(self, by: str, control: sessions.Control) -> None:
        self.ask(by, SetControl(control))

    @rule(by=USERS)
    def renew(self, by: str) -> None:
        self.ask(by, NewInvite("second"))

    @rule(by=USERS, item=ITEMS, again=st.booleans())
    def add(self, by: str, item: str, again: bool) -> None:
        self.ask(by, Add(item, f"t-{item}"), again=again)

    @rule(by=USERS, item=ITEMS)
    def take(self, by: str, item: str) -> None:
        self.ask(by, Take(item))

    @rule(by=USERS, item=ITEMS, up=st.booleans(), again=st.booleans())
    def vote(self, by: str, item: str, up: bool, again: bool) -> None:
        self.ask(by, Vote(item, up), again=again)

    @rule(by=USERS, track=st.none() | st.just("t-new"), position=st.none() | POSITIONS)
    def play(self, by: str, track: str | None, position: int | None) -> None:
        self.ask(by, Play(track, position))

    @rule(by=USERS)
    def pause(self, by: str) -> None:
        where = self.session.now.position_at(self.at) if self.session.now else None
        self.ask(by, Pause())
        now = self.session.now
        if now is not None:
            assert now.position_at(self.at) == where

    @rule(by=USERS, position=POSITIONS)
    def seek(self, by: str, position: int) -> None:
        self.ask(by, Seek(position))

    @rule(by=USERS, late=st.booleans(), again=st.booleans())
    def skip(self, by: str, late: bool, again: bool) -> None:
        self.ask(by, Skip(self.session.v - late), again=again)

    @precondition(lambda self: self.session.v > 12)
    @rule(by=USERS)
    def end(self, by: str) -> None:
        self.ask(by, End())

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "session"):
            return
        it = self.session
        ids = [member.user_id for member in it.members]
        assert len(ids) == len(set(ids)) <= MAX_MEMBERS
        assert not self.out & set(ids), "who was sent out is back"
        assert it.ended == (it.host_id == "") == (not ids)
        assert it.ended or it.host_id in ids
        assert len({item.item_id for item in it.queue}) == len(it.queue)
        for item in it.queue:
            assert len(item.votes) == len(set(item.votes))
            assert set(item.votes) <= set(ids), "a vote of somebody who went"
        if it.now is not None:
            assert it.now.at_ms <= self.at + LEAD_MS
            assert it.now.position_at(self.at) >= 0
        if it.ended:
            assert it.invite == ""
            with pytest.raises(NotFound):
                decide(it, "ann", Join("", "Ann"), self.at)


SessionMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSessionMachine = SessionMachine.TestCase


def test_versions_are_dense_whatever_is_asked() -> None:
    session = new()
    seen = [session.v]
    for command in (Add("i", "t"), Skip(), Pause(), Pause(), Play(), Seek(10), Seek(10)):
        session = decide(session, "ann", command, T0 + len(seen))
        if session.v != seen[-1]:
            seen.append(session.v)
    assert seen == list(range(1, session.v + 1))
    assert replace(session, v=0) != session
