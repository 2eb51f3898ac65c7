"""Smart playlists: their items are what a rule finds, put into the log like anybody's edits.

A live one is looked at again when it is read: at most once a minute, or every two seconds while
its owner plays and likes things. What it held before stays in its history. Of a rule that no index
helps, the most popular tracks are looked at.
"""

import logging
from collections.abc import Callable, Sequence

from functions.playlists import rules
from functions.playlists.deciding import ITEM_ID_LENGTH
from functions.playlists.domain import MAX_OPS, SEGUE
from functions.playlists.listening import Listening
from functions.playlists.ops import LAST, Add, Entry, Move, Op, Remove
from functions.playlists.playlist import Playlist
from functions.playlists.playlists import Playlists, Seen
from functions.playlists.projections import Projections
from functions.playlists.rules import Rule
from shared.errors import TooManyRequests, Unavailable
from shared.ids import derived_id
from shared.webapi.cards import TrackCard

log = logging.getLogger(__name__)

EVERY_S = 60.0
SOON_S = 2.0
"""When the owner has just played or liked something."""
MAX_LOOKED_AT = 3_000
MAX_KNOWN = 10_000


class Smart:
    """Evaluates rules and keeps live playlists up."""

    def __init__(
        self,
        playlists: Playlists,
        projections: Projections,
        listening: Listening,
        *,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._playlists = playlists
        self._projections = projections
        self._listening = listening
        self._now_ms = now_ms
        self._clock = clock
        self._looked_at: dict[str, float] = {}
        self._heard_at: dict[str, float] = {}

    def heard(self, user_id: str) -> None:
        """The user has played or liked something: lists that ask for it are to follow soon."""
        _note(self._heard_at, user_id, self._clock())

    async def found(self, rule: Rule, user_id: str) -> list[str]:
        """The ids of the tracks that the rule finds for a user, in its order."""
        heard = await self._listening.of(user_id) if rule.asks_history else {}
        candidates: dict[str, TrackCard] = {}
        if heard:
            candidates |= await self._projections.tracks(heard)
        if not rules.only_heard(rule):
            for keys in self._keys(rule):
                candidates |= await self._having(keys)
        now = self._now_ms()
        good = {
            id: card
            for id, card in candidates.items()
            if rules.matches(rule, card, heard.get(id), now)
        }
        return rules.ordered(rule, good, heard)

    async def refresh(self, playlist_id: str) -> bool:
        """Make the playlist what its rule says now; whether that changed anything."""
        live = await self._playlists.store.live(playlist_id)
        _note(self._looked_at, playlist_id, self._clock())
        it = live.state.attributes
        if it.rule is None:
            return False
        wanted = await self.found(rules.parse(it.rule), it.owner)
        ops = towards(live.state, [f"spotify:track:{id}" for id in wanted])
        if ops:
            await self._playlists.submit(playlist_id, SEGUE, ops)
        return bool(ops)

    async def refresh_if_due(self, seen: Seen) -> bool:
        """`refresh` a live playlist that was not looked at for a while. Where that cannot be done
        now, what it held last is shown."""
        it = seen.attributes
        if it.rule is None or not it.rule.get("live"):
            return False
        at = self._looked_at.get(it.playlist_id)
        heard = self._heard_at.get(it.owner)
        every = SOON_S if at is not None and heard is not None and heard > at - SOON_S else EVERY_S
        if at is not None and self._clock() - at < every:
            return False
        try:
            return await self.refresh(it.playlist_id)
        except (Unavailable, TooManyRequests) as error:
            log.warning("%s is shown as it was: %r", it.playlist_id, error)
            return False

    def _keys(self, rule: Rule) -> list[list[str]]:
        keys = rules.keys_of(rule)
        return [keys] if keys else [["plays"]]

    async def _having(self, keys: list[str]) -> dict[str, TrackCard]:
        found: dict[str, TrackCard] = {}
        after: str | None = None
        while len(found) < MAX_LOOKED_AT:
            some = await self._projections.having(keys, after=after)
            if not some:
                break
            found |= {it.card.track_id: it.card for it in some}
            after = some[-1].rank
        return found


def _note(instants: dict[str, float], id: str, at: float) -> None:
    instants.pop(id, None)
    instants[id] = at
    while len(instants) > MAX_KNOWN:
        del instants[next(iter(instants))]


def towards(state: Playlist, wanted: Sequence[str]) -> list[Op]:
    """The ops that make the list `wanted` (URIs, each once), keeping the items that stay. Pure.

    New items' ids follow from what they are: two instances that look at once put in the same ones,
    not each its own.
    """

    def entries(uris: Sequence[str]) -> tuple[Entry, ...]:
        id = state.attributes.playlist_id
        return tuple(Entry(uri, derived_id("smart", id, uri)[:ITEM_ID_LENGTH]) for uri in uris)

    kept: dict[str, str] = {}
    gone: list[str] = []
    targets = set(wanted)
    for entry in state.listing:
        if entry.uri in targets and entry.uri not in kept:
            kept[entry.uri] = entry.id
        else:
            gone.append(entry.id)
    fresh = [uri for uri in wanted if uri not in kept]
    ops: list[Op] = []
    if gone:
        ops.append(Remove(tuple(gone)))
    if fresh:
        ops.append(Add(entries(fresh), LAST))
    if [*kept, *fresh] != list(wanted):
        # Those that were there are put in order around the new ones, from the front.
        ops = ops[: 1 if gone else 0]
        ops += _interleaved(kept, wanted, entries)
    if len(ops) > MAX_OPS:
        ops = [Remove(state.listing.order()), Add(entries(wanted))]
    return ops


def _interleaved(
    kept: dict[str, str],
    wanted: Sequence[str],
    entries: Callable[[Sequence[str]], tuple[Entry, ...]],
) -> list[Op]:
    """Runs of kept and of new items, in turn, each put last."""

    def put(run: list[str]) -> Op:
        if run[0] in kept:
            return Move(tuple(kept[uri] for uri in run), LAST)
        return Add(entries(run), LAST)

    ops: list[Op] = []
    run: list[str] = []
    for uri in wanted:
        if run and (uri in kept) != (run[0] in kept):
            ops.append(put(run))
            run = []
        run.append(uri)
    if run:
        ops.append(put(run))
    return ops
