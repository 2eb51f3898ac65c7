"""Tracks that listening does not reach, and who will like them by sound and by words. Pure.

Tracks with fewer than `FEW` listeners are unheard-of; a generation takes `MOST` of them, so what
follows grows with the catalog and not with its square. Each is laid beside all tracks that are
played, block by block, and keeps the `NEAREST`: a column of weights, as `ridge` has them for tracks
that are played. So listeners are asked about it as about any other track, the played tracks with
the largest weights explain it, and the mean of their factors says where it lies.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from functions.recommendations.matrix import Floats, Ints, Matrix, Vocabulary

FEW = 5
"""Listeners from which on listening alone knows a track well."""
MOST = 20_000
"""Unheard-of tracks in a generation: new ones first, of the others each week another part."""
NEW_DAYS = 60
NEAREST = 100
AT_ONCE = 2_000
"""Unheard-of tracks whose likeness to a block is in memory together: 10 MB for 1,200 tracks."""
LEAST = 0.25
"""A cosine below this says nothing."""
SPACES = ("audio", "text")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some tracks that play. `released` as ordinals, 0 where unknown; `audio` and `text` are rows
    of length 1, or of zeros; `artists` each track's first one, "" for none."""

    ids: tuple[str, ...]
    artists: tuple[str, ...]
    released: Ints
    audio: Floats
    text: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def taken(self, rows: Ints) -> "Block":
        """Some of its rows, in that order."""
        return Block(
            tuple(self.ids[it] for it in rows),
            tuple(self.artists[it] for it in rows),
            self.released[rows],
            self.audio[rows],
            self.text[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Unheard:
    """The unheard-of tracks that a generation takes, the first ones first.

    `order` is what they are ranked by, the least first. `mean` sums the audio rows of `count`
    tracks of all the catalog: what all recordings share tells none apart.
    """

    tracks: Block
    order: Ints
    mean: Floats
    count: int

    def __len__(self) -> int:
        return len(self.tracks)

    def rows(self, space: str) -> Floats:
        """Their vectors, centred for audio."""
        return rows_of(self.tracks, space, self)


def unheard(block: Block, vocabulary: Vocabulary, generation: str, today: int) -> Unheard:
    """Those of a block that too few play, and that sound or read like anything."""
    listeners = np.array(
        [
            int(vocabulary.listeners[at]) if (at := vocabulary.places.get(it)) is not None else 0
            for it in block.ids
        ]
    )
    known = block.audio.any(axis=1)
    rows = np.flatnonzero((listeners < FEW) & (known | block.text.any(axis=1)))
    own = block.taken(rows)
    age = today - own.released
    turn = np.array([_turn(generation, it) for it in own.ids], dtype=np.int64)
    new = (own.released > 0) & (age >= 0) & (age <= NEW_DAYS)
    order = np.where(new, age, NEW_DAYS + 1 + turn)
    found = Unheard(own, order, block.audio.sum(axis=0), int(known.sum()))
    return most_of([found])


def _turn(generation: str, track_id: str) -> int:
    """Another order each week. (A check sum would only mirror last week's.)"""
    told = hashlib.blake2b(f"{generation}/{track_id}".encode(), digest_size=4)
    return int.from_bytes(told.digest(), "big")


def most_of(parts: Sequence[Unheard], most: int = MOST) -> Unheard:
    """The first `most` of several. Any order of `parts` gives the same."""
    ids = tuple(id for it in parts for id in it.tracks.ids)
    order = np.concatenate([it.order for it in parts])
    first = np.lexsort((np.array(ids, dtype=str), order))[:most]
    whole = Block(
        ids,
        tuple(artist for it in parts for artist in it.tracks.artists),
        np.concatenate([it.tracks.released for it in parts]),
        np.concatenate([it.tracks.audio for it in parts]),
        np.concatenate([it.tracks.text for it in parts]),
    )
    mean = np.sum([it.mean for it in parts], axis=0)
    return Unheard(whole.taken(first), order[first], mean, sum(it.count for it in parts))


def rows_of(block: Block, space: str, known: Unheard) -> Floats:
    """A block's vectors as likeness takes them."""
    if space == "text":
        return block.text
    if known.count < 3:
        return block.audio
    rows = block.audio - known.mean / known.count
    rows[~block.audio.any(axis=1)] = 0.0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 1e-6, lengths, 1.0)).astype(np.float32)


def columns(block: Block, space: str, known: Unheard, vocabulary: Vocabulary) -> Matrix:
    """What a block's tracks of the vocabulary say for each unheard-of track: a row for each of
    these, the squares of the cosines as weights, the `NEAREST` of the block at most."""
    shape = (len(known), len(vocabulary))
    places = np.array([vocabulary.places.get(it, -1) for it in block.ids], dtype=np.int64)
    vectors = rows_of(block, space, known)
    played = np.flatnonzero((places >= 0) & vectors.any(axis=1))
    if not len(played) or not len(known):
        return Matrix(shape, dtype=np.float32)
    own, wanted = vectors[played], known.rows(space)
    parts: list[Matrix] = []
    for start in range(0, len(known), AT_ONCE):
        likeness = wanted[start : start + AT_ONCE] @ own.T
        same = np.array(known.tracks.ids[start : start + AT_ONCE])[:, None] == np.array(
            [block.ids[it] for it in played]
        )
        likeness[same | (likeness < LEAST)] = 0.0
        if likeness.shape[1] > NEAREST:
            least = -np.partition(-likeness, NEAREST - 1, axis=1)[:, NEAREST - 1 : NEAREST]
            likeness[likeness < least] = 0.0
        rows, at = np.nonzero(likeness)
        weights = likeness[rows, at] ** 2
        parts.append(
            Matrix((weights, (rows, places[played[at]])), shape=(likeness.shape[0], shape[1]))
        )
    return Matrix(sparse.vstack(parts, format="csr"), dtype=np.float32)


def nearest(parts: Iterable[Matrix], most: int = NEAREST) -> Matrix:
    """Several blocks' columns as one: the `most` largest of each row, by place among equals."""
    total: Matrix = next(both := iter(parts))
    for part in both:
        total = total + part  # blocks have no track in common
    total = Matrix(total)
    row = np.repeat(np.arange(total.shape[0]), np.diff(total.indptr))
    order = np.lexsort((total.indices, -total.data, row))
    rank = np.arange(len(order)) - np.searchsorted(row[order], row[order])
    kept = order[rank < most]
    return Matrix((total.data[kept], (row[kept], total.indices[kept])), shape=total.shape)


def shares(found: Matrix) -> Matrix:
    """Rows that add up to 1: of the tracks like this one, the share that a listener plays."""
    sums = np.maximum(np.asarray(found.sum(axis=1)).ravel(), 1e-9)
    scaled = sparse.diags_array(1 / sums) @ found
    return Matrix(scaled, dtype=np.float32)


def imputed(found: Matrix, vectors: Floats) -> Floats:
    """Where unheard-of tracks lie among those that are played: the mean of those like them."""
    return np.asarray(shares(found) @ vectors, dtype=np.float32)


def vocabulary_of(known: Unheard, users: int) -> Vocabulary:
    """The unheard-of tracks as columns, to number plays by."""
    nothing = np.zeros(len(known))
    ids = known.tracks.ids
    places = {id: at for at, id in enumerate(ids)}
    return Vocabulary(ids, nothing, nothing, 1.0, users, places)
