"""The Firestore process put together."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import grpc.aio
from aiohttp import web

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import Policy, short_name
from emulators.runtime import grpc_proxy
from emulators.runtime.child import http
from emulators.runtime.firestore import ttl
from emulators.runtime.firestore.access import Access
from emulators.runtime.firestore.indexes import Indexes
from emulators.runtime.firestore.journal import Journal
from emulators.runtime.firestore.rebuild import rebuild
from emulators.runtime.firestore.service import FirestoreService
from emulators.runtime.upstream import Upstream

log = logging.getLogger(__name__)

FOLD_EVERY_S = 1.0
EXPIRE_EVERY_S = float(os.environ.get("FIRESTORE_TTL_EVERY_S", "60"))


@contextlib.asynccontextmanager
async def running(
    graph: Graph, endpoints: Endpoints, state: Path
) -> AsyncIterator[FirestoreService]:
    """Serve the graph's Firestore; durable state lives in folder `state`."""
    journal = Journal(state / "journal.sqlite")
    port = endpoints.firestore_emulator

    async def prepare(channel: grpc.aio.Channel) -> None:
        await rebuild(channel, port, databases(graph), journal)

    upstream = Upstream("the Firestore emulator", f"127.0.0.1:{port}", prepare)
    access = Access(Policy.from_graph(graph))
    service = FirestoreService(access, journal, Indexes.from_graph(graph), upstream)
    ports = {member: ports.firestore for member, ports in endpoints.callers.items()}
    async with http(_app(upstream, journal), endpoints.health["firestore"]):
        servers = await grpc_proxy.serve(service, ports)
        keeping = (upstream.run(), _keep_folding(journal), _keep_expiring(service, graph))
        tasks = [asyncio.create_task(work) for work in keeping]
        try:
            yield service
        finally:
            await grpc_proxy.stop(servers)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await journal.close()


def databases(graph: Graph) -> list[str]:
    """The full names of the graph's databases, and of the default one."""
    names = {"(default)"} | {
        short_name(resource.get("name") or "(default)")
        for resource in graph.all("gcp:firestore/database:Database")
    }
    return [f"projects/{graph.project}/databases/{name}" for name in sorted(names)]


async def _keep_folding(journal: Journal) -> None:
    while True:
        await asyncio.sleep(FOLD_EVERY_S)
        try:
            await journal.fold_settled()
        except Exception:  # the commits stay as they are; say so, try again
            log.exception("the journal could not be folded")


async def _keep_expiring(service: FirestoreService, graph: Graph) -> None:
    """Delete what is past the graph's TTL fields, as the service does within a day."""
    fields = ttl.fields(graph)
    while fields:
        await asyncio.sleep(EXPIRE_EVERY_S)
        for database, collection, field in fields:
            try:
                gone = await service.expire(database, collection, field, datetime.now(UTC))
            except Exception:  # the emulator may be away: the next round comes
                log.exception("TTL of %s.%s", collection, field)
                continue
            if gone:
                log.info("TTL: %d documents of %s are gone", gone, collection)


def _app(upstream: Upstream, journal: Journal) -> web.Application:
    """`GET /_health`: 503 while the emulator is away or is being given its documents back."""

    async def health(request: web.Request) -> web.Response:
        commits, documents = await journal.counts()
        body = {
            "emulator": upstream.trouble or "ok",
            "connections": upstream.connections,
            "commits": commits,
            "documents": documents,
        }
        return web.json_response(body, status=200 if upstream.is_open else 503)

    application = web.Application()
    application.router.add_get("/_health", health)
    return application
