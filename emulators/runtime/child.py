"""How a child process of the local cloud runs: logs, health page, and a clean end on SIGTERM."""

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web


def data_dir() -> Path:
    """`--data DIR` of the command line; sets up logging to stderr on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="the local cloud's directory")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    return parser.parse_args().data


@contextlib.asynccontextmanager
async def http(app: web.Application, port: int) -> AsyncIterator[None]:
    """Serve `app` on 127.0.0.1:`port` meanwhile."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def until_stopped() -> None:
    """Return at SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
