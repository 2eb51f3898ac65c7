"""`python -m emulators.runtime.firestore --data DIR`: Firestore for every identity of the graph."""

import asyncio
from pathlib import Path

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.runtime.child import data_dir, until_stopped
from emulators.runtime.firestore.server import running


async def main(data: Path) -> None:
    graph = Graph.load(data / "run" / "graph.json")
    endpoints = Endpoints.load(data / "run" / "endpoints.json")
    async with running(graph, endpoints, data / "firestore"):
        await until_stopped()


if __name__ == "__main__":
    asyncio.run(main(data_dir()))
