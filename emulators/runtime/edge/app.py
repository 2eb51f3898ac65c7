"""The edge put together from a graph: one ASGI application for all its ports."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import agents
from emulators.runtime.edge import urlmap
from emulators.runtime.edge.asgi import App, BrokenOff, Receive, Scope, Send
from emulators.runtime.edge.cdn import Cdn
from emulators.runtime.edge.front_door import FrontDoor
from emulators.runtime.edge.gate import Bindings, Gate, Tokens, audiences_of
from emulators.runtime.edge.health import Health
from emulators.runtime.edge.instances import Instances, Routing, limits_of
from emulators.runtime.edge.origin import StorageOrigin
from emulators.runtime.edge.prewarm import Prewarmed
from emulators.runtime.edge.proxy import Proxy
from emulators.runtime.edge.stats import Stats
from emulators.runtime.edge.websocket import Tunnel

log = logging.getLogger(__name__)
# Below uvicorn's 5 s, so that an instance never closes a connection that is about to be used.
_KEEP_ALIVE_S = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the edge may use; `region` is where a client is unless it says.

    `front_door_iam`: ask IAM behind the load balancer too, as Cloud Run does.
    """

    cache_bytes: int = 128 << 20
    entry_bytes: int = 4 << 20
    region: str = "GB"
    wait_s: float = 10.0
    front_door_iam: bool = True


class Edge:
    """Gives each request to the application of the port it came to."""

    def __init__(self, ports: Mapping[int, App]) -> None:
        self.ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.ports[scope["server"][1]]
        try:
            await app(scope, receive, send)
        except BrokenOff as error:
            # Returning early makes the server close the connection: the client sees it is cut.
            log.warning("broken off: %s", error)


def session() -> aiohttp.ClientSession:
    """The client that every upstream shares: it changes nothing on the way."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        max_line_size=65536,
        max_field_size=65536,
        trust_env=False,
    )


def build(
    graph: Graph,
    endpoints: Endpoints,
    bindings: Bindings,
    tokens: Tokens,
    routing: Path,
    client: aiohttp.ClientSession,
    limits: Limits | None = None,
) -> Edge:
    """The edge of `graph` on the ports of `endpoints`; `routing` is the supervisor's file.

    Raises:
        UnsupportedUrlMap, UnsupportedRule: the graph says something that has no local meaning.
    """
    limits = limits or Limits()
    url_map = urlmap.load(graph)
    stats = Stats()
    instances = Instances(Routing(routing), limits_of(graph), limits.wait_s)
    proxy = Proxy(client, instances, limits.wait_s)
    tunnel = Tunnel(client, instances)
    origin = _origin(graph, endpoints, client)

    def front(served: urlmap.UrlMap, url: str) -> FrontDoor:
        cdn = Cdn(
            [one for one in served.backends if isinstance(one, urlmap.BucketBackend)],
            url,
            origin,
            Prewarmed(limits.cache_bytes),
            lambda: Prewarmed(limits.entry_bytes),
            stats,
        )
        policy = bindings if limits.front_door_iam else None
        return FrontDoor(served, url, proxy, tunnel, cdn, limits.region, policy)

    ports: dict[int, App] = {
        int(endpoints.public_url.rsplit(":", 1)[1].rstrip("/")): front(
            url_map, endpoints.public_url
        ),
        endpoints.health["edge"]: Health(stats),
    }
    for name, served in urlmap.load_edges(graph).items():
        port = endpoints.edges[name]
        ports[port] = front(served, f"http://127.0.0.1:{port}")
    audiences = audiences_of(graph)
    for service, port in endpoints.services.items():
        ports[port] = Gate(service, audiences[service], bindings, tokens, proxy, tunnel)
    return Edge(ports)


def _origin(graph: Graph, endpoints: Endpoints, client: aiohttp.ClientSession) -> StorageOrigin:
    fill = endpoints.callers.get(agents(graph.project_number)["cdn"])
    # Without a binding the fill agent has no port, and reads what everyone may read.
    port = fill.storage if fill else endpoints.storage_public
    return StorageOrigin(client, {"fill": port, "anonymous": endpoints.storage_public})
