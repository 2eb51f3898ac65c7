"""realtime: the gateway of live connections. It keeps none of what it passes on."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from dataclasses import dataclass

import uvloop

from functions.realtime.gateway import LIFETIME_S, LiveGateway
from functions.realtime.hub import Hub
from functions.realtime.owners import HttpOwners
from shared.events import ChannelPublished
from shared.gcp.listener import Listener
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.trust import verifier_of

GRACE_S = 8.0
"""Cloud Run kills ten seconds after SIGTERM."""
BACKLOG = 4096
SEND_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    google_cloud_project: str
    public_url: str
    jwks_url: str
    service_key: str
    lifetime_s: float = LIFETIME_S
    grace_s: float = GRACE_S


def main() -> None:
    """Serve on HOST (0.0.0.0) and PORT (8080) until SIGTERM."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104 - a container's only interface
    port = int(os.environ.get("PORT", "8080"))
    # Google's client honours this variable where it publishes; it does not where it pulls.
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST", "")
    uvloop.run(serve(settings, host, port, emulator))


def listening(host: str, port: int) -> socket.socket:
    """A listening socket whose connections hold little unread: a slow client shows early."""
    one = socket.create_server((host, port), backlog=BACKLOG)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    one.setblocking(False)
    return one


async def serve(settings: Settings, host: str, port: int, emulator: str) -> None:
    """Run the gateway; returns when it is told to stop and has sent everybody away."""
    loop = asyncio.get_running_loop()
    gateway_id = new_id()
    owners = HttpOwners(settings.public_url, settings.service_key)
    publisher = Publisher(settings.google_cloud_project)
    hub = Hub(
        gateway_id,
        owners,
        publisher,
        now=time.monotonic,
        wall=now,
        new_id=new_id,
    )
    verifier = verifier_of(settings)
    gateway = LiveGateway(hub, verifier, lifetime_s=settings.lifetime_s)
    listener = Listener(
        settings.google_cloud_project, ChannelPublished, gateway_id, hub.on_event, emulator=emulator
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    background = [
        asyncio.create_task(it) for it in (listener.run(), gateway.sweep(), hub.keep_presence())
    ]
    # What start-up made stays for good: the collector need not look through it again.
    gc.collect()
    gc.freeze()
    server = await loop.create_server(gateway.socket, sock=listening(host, port))
    await stop.wait()
    server.close()
    await gateway.drain(settings.grace_s)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(listener.stop(), 1.0)
    await hub.close()
    await owners.close()
