"""Offers in the words of the Web API, encoded once per track and market."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from functions.recommendations.blending import Chosen
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.explaining import reason
from shared.webapi.cards import ArtistCard
from shared.webapi.shown import Shown

MOST_CACHED = 20_000


class Rendered:
    """Track objects as bytes, made when a track is first shown or has changed."""

    def __init__(self, public_url: str) -> None:
        self._shown = Shown(public_url)
        self._made: OrderedDict[tuple[str, str | None], tuple[int, msgspec.Raw]] = OrderedDict()

    def track(self, catalogue: Catalogue, id: str, market: str | None) -> msgspec.Raw:
        """A full track."""
        card = catalogue.cards.get(id)
        revision = card.revision if card else -1
        known = self._made.get((id, market))
        if known is not None and known[0] == revision:
            return known[1]
        made = msgspec.Raw(msgspec.json.encode(self._shown.track(id, card, None, market)))
        self._made[id, market] = (revision, made)
        while len(self._made) > MOST_CACHED:
            self._made.popitem(last=False)
        return made

    def tracks(
        self, catalogue: Catalogue, items: Iterable[Chosen], market: str | None
    ) -> list[msgspec.Raw]:
        """The tracks of an offer."""
        return [self.track(catalogue, it.item.track_id, market) for it in items]


def artist_view(public_url: str, catalogue: Catalogue, id: str) -> dict[str, Any]:
    """A full artist, of whom perhaps only the name is known."""
    card = catalogue.artists.get(id) or ArtistCard(id, name=catalogue.names.get(id, ""))
    return Shown(public_url).artist(id, card)


def explained(items: Sequence[Chosen], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Why each is there, in the order of the tracks beside it."""
    return [
        {
            "track_id": it.item.track_id,
            "source": it.source,
            "reason": reason(it, names),
            "because": list(it.because[:3]),
        }
        for it in items
    ]
