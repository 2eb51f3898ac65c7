"""Listeners in virtual time: links with delay, jitter, asymmetry and loss; clocks and players that
drift; jumps that take a while. What they do is `segue.clock` and `segue.servo`, as shipped."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from segue.clock import BURST, ServerClock
from segue.servo import Servo, Target

CORRECT_EVERY_MS = 250.0


@dataclass(frozen=True, slots=True)
class Link:
    """Milliseconds one way, up and down, without jitter; jitter is exponential on top of each."""

    name: str
    up_ms: float
    down_ms: float
    jitter_ms: float
    lost: float = 0.0

    @property
    def asymmetry_ms(self) -> float:
        """By how much the clock must come out wrong, whatever is measured over this link."""
        return abs(self.up_ms - self.down_ms) / 2


MIXED = (
    Link("fibre", 4, 4, 0.5),
    Link("wifi", 8, 9, 4, 0.01),
    Link("cable", 15, 7, 3),
    Link("4g", 40, 22, 12, 0.02),
    Link("abroad", 64, 80, 5, 0.01),
)
"""Ways that differ: 9 ms too far one way on mobile, 8 ms the other way abroad."""
SYMMETRIC = (
    Link("fibre", 4, 4, 0.5),
    Link("wifi", 8, 8, 4, 0.01),
    Link("cable", 12, 12, 3),
    Link("4g", 28, 28, 12, 0.02),
    Link("abroad", 70, 70, 5, 0.01),
)


class World:
    """True time in milliseconds, and what is to happen when."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, ms: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + ms, next(self._order), work))

    def run(self, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            self.now, _, work = heapq.heappop(self._due)
            work()
        self.now = until

    def travel(self, ms: float, link: Link, work: Callable[[], None]) -> None:
        """A message on its way; TCP does not lose it, but brings it a retransmission later."""
        delay = ms + self.chance.expovariate(1 / link.jitter_ms)
        if self.chance.random() < link.lost:
            delay += 200 + 2 * ms
        self.after(delay, work)


@dataclass(slots=True)
class Player:
    """Audio output whose crystal drifts; it answers where it is to the millisecond or so."""

    world: World
    drift: float
    seek_ms: float
    position: float = 0.0
    rate: float = 1.0
    playing: bool = False
    at: float = 0.0
    busy_until: float = 0.0
    seeks: int = 0

    def true_position(self) -> float:
        moved = max(0.0, self.world.now - max(self.at, self.busy_until))
        return self.position + (moved * self.rate * (1 + self.drift) if self.playing else 0.0)

    def read(self) -> float:
        return self.true_position() + self.world.chance.gauss(0, 1.0)

    def set_rate(self, rate: float) -> None:
        self._settle()
        self.rate = rate

    def seek(self, position: float) -> None:
        self.seeks += 1
        self.position, self.at = position, self.world.now
        self.busy_until = self.world.now + self.seek_ms * self.world.chance.uniform(0.7, 1.3)

    def start(self, position: float) -> None:
        self.position, self.at, self.playing = position, self.world.now, True

    def stop(self, position: float) -> None:
        self.position, self.at, self.playing = position, self.world.now, False

    def _settle(self) -> None:
        self.position, self.at = self.true_position(), self.world.now


@dataclass
class Person:
    """One listener: clock, link, player, and what it has heard of the session."""

    world: World
    link: Link
    clock_off: float
    clock_drift: float
    player: Player
    clock: ServerClock = field(default_factory=ServerClock)
    servo: Servo = field(default_factory=Servo)
    target: Target | None = None
    answered: int = 0
    joined_at: float = 0.0
    in_step_at: float | None = None

    def local(self) -> float:
        return self.clock_off + self.world.now * (1 + self.clock_drift)

    def begin(self) -> None:
        self.joined_at = self.world.now
        self.ping()
        self.correct()

    def ping(self) -> None:
        sent = self.local()

        def at_server() -> None:
            server = self.world.now
            self.world.travel(self.link.down_ms, self.link, lambda: back(server))

        def back(server: float) -> None:
            self.clock.pong(sent, server, self.local())

        self.world.travel(self.link.up_ms, self.link, at_server)
        self.answered += 1
        self.world.after(self.clock.wait_ms(self.answered), self.ping)

    def hear(self, target: Target) -> None:
        def heard() -> None:
            if self.target is None or target.version > self.target.version:
                self.target = target
                self.follow()

        self.world.travel(self.link.down_ms, self.link, heard)

    def follow(self) -> None:
        """Begin what the session says, when it is due."""
        target = self.target
        if target is None or len(self.clock.samples) < min(4, BURST):
            if target is not None:
                self.world.after(20, self.follow)
            return
        now = self.clock.server_ms(self.local())
        if not target.playing:
            self.player.stop(target.pos_ms)
            return
        wait = target.due_in(now)
        if wait > 0:
            self.player.stop(target.pos_ms)

        def start() -> None:
            if self.target is target:
                position = target.position_at(self.clock.server_ms(self.local()))
                self.player.start(position)
                if position > target.pos_ms + 5:
                    jump = self.servo.jump(position).seek_ms
                    assert jump is not None
                    self.player.seek(jump)

        self.world.after(wait, start)

    def correct(self) -> None:
        target = self.target
        if target is not None and target.playing and self.player.playing:
            now = self.clock.server_ms(self.local())
            busy = self.world.now < self.player.busy_until
            if target.due_in(now) == 0 and not busy:
                todo = self.servo.correct(target.position_at(now), self.player.read())
                if todo.seek_ms is not None:
                    self.player.seek(todo.seek_ms)
                self.player.set_rate(todo.rate)
        self.world.after(CORRECT_EVERY_MS, self.correct)

    def off_by(self, target: Target) -> float | None:
        """How far from where it should be, in truth; None while it plays nothing."""
        if not self.player.playing or self.world.now < target.at_ms:
            return None
        return self.player.true_position() - target.position_at(self.world.now)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Milliseconds; `spread` is between the earliest and the latest listener at one instant."""

    pair_p95: float
    spread_p95: float
    worst_join: float
    seeks: int


def simulate(links: tuple[Link, ...], seed: int, *, minutes: float = 3.0) -> Outcome:
    """A session over `links`: a start, a pause, a seek, and somebody who comes late by each."""
    world = World(seed)
    chance = world.chance

    def person(link: Link) -> Person:
        player = Player(world, chance.uniform(-60e-6, 60e-6), chance.uniform(20, 90))
        return Person(world, link, chance.uniform(-1e7, 1e7), chance.uniform(-50e-6, 50e-6), player)

    people = [person(link) for link in links]
    here: list[Person] = []
    version = itertools.count(1)
    state: list[Target] = []

    def say(pos: float, *, playing: bool = True) -> None:
        at = world.now + 1000 if playing else world.now
        state[:] = [Target(next(version), "t", pos, at, playing)]
        for one in here:
            one.hear(state[0])

    def come(one: Person) -> None:
        here.append(one)
        one.begin()
        if state:
            one.hear(state[0])

    for one in people[:-1]:
        world.after(chance.uniform(0, 200), lambda one=one: come(one))
    world.after(1500, lambda: say(0))
    world.after(12_000, lambda: come(people[-1]))
    half = minutes * 30_000
    world.after(half, lambda: say(state[0].position_at(world.now), playing=False))
    world.after(half + 2000, lambda: say(state[0].pos_ms))
    world.after(half + 20_000, lambda: say(120_000.0))
    late = [person(link) for link in links]
    for n, one in enumerate(late):
        world.after(half + 30_000 + 1000 * n, lambda one=one: come(one))
    pairs: list[float] = []
    spreads: list[float] = []
    while world.now < minutes * 60_000:
        world.run(world.now + 100)
        target = state[0] if state else None
        if target is None or not target.playing:
            continue
        # Two seconds after a new start or an arrival, everybody should be in step.
        offs: list[float] = []
        for one in here:
            off = one.off_by(target)
            if off is not None and abs(off) <= 80 and one.in_step_at is None:
                one.in_step_at = world.now
            settled = world.now > max(target.at_ms + 1000, one.joined_at + 3000)
            if settled:
                assert off is not None, f"{one.link.name} plays nothing"
                offs.append(off)
        pairs += [abs(a - b) for a, b in itertools.combinations(offs, 2)]
        if len(offs) > 1:
            spreads.append(max(offs) - min(offs))
    joins = [(one.in_step_at or 1e9) - one.joined_at for one in (*late, people[-1])]
    return Outcome(_p95(pairs), _p95(spreads), max(joins), sum(it.player.seeks for it in here))


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]
