"""A listener's offers: candidates gathered once in a while, blended at every request."""

import asyncio
from collections import ChainMap, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

import numpy as np

from functions.recommendations import contexts, sources, tuning
from functions.recommendations.blending import Chosen, Listener, Rules, blend
from functions.recommendations.candidates import Candidate, Pool, gather
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.contexts import Context
from functions.recommendations.keeping import Keeping
from functions.recommendations.listeners import Listeners
from functions.recommendations.results import Results
from functions.recommendations.sources import Asked
from functions.recommendations.store import Store
from functions.recommendations.taste import Play, Taste

POOL_S = 300.0
MOST_POOLS = 5000
MOST_FRIENDS = 30
FRIENDS_S = 300.0
SESSION_S = 45 * 60.0
_DAY_S = 86_400.0
NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True)
class Offer:
    """A list for one listener. `asked` is what it was made of; `context` of the moment."""

    items: tuple[Chosen, ...]
    asked: Asked
    context: Context
    generation: str | None


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What a listener's pool was made of, and the pool."""

    asked: Asked
    candidates: tuple[Candidate, ...]
    pool: Pool
    until: float


class Serving:
    """Answers from memory wherever it can: a warm request reads no document."""

    def __init__(
        self,
        store: Store,
        keeping: Keeping,
        listeners: Listeners,
        results: Results,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._listeners = listeners
        self._results = results
        self._clock = clock
        self._now = now
        self._gathered: OrderedDict[tuple[str, str | None], _Gathered] = OrderedDict()
        self._names: dict[str, str] = {}

    async def catalogue(self) -> Catalogue:
        return await self._keeping.ready()

    def forget(self, user_id: str) -> None:
        """Gather anew for the user: what they follow or chose has changed."""
        for key in [it for it in self._gathered if it[0] == user_id]:
            del self._gathered[key]

    async def offer(
        self,
        user_id: str,
        market: str | None,
        rules: Rules,
        rng: Random,
        *,
        context: Context = NO_CONTEXT,
        extra: Sequence[Candidate] = (),
        only: frozenset[str] | None = None,
        weights: Mapping[str, float] | None = None,
        told: Sequence[Play] = (),
        without: frozenset[str] = frozenset(),
    ) -> Offer:
        """`rules.size` tracks of the listener's pool and of `extra`; of sources in `only`.

        `told`: plays that the client says have just happened; `without`: not these now. Fewer
        tracks only where the whole catalogue has no more that the listener may hear: repetition
        yields first.
        """
        taste = await self._listeners.find(user_id)
        gathered = await self._pool(taste, market)
        asked = replace(gathered.asked, taste=taste)
        pool = gathered.pool
        if extra or only is not None:
            own = gathered.candidates
            if only is not None:
                own = tuple(it for it in own if it.source in only)
            pool = gather((*extra, *own), asked.catalogue.items)
        pool = _suited(pool, asked.catalogue, context)
        listener = self.listener(taste, market, told)
        listener = replace(listener, blocked=listener.blocked | without)
        rules = contexts.rules(context, rules)
        by = weights if weights is not None else contexts.weights(context)
        on = asked.on
        items = blend(pool, listener, rules, on=on, rng=rng, weights=by)
        if len(items) < rules.size and only is None:
            items = self._filled(items, gathered, listener, rules, rng, by)
        generation = gathered.asked.batch.generation if gathered.asked.batch else None
        return Offer(tuple(items), asked, context, generation)

    def _filled(
        self,
        items: list[Chosen],
        gathered: _Gathered,
        listener: Listener,
        rules: Rules,
        rng: Random,
        weights: Mapping[str, float],
    ) -> list[Chosen]:
        """The list made full: what was heard before comes back, and artists come more often."""
        there = {it.item.track_id for it in items}
        missing = replace(
            rules, size=rules.size - len(items), heard="any", per_artist=rules.size, exploration=0.0
        )
        known = gathered.asked.catalogue.items
        popular = sources.charts(gathered.asked)
        pool = gather((*gathered.candidates, *popular), known, most=1000)
        rest = replace(listener, blocked=listener.blocked | there)
        return items + blend(
            pool, rest, missing, on=gathered.asked.on, rng=rng, weights={**weights, "charts": 0.1}
        )

    async def session(
        self, user_id: str, market: str | None, told: Sequence[Play] = ()
    ) -> tuple[Asked, list[Candidate]]:
        """What goes with what the listener plays right now."""
        taste = await self._listeners.find(user_id)
        gathered = await self._pool(taste, market)
        since = self._now().timestamp() - SESSION_S
        plays = [*told, *(it for it in taste.recent if it.at >= since)][:5]
        models = await self._results.items(user_id, {it.track_id for it in plays})
        asked = replace(gathered.asked, taste=taste, session=plays, models=models)
        return asked, sources.session(asked)

    async def seeds(
        self,
        user_id: str,
        market: str | None,
        track_ids: Sequence[str],
        artist_ids: Sequence[str],
        genres: Sequence[str],
    ) -> tuple[Asked, list[Candidate]]:
        """What is like the seeds."""
        taste = await self._listeners.find(user_id)
        gathered = await self._pool(taste, market)
        models = await self._results.items(user_id, track_ids)
        asked = replace(gathered.asked, taste=taste, models=models)
        return asked, sources.seeds(asked, track_ids, artist_ids, genres)

    def listener(self, taste: Taste, market: str | None, told: Sequence[Play] = ()) -> Listener:
        """Whom to blend for."""
        heard = _Heard(taste.heard, {it.track_id for it in told}, self._now().timestamp())
        return Listener(taste.user_id, market, taste.explicit, heard, frozenset(taste.unwanted))

    async def _pool(self, taste: Taste, market: str | None) -> _Gathered:
        key = (taste.user_id, market)
        known = self._gathered.get(key)
        if known is not None and known.until > self._clock():
            self._gathered.move_to_end(key)
            return known
        catalogue = await self._keeping.ready()
        batch, chart, friends = await asyncio.gather(
            self._results.user(taste.user_id), self._results.chart(market), self._friends(taste)
        )
        asked = Asked(taste, catalogue, self._now().date(), market, batch, chart, friends)
        found = [it for source in sources.BASIC.values() for it in source(asked)]
        pool = gather(found, catalogue.items)
        made = _Gathered(asked, tuple(found), pool, self._clock() + POOL_S)
        self._gathered[key] = made
        while len(self._gathered) > MOST_POOLS:
            self._gathered.popitem(last=False)
        return made

    async def _friends(self, taste: Taste) -> Mapping[str, Taste]:
        users = taste.users[:MOST_FRIENDS]
        if not users:
            return {}
        tastes, people = await asyncio.gather(
            self._listeners.many(users, older_s=FRIENDS_S), self._store.people.find_many(users)
        )
        known = {id: it for id, it in people.items() if it.display_name}
        self._names |= {id: it.display_name or "" for id, it in known.items()}
        return {id: tastes[id] for id in known}

    def names(self, catalogue: Catalogue) -> Mapping[str, str]:
        """What ids in explanations are called: tracks, artists, people."""
        return ChainMap(catalogue.names, self._names)


class _Heard(Mapping[str, float]):
    """Days since tracks were played, worked out for those only that are asked for."""

    def __init__(self, at: Mapping[str, float], just: Set[str], now: float) -> None:
        self._at, self._just, self._now = at, just, now

    def __contains__(self, id: object) -> bool:
        return id in self._at or id in self._just

    def __getitem__(self, id: str) -> float:
        return 0.0 if id in self._just else max(0.0, self._now - self._at[id]) / _DAY_S

    def __iter__(self) -> Iterator[str]:
        return iter(self._just | self._at.keys())

    def __len__(self) -> int:
        return len(self._just | self._at.keys())


def _suited(pool: Pool, catalogue: Catalogue, context: Context) -> Pool:
    """The pool with scores brought down for what does not suit the activity."""
    wanted = contexts.wanted(context)
    if not wanted:
        return pool
    fits = [
        tuning.fit(catalogue.tracks[it.track_id], wanted) if it.track_id in catalogue.tracks else 0
        for it in pool.items
    ]
    return replace(pool, scores=pool.scores * np.array(fits, dtype=np.float32))
