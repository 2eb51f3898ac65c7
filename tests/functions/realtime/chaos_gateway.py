"""A gateway in a process of its own, to be killed: `chaos_gateway.py PORT OWNER_URL BUS_PORT JWK`.

It is the real thing but for the bus, which is a line of JSON for each event from the test.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

import uvloop
from joserfc.jwk import ECKey

from functions.realtime.gateway import LiveGateway
from functions.realtime.hub import Hub
from functions.realtime.main import listening
from functions.realtime.owners import HttpOwners
from shared.events import ChannelPublished
from shared.ids import new_id
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier
from tests.web import PUBLIC_URL


async def main(port: int, owner_url: str, bus_port: int, jwk: str) -> None:
    async def publish(event: object) -> None:
        return

    hub = Hub(
        f"g{port}",
        HttpOwners(owner_url, "mark"),
        publish,
        now=time.monotonic,
        wall=lambda: datetime.now(UTC),
        new_id=new_id,
    )
    key = ECKey.import_key(json.loads(jwk))
    gateway = LiveGateway(hub, Verifier(StaticKeys({key.thumbprint(): key}), PUBLIC_URL))
    reader, _ = await asyncio.open_connection("127.0.0.1", bus_port)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(gateway.socket, sock=listening("127.0.0.1", port))
    sweeping = asyncio.create_task(gateway.sweep())
    while line := await reader.readline():
        channel, epoch, seq, payload = json.loads(line)
        hub.on_event(
            ChannelPublished(new_id(), datetime.now(UTC), channel, epoch, seq, json.dumps(payload))
        )
    sweeping.cancel()
    server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
