"""From a grant to its delivery: where the listener is, which edges serve them best, signed."""

from collections.abc import Callable, Sequence

from starlette.requests import Request

from functions.playback.delivery import Delivery, deliver, renditions_of
from functions.playback.domain import Grant, Playable
from functions.playback.edges import NOTHING, Edge, place_of, ranked, start_of
from functions.playback.telemetry import Telemetry
from shared.cdn import SigningKey

FRONT = "front"
"""The front door itself, as an edge: the same host as the API's."""
START_CODEC = "aac"


class Deliveries:
    """Delivers what is granted. `edges` besides the front door, which is always one of them."""

    def __init__(
        self,
        public_url: str,
        edges: Sequence[Edge],
        key: SigningKey,
        telemetry: Telemetry,
        *,
        new_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self.edges = (*edges, Edge(FRONT, public_url))
        self._public_url = public_url
        self._key = key
        self._telemetry = telemetry
        self._new_id = new_id
        self._clock = clock

    def make(
        self,
        playable: Playable,
        grant: Grant,
        request: Request,
        *,
        territory: str,
        network: str | None,
        estimate_bps: int,
    ) -> Delivery:
        """What `grant` opens, from the edges in the order that suits who asks.

        Where they are comes from the load balancer's headers, which it sets itself whatever a
        client sends; `territory` is what counts where it knows nothing.
        """
        now_s, headers = self._clock(), request.headers
        place = place_of(
            headers.get("x-client-geo-region", ""),
            headers.get("x-client-geo-location", ""),
            territory,
        )
        cells = self._telemetry.cells
        order = ranked(self.edges, place, cells, now_s)
        start = None
        if playable.audio is not None:
            sums = cells.get((order[0].name, place.country), NOTHING).at(now_s)
            offered = renditions_of(playable.audio, grant.tier)
            start = start_of(offered, START_CODEC, sums, network, estimate_bps)
        return deliver(
            self._new_id(), playable, grant, order, start,
            public_url=self._public_url, key=self._key,
        )  # fmt: skip
