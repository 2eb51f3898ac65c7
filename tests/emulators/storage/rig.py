"""A storage server inside the test's own loop, with IAM, several identities and a trigger."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiohttp import web

from emulators.iam import OPERATOR, Policy
from emulators.runtime.storage.cloud import signing_keys
from emulators.runtime.storage.server import Setting, listen, running
from emulators.runtime.storage.triggers import Trigger

MASTERS, IMAGES = "segue-masters", "segue-images"
CATALOG = "serviceAccount:catalog@segue.iam.gserviceaccount.com"
TRANSCODE = "serviceAccount:transcode@segue.iam.gserviceaccount.com"
FINALIZED = "google.cloud.storage.object.v1.finalized"

TRIGGER = Trigger(
    function="transcode",
    audience="https://transcode-1.europe-west1.run.app",
    event_type=FINALIZED,
    bucket=MASTERS,
    service_account="transcode@segue.iam.gserviceaccount.com",
    concurrent=2,
    timeout_s=1,
)


def policy() -> Policy:
    return Policy(
        "segue",
        {
            (CATALOG, "bucket", MASTERS): frozenset({"roles/storage.objectCreator"}),
            (TRANSCODE, "bucket", MASTERS): frozenset({"roles/storage.objectViewer"}),
            ("allUsers", "bucket", IMAGES): frozenset({"roles/storage.objectViewer"}),
        },
    )


@dataclass
class Function:
    """A function that writes down the events it is sent, and answers as it is told."""

    url: str = ""
    events: list[tuple[dict[str, str], dict]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    pause_s: float = 0.0
    at_once: int = 0
    most_at_once: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            body = json.loads(await request.read())
            await asyncio.sleep(self.pause_s)
            self.events.append(({k.lower(): v for k, v in request.headers.items()}, body))
            return web.Response(status=self.statuses.pop(0) if self.statuses else 204)
        finally:
            self.at_once -= 1

    @property
    def names(self) -> list[str]:
        return [body["name"] for _, body in self.events]


@dataclass
class Courier:
    """Delivers to `function`; `refusal` stands for a missing binding."""

    function: Function
    refusal: Exception | None = None

    def authorize(self, trigger: Trigger) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"token of {trigger.service_account} for {trigger.audience}"

    def address(self, trigger: Trigger) -> str:
        return self.function.url


class Cloud:
    """The server and, for each identity, an HTTP client on that identity's port."""

    def __init__(self, state: Path, courier: Courier, trigger: Trigger) -> None:
        sockets = {who: listen(0) for who in (OPERATOR, CATALOG, TRANSCODE, "public")}
        ports = {who: listener.getsockname()[1] for who, listener in sockets.items()}
        self._sockets = list(sockets.values())
        self._ports = ports
        self.public_url = f"http://127.0.0.1:{ports['public']}"
        self.setting = Setting(
            state=state,
            policy=policy(),
            members={port: who for who, port in ports.items() if who != "public"},
            public_url=self.public_url,
            buckets=(MASTERS, IMAGES),
            keys=signing_keys(state),
            triggers=[trigger],
            courier=courier,
            retry_base_s=0.02,
            retry_most_s=0.1,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Cloud"]:
        async with running(self.setting, self._sockets), contextlib.AsyncExitStack() as stack:
            clients = []
            for who in (OPERATOR, CATALOG, TRANSCODE, "public"):
                client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._ports[who]}")
                clients.append(await stack.enter_async_context(client))
            self.operator, self.catalog, self.transcode, self.public = clients
            yield self

    async def pending(self) -> list[dict]:
        return (await self.operator.get("/_deliveries")).json()["pending"]

    async def pending_after(self, attempts: int, timeout_s: float = 5.0) -> list[dict]:
        """What is pending once the next delivery has been tried so often."""
        async with asyncio.timeout(timeout_s):
            while True:
                pending = await self.pending()
                if pending and pending[0]["attempts"] >= attempts:
                    return pending
                await asyncio.sleep(0.002)


async def upload(
    client: httpx.AsyncClient, bucket: str, name: str, data: bytes = b"data", **query: str
) -> httpx.Response:
    query = {"uploadType": "media", "name": name, **query}
    return await client.post(f"/upload/storage/v1/b/{bucket}/o", params=query, content=data)


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for `condition`; fails the test after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition belongs to other parties
            await asyncio.sleep(0.005)
