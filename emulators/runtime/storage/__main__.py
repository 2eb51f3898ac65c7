"""`python -m emulators.runtime.storage --data DIR`: the storage server of a local cloud.

Stand-alone, with neither graph nor IAM, for contract tests and benchmarks:
`python -m emulators.runtime.storage --data DIR --no-iam --port 0 --bucket NAME`; it prints one
line, the address it listens on.
"""

import argparse
import contextlib
import logging
from pathlib import Path

import uvloop

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import Policy
from emulators.oidc import Issuer
from emulators.runtime.storage.cloud import CloudCourier, members, signing_keys
from emulators.runtime.storage.server import Setting, listen, serve
from emulators.runtime.storage.triggers import of_graph


def main() -> None:
    parser = argparse.ArgumentParser(prog="emulators.runtime.storage", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the local cloud's data directory")
    parser.add_argument("--no-iam", action="store_true", help="stand alone: everyone may do all")
    parser.add_argument("--port", type=int, default=0, help="stand-alone port (0: any free one)")
    parser.add_argument("--bucket", action="append", default=[], help="a bucket to have")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        if arguments.no_iam:
            _stand_alone(arguments)
        else:
            _in_cloud(arguments.data)


def _stand_alone(arguments: argparse.Namespace) -> None:
    setting = Setting(
        state=arguments.data / "storage",
        buckets=arguments.bucket,
        keys=signing_keys(arguments.data),
    )
    listener = listen(arguments.port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    uvloop.run(serve(setting, [listener], ready=lambda: print(url, flush=True)))


def _in_cloud(data: Path) -> None:
    graph = Graph.load(data / "run" / "graph.json")
    endpoints = Endpoints.load(data / "run" / "endpoints.json")
    policy = Policy.from_graph(graph)
    who = members(endpoints)
    health = endpoints.health["storage"]
    setting = Setting(
        state=data / "storage",
        policy=policy,
        members=who,
        public_url=f"http://127.0.0.1:{endpoints.storage_public}",
        health_port=health,
        graph=graph,
        keys=signing_keys(data),
        triggers=of_graph(graph),
        courier=CloudCourier(graph, policy, endpoints, Issuer.load(data)),
    )
    ports = sorted({*who, endpoints.storage_public, health})
    uvloop.run(serve(setting, [listen(port) for port in ports]))


if __name__ == "__main__":
    main()
