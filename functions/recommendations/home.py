"""The home page: shelves of what fits the moment, none of them empty."""

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from functions.recommendations.blending import Rules
from functions.recommendations.candidates import (
    CHARTS,
    FAMILIAR,
    FRESH,
    SOCIAL,
    Candidate,
)
from functions.recommendations.contexts import Context
from functions.recommendations.listeners import Listeners
from functions.recommendations.serving import Offer, Serving
from functions.recommendations.store import MixCard, Store
from shared.webapi.objects import Parts

SIZE = 12
FEWEST = 3
_RULES = Rules(size=SIZE, heard="rest", rest_days=1.0, per_artist=2, spacing=2)
_SHELF = replace(_RULES, exploration=0.02)
_AGAIN = replace(_RULES, heard="any", exploration=0.0, freshness=0.0, diversity=0.0)
_ORDER = ("discover-weekly", "release-radar", "daily-mix")


@dataclass(frozen=True, slots=True)
class Shelf:
    """`view` is all but the tracks, which are those of `offer`."""

    id: str
    view: dict[str, Any]
    offer: Offer | None = None


class Home:
    """Puts shelves together."""

    def __init__(
        self, store: Store, listeners: Listeners, serving: Serving, public_url: str
    ) -> None:
        self._store = store
        self._listeners = listeners
        self._serving = serving
        self._parts = Parts(public_url)

    async def shelves(
        self, user_id: str, market: str, context: Context, rng: Random, *, diverse: bool
    ) -> list[Shelf]:
        """Shelves in the order in which they suit the moment."""
        taste, mixes = await asyncio.gather(
            self._listeners.find(user_id), self._store.mixes.find(user_id)
        )
        catalogue = await self._serving.catalogue()
        found: list[Shelf] = []

        async def add(
            id: str, title: str, rules: Rules, *, fewest: int = FEWEST, **more: Any
        ) -> None:
            rules = replace(rules, diversity=rules.diversity * 2) if diverse else rules
            offer = await self._serving.offer(user_id, market, rules, rng, context=context, **more)
            if len(offer.items) >= fewest:
                found.append(Shelf(id, {"id": id, "title": title, "kind": "tracks"}, offer))

        recent = list(dict.fromkeys(it.track_id for it in taste.recent if it.weight > 0))
        again = [
            Candidate(id, FAMILIAR, 1 / (1 + place), catalogue.items[id].artist_ids[:1])
            for place, id in enumerate(recent[: 2 * SIZE])
            if id in catalogue.items
        ]
        await add("recent", "Jump back in", _AGAIN, fewest=1, extra=again, only=frozenset())
        if mixes is not None and mixes.mixes:
            cards = sorted(mixes.mixes.values(), key=_place)
            view = {"id": "made-for-you", "title": "Made for you", "kind": "playlists",
                    "playlists": [self._playlist(it) for it in cards]}  # fmt: skip
            found.append(Shelf("made-for-you", view))
        await add("for-you", "Recommended for you", _RULES, fewest=1)
        loved = [id for id in recent if id in catalogue.items][:2]
        for id in loved:
            title = f"More like {catalogue.names[id]}"
            asked, candidates = await self._serving.seeds(user_id, market, [id], [], [])
            del asked
            await add(f"like-{id}", title, _SHELF, extra=candidates, only=frozenset())
        await add("new", "New releases for you", _SHELF, only=frozenset({FRESH}))
        await add("friends", "Friends are listening", _SHELF, only=frozenset({SOCIAL}))
        await add(
            "charts", f"Popular in {market}", replace(_AGAIN, diversity=0.0),
            only=frozenset({CHARTS}), weights={CHARTS: 1.0},
        )  # fmt: skip
        if context.time == "morning" or context.device == "car":
            return found
        # Later in the day the new goes before the known.
        return sorted(found, key=lambda it: it.id == "recent") if context.time else found

    def _playlist(self, card: MixCard) -> dict[str, Any]:
        return {
            **self._parts.link("playlist", card.playlist_id),
            "name": card.title,
            "description": card.description,
            "images": [it for cover in card.cover_ids for it in self._parts.images(cover)[:1]],
            "generation": card.generation,
        }


def _place(card: MixCard) -> tuple[int, int]:
    order = _ORDER.index(card.kind) if card.kind in _ORDER else len(_ORDER)
    return order, card.number or 0
