"""Putting the parts together and listening: many ports, one loop, one process."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from emulators.graph import Graph
from emulators.runtime.child import until_stopped
from emulators.runtime.storage.access import Access, Policy
from emulators.runtime.storage.app import App
from emulators.runtime.storage.cloud import declare_buckets
from emulators.runtime.storage.deliveries import Courier, Deliverer
from emulators.runtime.storage.files import Files
from emulators.runtime.storage.index import Index
from emulators.runtime.storage.records import Bucket
from emulators.runtime.storage.sessions import LIFETIME_S
from emulators.runtime.storage.signing import Verifier
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.triggers import Trigger, TriggerOutbox
from emulators.runtime.storage.web import base_url

_GRACE_S = 3
_KEEP_ALIVE_S = 75


@dataclass(frozen=True, slots=True)
class Setting:
    """What a server is to be: where its state is, who may call, where it announces itself.

    Without `policy` everyone may do everything. `members` maps ports to identities, `public_url`
    is where resumable sessions point (default: wherever the caller called).
    """

    state: Path
    policy: Policy | None = None
    members: Mapping[int, str] = field(default_factory=dict)
    public_url: str | None = None
    health_port: int | None = None
    graph: Graph | None = None
    buckets: Sequence[str] = ()
    keys: Callable[[], Mapping[str, str]] = dict
    triggers: Sequence[Trigger] = ()
    courier: Courier | None = None
    retry_base_s: float = 1.0
    retry_most_s: float = 60.0


async def serve(
    setting: Setting, sockets: Sequence[socket.socket], ready: Callable[[], None] = lambda: None
) -> None:
    """Serve on `sockets` until SIGTERM or SIGINT; `ready` is called once it answers."""
    async with running(setting, sockets):
        ready()
        await until_stopped()


@contextlib.asynccontextmanager
async def running(setting: Setting, sockets: Sequence[socket.socket]) -> AsyncIterator[App]:
    """Serve on `sockets` meanwhile."""
    setting.state.mkdir(parents=True, exist_ok=True)
    index = Index(setting.state / "index.sqlite")
    files = Files(setting.state / "data")
    try:
        _prepare(setting, index, files)
        app, deliverer = build(setting, index, files)
        server = _Server(_config(app))
        serving = asyncio.create_task(server.serve(list(sockets)))
        work = [asyncio.create_task(deliverer.run())] if deliverer else []
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
            await asyncio.sleep(0.005)
        try:
            yield app
        finally:
            server.should_exit = True
            for task in work:
                task.cancel()
            await asyncio.gather(serving, *work, return_exceptions=True)
    finally:
        files.close()
        index.close()


def build(setting: Setting, index: Index, files: Files) -> tuple[App, Deliverer | None]:
    """The application over `index` and `files`, and what delivers its events."""
    access = Access(setting.policy, setting.members)
    outbox = TriggerOutbox(index, setting.triggers, setting.public_url or "http://127.0.0.1")
    store = Store(index, files, access, outbox, now_us)
    app = App(
        store,
        access,
        Verifier(setting.keys),
        lambda request: setting.public_url or base_url(request),
        setting.graph.project_number if setting.graph else "0",
        setting.health_port,
    )
    if setting.courier is None:
        return app, None
    deliverer = Deliverer(
        index, setting.triggers, setting.courier, setting.retry_base_s, setting.retry_most_s
    )
    outbox.on_wake(deliverer.wake)
    return app, deliverer


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on `port` (0: any free one)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.setblocking(False)
    return listener


def now_us() -> int:
    return time.time_ns() // 1000


def _prepare(setting: Setting, index: Index, files: Files) -> None:
    """Bring the state to what is declared, and drop what a killed process left half-done."""
    now = now_us()
    if setting.graph is not None:
        declare_buckets(index, setting.graph, now)
    with index.transaction():
        for name in setting.buckets:
            if index.bucket(name) is None:
                index.put_bucket(Bucket(name, "US", now, 1, {}))
        index.expire_sessions(now - LIFETIME_S * 1_000_000)
    files.sweep(index.files())


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )


class _Server(uvicorn.Server):
    """Leaves signals to `serve`: uvicorn raises them again, which would skip our tidying up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
