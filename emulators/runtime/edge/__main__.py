"""`python -m emulators.runtime.edge --data DIR`: the edge of the graph under DIR/run."""

import argparse
from pathlib import Path

import uvloop

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import Policy
from emulators.oidc import Issuer
from emulators.runtime.edge.app import Limits, build, session
from emulators.runtime.edge.server import serve


async def run(data: Path, limits: Limits) -> None:
    """Serve the front door, every gate and the health port until told to stop."""
    graph = Graph.load(data / "run" / "graph.json")
    endpoints = Endpoints.load(data / "run" / "endpoints.json")
    bindings, tokens = Policy.from_graph(graph), Issuer.load(data)
    async with session() as client:
        routing = data / "run" / "routing.json"
        edge = build(graph, endpoints, bindings, tokens, routing, client, limits)
        await serve(edge, edge.ports)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m emulators.runtime.edge", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the local cloud's directory")
    parser.add_argument("--cache-mib", type=int, default=128, help="memory for Cloud CDN's cache")
    parser.add_argument("--region", default="GB", help="where clients are: {client_region}")
    asked = parser.parse_args()
    limits = Limits(
        cache_bytes=asked.cache_mib << 20,
        region=asked.region,
    )
    uvloop.run(run(asked.data, limits))


if __name__ == "__main__":
    main()
