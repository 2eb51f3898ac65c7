"""`python -m emulators`: the local cloud, until Ctrl-C.

`--demo` makes a small library, ingests it and plays a track through the front door; with `--once`
the cloud goes down again after that, and the exit code says whether all of it worked.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from emulators.data_dir import Unusable, claimed
from emulators.demo import DemoFailed, run_demo
from emulators.java import MissingEmulator
from emulators.runtime.bigquery import BigQueryFailed
from emulators.supervisor import NotReady, PortTaken, Supervisor
from emulators.tree import ROOT

EXPECTED = (BigQueryFailed, DemoFailed, MissingEmulator, NotReady, PortTaken, Unusable)
"""What a person can mend: told in words, without a traceback."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m emulators", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".local", help="where data is kept")
    parser.add_argument("--port", type=_port, help="the front door's port (default 8780, or free)")
    parser.add_argument("--fresh", action="store_true", help="forget all data first")
    parser.add_argument("--demo", action="store_true", help="ingest a demo library, play a track")
    parser.add_argument("--once", action="store_true", help="stop after start (and demo)")
    arguments = parser.parse_args()
    try:
        with claimed(arguments.data.resolve(), fresh=arguments.fresh) as data_dir:
            asyncio.run(_run(arguments, data_dir))
    except EXPECTED as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(1)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 1 to 65535")
    return int(text)


async def _run(arguments: argparse.Namespace, data_dir: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    cloud = Supervisor(data_dir, arguments.port, _say)
    working = asyncio.create_task(_work(cloud, arguments))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            if not arguments.once:
                _say("Ctrl-C stops it.")
                await stopping
    finally:
        stopping.cancel()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await working
        await cloud.stop()
        _say("stopped")


async def _work(cloud: Supervisor, arguments: argparse.Namespace) -> None:
    await cloud.start()
    client = {
        "host": cloud.endpoints.public_url,
        "client_id": "operator",
        "client_secret": cloud.bootstrap_secret(),
    }
    cloud.write_private("client.json", client)
    _say(f"the front door: {cloud.endpoints.public_url}")
    if arguments.demo:
        await run_demo(cloud, _say)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
