"""All tracks in the memory of an instance: facts by id, and what sounds or reads alike.

Nearest neighbours by brute force, which is fastest up to about 100,000 tracks (docs/decisions).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from functions.recommendations import known, sound
from functions.recommendations.candidates import Item, unit_rows
from functions.recommendations.known import KnownArtist, KnownTrack
from shared.webapi.cards import ArtistCard, TrackCard


class Catalogue:
    """Tracks and artists as they are now. `put` changes it; the rest reads."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.cards: dict[str, TrackCard] = {}
        self.names: dict[str, str] = {}
        self.artists: dict[str, ArtistCard] = {}
        self.tracks: dict[str, KnownTrack] = {}
        self._texts: dict[str, tuple[float, ...]] = {}
        self._merged: dict[str, str] = {}
        self._by_artist: dict[str, dict[str, None]] = {}
        self._by_genre: dict[str, dict[str, None]] = {}
        self._popular: list[str] | None = None
        self._newest: list[str] | None = None
        self._spaces: dict[str, tuple[list[str], dict[str, int], np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def put(self, track: KnownTrack) -> bool:
        """Keep a track; whether that was news."""
        id = track.track_id
        before = self.tracks.get(id)
        if before is not None and _order(before) >= _order(track):
            return False
        if before is not None:
            self._forget(id)
        item = known.item(track, self._vector(track))
        self.items[id], self.cards[id], self.tracks[id] = item, track.card, track
        self.names[id] = track.card.title
        for credit in track.card.credits:
            if credit.artist_id:
                self.names.setdefault(credit.artist_id, credit.name)
        if item.plays:
            for artist_id in item.artist_ids:
                self._by_artist.setdefault(artist_id, {})[id] = None
            for genre in item.genres:
                self._by_genre.setdefault(genre.casefold(), {})[id] = None
        self._popular = self._newest = self._spaces = None
        return True

    def put_texts(self, vectors: Mapping[str, tuple[float, ...]]) -> None:
        """Keep the text vectors of one model, instead of those of the one before."""
        changed = self._texts.keys() | vectors.keys()
        self._texts = dict(vectors)
        for id in changed:
            if id in self.items:
                self.items[id] = known.item(self.tracks[id], self._vector(self.tracks[id]))
        self._spaces = None

    def _vector(self, track: KnownTrack) -> tuple[float, ...]:
        """Sound and words side by side, each of length 1, or nought where unknown."""
        words = self._texts.get(track.track_id, ())
        return (
            *_unit(sound.vector(track.features), sound.WIDTH),
            *_unit(words if len(words) == known.TEXT_WIDTH else (), known.TEXT_WIDTH),
        )

    def put_artist(self, artist: KnownArtist) -> None:
        """Keep an artist's name, and whom it was merged into."""
        card = artist.card
        self.names[card.artist_id] = card.name
        self.artists[card.artist_id] = card
        if card.merged_into:
            self._merged[card.artist_id] = card.merged_into

    def _forget(self, id: str) -> None:
        old = self.items[id]
        for artist_id in old.artist_ids:
            self._by_artist.get(artist_id, {}).pop(id, None)
        for genre in old.genres:
            self._by_genre.get(genre.casefold(), {}).pop(id, None)

    def artist(self, id: str) -> str:
        """Who the artist is now."""
        for _ in range(20):
            if (into := self._merged.get(id)) is None:
                break
            id = into
        return id

    def artist_ids(self) -> set[str]:
        """Every artist that is known by name, and stands for itself."""
        return ({*self.artists, *self._by_artist} - self._merged.keys()) & self.names.keys()

    def of_artist(self, id: str, most: int = 50) -> list[str]:
        """The artist's tracks that play, the most popular first."""
        found = self._by_artist.get(self.artist(id), {})
        return sorted(found, key=lambda it: (-self.items[it].popularity, it))[:most]

    def of_genre(self, genre: str, most: int = 200) -> list[str]:
        """Tracks of a genre, `drum-bass` for "Drum & Bass" too, the most popular first."""
        found = self._by_genre.get(genre.casefold())
        if found is None:
            found = {
                id: None
                for name, ids in self._by_genre.items()
                if _slug(name) == genre.casefold()
                for id in ids
            }
        return sorted(found, key=lambda it: (-self.items[it].popularity, it))[:most]

    def knows_artist(self, id: str) -> bool:
        return self.artist(id) in self._by_artist

    def popular(self, market: str | None, most: int = 200) -> list[str]:
        """What plays in the market, the most popular first, the newest of equals before."""
        if self._popular is None:
            plays = [it for it in self.items.values() if it.plays]
            plays.sort(key=lambda it: (-it.popularity, -_day(it), it.track_id))
            self._popular = [it.track_id for it in plays]
        return self._in(self._popular, market, most)

    def new(self, since: date, until: date, market: str | None, most: int = 400) -> list[str]:
        """Released from `since` to `until`, the newest first."""
        if self._newest is None:
            dated = [it for it in self.items.values() if it.plays and it.released_on]
            dated.sort(key=lambda it: (-_day(it), -it.popularity, it.track_id))
            self._newest = [it.track_id for it in dated]
        first, last = since.toordinal(), until.toordinal()
        found = []
        for id in self._newest:
            day = _day(self.items[id])
            if day < first:
                break
            if day <= last:
                found.append(id)
        return self._in(found, market, most)

    def _in(self, ids: Iterable[str], market: str | None, most: int) -> list[str]:
        found: list[str] = []
        for id in ids:
            if market is None or market not in self.items[id].blocked_markets:
                found.append(id)
                if len(found) == most:
                    break
        return found

    def nearest(
        self, space: str, weights: Mapping[str, float], most: int = 100
    ) -> list[tuple[str, float, str]]:
        """Tracks like those in `weights`, not they themselves: (id, likeness, the id of those
        that it is most like). Likeness is the cosine to each, by its weight; above nought only."""
        ids, rows, vectors = self._space(space)
        known = [(rows[id], weight) for id, weight in weights.items() if id in rows]
        if not known:
            return []
        at = np.array([row for row, _ in known])
        likeness = vectors @ vectors[at].T
        by = np.array([weight for _, weight in known], dtype=np.float32)
        weighted = likeness * by
        scores = weighted.sum(axis=1) / np.abs(by).sum()
        scores[at] = -np.inf
        count = min(most, len(ids))
        best = np.argpartition(-scores, count - 1)[:count]
        best = best[np.argsort(-scores[best])]
        strongest = weighted[best].argmax(axis=1)
        return [
            (ids[row], float(scores[row]), ids[at[strongest[n]]])
            for n, row in enumerate(best)
            if scores[row] > 0
        ]

    def _space(self, space: str) -> tuple[list[str], dict[str, int], np.ndarray]:
        if self._spaces is None:
            self._spaces = {}
        if space not in self._spaces:
            part = slice(0, sound.WIDTH) if space == "audio" else slice(sound.WIDTH, None)
            ids = [id for id, it in self.items.items() if it.plays and any(it.vector[part])]
            vectors = unit_rows([self.items[id].vector[part] for id in ids])
            if space == "audio" and len(ids) > 2:
                # What all recordings share tells none apart.
                vectors = unit_rows((vectors - vectors.mean(axis=0)).tolist())
            self._spaces[space] = ids, {id: row for row, id in enumerate(ids)}, vectors
        return self._spaces[space]


def _order(track: KnownTrack) -> tuple[int, str]:
    """Of two copies of a track the later one is greater."""
    return track.card.revision, track.stamp


def _unit(vector: Sequence[float], width: int) -> tuple[float, ...]:
    length = sum(it * it for it in vector) ** 0.5
    return tuple(it / length for it in vector) if length > 0 else (0.0,) * width


def _day(item: Item) -> int:
    return item.released_on.toordinal() if item.released_on else 0


def _slug(genre: str) -> str:
    return "-".join("".join(it if it.isalnum() else " " for it in genre.casefold()).split())
