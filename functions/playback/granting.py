"""From a grant to its delivery: where the listener is, which edges serve them best, signed."""

from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.requests import Request

from functions.playback.delivery import Delivery, deliver, renditions_of
from functions.playback.domain import Grant, Playable
from functions.playback.edges import NOTHING, Edge, Sums, place_of, ranked, start_of
from functions.playback.telemetry import Telemetry
from shared.cdn import SigningKey

FRONT = "front"
"""The front door itself, as an edge: the same host as the API's."""
START_CODEC = "aac"
FRESH_S = 1.0
MAX_PLACES = 10_000


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
        self._known: dict[tuple[str, ...], tuple[float, int, list[Edge], Sums]] = {}

    def make(
        self,
        playable: Playable,
        grant: Grant,
        request: Request,
        *,
        at: datetime,
        territory: str,
        network: str | None,
        estimate_bps: int,
    ) -> Delivery:
        """What `grant` opens, from the edges in the order that suits who asks.

        Where they are comes from the load balancer's headers, which it sets itself whatever a
        client sends; `territory` is what counts where it knows nothing.
        """
        headers = request.headers
        order, sums = self._best(
            headers.get("x-client-geo-region", ""),
            headers.get("x-client-geo-location", ""),
            territory,
        )
        start = None
        if playable.audio is not None:
            offered = renditions_of(playable.audio, grant.tier)
            start = start_of(offered, START_CODEC, sums, network, estimate_bps)
        return deliver(
            self._new_id(), playable, grant, order, start,
            at=at, public_url=self._public_url, key=self._key,
        )  # fmt: skip

    def _best(self, *told: str) -> tuple[list[Edge], Sums]:
        """The edges in order for who is there, and what was measured at the first: as of a second
        ago at most, for many ask from the same place."""
        cells, now_s = self._telemetry.cells, self._clock()
        until_s, changes, order, sums = self._known.get(told, _NEVER)
        if now_s >= until_s or changes != self._telemetry.changes:
            place = place_of(*told)
            order = ranked(self.edges, place, cells, now_s)
            sums = cells.get((order[0].name, place.country), NOTHING).at(now_s)
            if len(self._known) >= MAX_PLACES:
                self._known.clear()
            self._known[told] = (now_s + FRESH_S, self._telemetry.changes, order, sums)
        return order, sums


_NEVER: tuple[float, int, list[Edge], Sums] = (float("-inf"), -1, [], NOTHING)
