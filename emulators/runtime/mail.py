"""The relay that local mail goes to: takes every letter, delivers none, keeps each as a file.

`<data>/mail/20261120T170301-0001-ada@example.com.eml`, in the order of arrival: any mail program
opens them, and so does a text editor. A letter is acknowledged once it is on the disk.
"""

import asyncio
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from emulators.endpoints import Endpoints
from emulators.runtime.child import data_dir, http, until_stopped

MAX_LETTER_BYTES = 1 << 20
_UNFIT = re.compile(r"[^\w.@+-]")


class Keeper:
    """What aiosmtpd calls with each letter."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken = sum(1 for _ in folder.glob("*.eml"))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self._taken += 1
        at = datetime.now(UTC)
        to = _UNFIT.sub("_", envelope.rcpt_tos[0])[:80]
        keep(self._folder / f"{at:%Y%m%dT%H%M%S}-{self._taken:04}-{to}.eml", content)
        return "250 kept"


def keep(path: Path, content: bytes) -> None:
    """Write `content` so that it is there whole or not at all, readable by this user only."""
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


async def serve(folder: Path, port: int) -> asyncio.Server:
    """The relay, on 127.0.0.1:`port`."""
    keeper = Keeper(folder)
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            keeper,
            hostname="localhost",
            enable_SMTPUTF8=True,
            data_size_limit=MAX_LETTER_BYTES,
            loop=loop,
        )

    return await loop.create_server(connection, "127.0.0.1", port)


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def main() -> None:
    data = data_dir()
    endpoints = Endpoints.load(data / "run" / "endpoints.json")
    app = web.Application()
    app.router.add_get("/_health", _health)
    relay = await serve(data / "mail", endpoints.smtp)
    async with relay, http(app, endpoints.health["mail"]):
        await until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
