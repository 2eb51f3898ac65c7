"""Which instance takes a request: the traffic split, and each instance's limit of requests at once.

`routing.json` is the supervisor's: {"catalog": [{"revision", "port", "percent", "tag"}, …], …};
it is read again when it changes. As on Cloud Run, a request waits while no instance is up or all
are full, and is refused when that takes too long.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emulators.graph import Graph

WAIT_S = 10.0
MAX_WAITING = 1000
_POLL_S = 0.1


class Overloaded(Exception):
    """Every instance was full for too long, or too many requests wait: 429."""


class NoInstance(Exception):
    """No instance came up in time: 503."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests at once in one instance, seconds for one request, and who may reach the service."""

    concurrency: int
    timeout_s: float
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """A running process of one revision."""

    revision: str
    port: int
    percent: float


class Routing:
    """The instances of every service, from the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._services: dict[str, tuple[Instance, ...]] = {}

    def of(self, service: str) -> tuple[Instance, ...]:
        """The instances of `service` that take traffic; none while nothing is written yet."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return ()
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen != self._seen:
            self._read(seen)
        return self._services.get(service, ())

    def _read(self, seen: tuple[int, int, int]) -> None:
        try:
            raw = json.loads(self._path.read_text())
        except ValueError:
            return  # half-written: keep what is known, look again next time
        self._seen = seen
        self._services = {
            service: tuple(
                Instance(one["revision"], int(one["port"]), float(one["percent"]))
                for one in instances
                if one["percent"] > 0
            )
            for service, instances in raw.items()
        }


@dataclass(slots=True)
class _Load:
    running: dict[int, int] = field(default_factory=dict)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Instances:
    """Leases an instance for each request."""

    def __init__(
        self,
        routing: Routing,
        limits: Mapping[str, Limits],
        wait_s: float = WAIT_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._routing = routing
        self._limits = limits
        self._wait_s = wait_s
        self._chance = chance
        self._loads: dict[str, _Load] = {}

    def limits(self, service: str) -> Limits:
        """What the graph says of `service`."""
        return self._limits[service]

    @asynccontextmanager
    async def lease(self, service: str) -> AsyncIterator[int]:
        """The port of an instance with room for one more request, held until the block ends.

        Raises:
            Overloaded: there was no room in time. NoInstance: there was no instance.
        """
        load = self._loads.setdefault(service, _Load())
        port = await self._take(service, load)
        try:
            yield port
        finally:
            self._give_back(load, port)

    async def _take(self, service: str, load: _Load) -> int:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._wait_s
        while True:
            instances = self._routing.of(service)
            port = self._room(service, load, instances) if instances else None
            if port is not None:
                load.running[port] = load.running.get(port, 0) + 1
                return port
            left = deadline - loop.time()
            if not instances:
                if left <= 0:
                    raise NoInstance(f"no instance of {service}")
                await asyncio.sleep(min(_POLL_S, left))
                continue
            if left <= 0 or len(load.waiting) >= MAX_WAITING:
                raise Overloaded(f"every instance of {service} is busy")
            await self._wait(load, left)

    def _room(self, service: str, load: _Load, instances: tuple[Instance, ...]) -> int | None:
        """An instance by the traffic split, the least busy of its revision, if it has room."""
        shares = {one.revision: one.percent for one in instances}
        mark = self._chance() * sum(shares.values())
        revision = instances[-1].revision
        for name, share in shares.items():
            if mark < share:
                revision = name
                break
            mark -= share
        ports = [one.port for one in instances if one.revision == revision]
        port = min(ports, key=lambda one: load.running.get(one, 0))
        limit = self._limits[service].concurrency
        return port if load.running.get(port, 0) < limit else None

    async def _wait(self, load: _Load, left: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        load.waiting.append(waiter)
        try:
            await asyncio.wait_for(waiter, left)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake(load)  # its turn goes to the next
            raise
        finally:
            if waiter in load.waiting:
                load.waiting.remove(waiter)

    def _give_back(self, load: _Load, port: int) -> None:
        load.running[port] -= 1
        if not load.running[port]:
            del load.running[port]
        self._wake(load)

    def _wake(self, load: _Load) -> None:
        while load.waiting:
            waiter = load.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def limits_of(graph: Graph) -> dict[str, Limits]:
    """The limits of every Cloud Run service and function in `graph`, by name."""
    found: dict[str, Limits] = {}
    for service in graph.all("gcp:cloudrunv2/service:Service"):
        template = service.get("template") or {}
        found[service["name"]] = Limits(
            int(template.get("maxInstanceRequestConcurrency") or 80),
            float(str(template.get("timeout") or "300s").removesuffix("s")),
            service.get("ingress") == "INGRESS_TRAFFIC_INTERNAL_ONLY",
        )
    for function in graph.all("gcp:cloudfunctionsv2/function:Function"):
        config = function.get("serviceConfig") or {}
        found[function["name"]] = Limits(
            int(config.get("maxInstanceRequestConcurrency") or 1),
            float(config.get("timeoutSeconds") or 60),
            config.get("ingressSettings") == "ALLOW_INTERNAL_ONLY",
        )
    return found
