"""The catalog as the batch sees it: read in ranges of ids, and what is made of it for a generation.

ranges ─ blocks ┬ unheard-of tracks (top-K) ─ their likeness to each block (top-K) ─ kept
                ├ new releases (top-K) ─ kept
                └ whose tracks the vocabulary's are ─ kept ─ related artists
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import apache_beam as beam
import msgspec
import numpy as np
from apache_beam import pvalue

from functions.recommendations import content, known, sound, texts
from functions.recommendations.candidates import unit_rows
from functions.recommendations.content import SPACES, Block, Unheard
from functions.recommendations.known import KnownTrack
from functions.recommendations.learning import Kept
from functions.recommendations.matrix import Matrix, Vocabulary
from functions.recommendations.outlets import Opened, Outlet
from functions.recommendations.plan import Plan
from functions.recommendations.shelf import Shelf, model_folder, packed
from functions.recommendations.texts import CURRENT, TextModel, VectorPart, part_document

PAGE = 300
STARTS = ("", *"4", *"8", *"CGKOSWaeimquy")
"""Where ranges of ids begin; an id is base62."""
NEW = 3_000
"""New releases that a generation knows, the newest first."""


@dataclass(slots=True)
class Words:
    """Text vectors by track, in the order of their ids: parts are sorted, so one is held at a
    time, and the first one is found by halving."""

    opened: Opened
    model: TextModel | None
    _number: int = -1
    _part: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _last: str = ""

    @classmethod
    def of(cls, opened: Opened) -> "Words":
        return cls(opened, opened.find(texts.MODELS, [CURRENT]).get(CURRENT))

    def find(self, id: str) -> tuple[float, ...]:
        """The vector of `id`, which is not below any asked for before; () for none."""
        if self.model is None or not self.model.parts:
            return ()
        if self._number < 0:
            low, high = 0, self.model.parts - 1
            while low < high:
                middle = (low + high) // 2
                self._read(middle)
                low, high = (low, middle) if id <= self._last else (middle + 1, high)
            self._read(low)
        while id > self._last and self._number + 1 < self.model.parts:
            self._read(self._number + 1)
        return self._part.get(id, ())

    def _read(self, number: int) -> None:
        assert self.model is not None
        if number == self._number:
            return
        name = part_document(self.model.model, number)
        part: VectorPart | None = self.opened.find(texts.VECTORS, [name]).get(name)
        self._number = number
        # A model that was put away meanwhile has no vectors any more: sound remains.
        self._part = texts.vectors_of([part]) if part else {}
        self._last = max(part.track_ids, default="") if part else ""


class ReadCatalog(beam.DoFn):
    """A range of ids → blocks of the tracks that play, and the new ones among them."""

    def __init__(self, plan: Plan, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet

    def process(self, bounds: tuple[str, str]) -> Iterator[Any]:
        first, last = bounds
        opened = self._outlet.open()
        words = Words.of(opened)
        after = first or None
        while found := opened.scan(known.TRACKS, after, PAGE):
            tracks = [it for it in found if not last or it.track_id <= last]
            own = [it for it in tracks if it.card.plays]
            if own:
                yield block_of(own, words)
                new = [it for it in own if _new(it, self._plan.now.date())]
                if new:
                    yield pvalue.TaggedOutput("new", new)
            if len(tracks) < len(found):
                break
            after = found[-1].track_id


def block_of(tracks: Sequence[KnownTrack], words: Words) -> Block:
    """A block, of tracks in the order of their ids."""
    items = [known.item(it) for it in tracks]
    return Block(
        tuple(it.track_id for it in tracks),
        tuple(it.artist_ids[0] if it.artist_ids else "" for it in items),
        np.array([it.released_on.toordinal() if it.released_on else 0 for it in items]),
        _rows([sound.vector(it.features) for it in tracks], sound.WIDTH),
        _rows([words.find(it.track_id) for it in tracks], known.TEXT_WIDTH),
    )


def _rows(vectors: Sequence[Sequence[float]], width: int) -> np.ndarray:
    """Rows of length 1. A vector that is not of this width, or no number, is none."""
    return unit_rows([[0.0] * width, *(it if len(it) == width else () for it in vectors)])[1:]


def _new(track: KnownTrack, today: date) -> bool:
    released = known.released_on(track.card.release_date)
    return released is not None and 0 <= (today - released).days <= content.NEW_DAYS


class First(beam.CombineFn):
    """The first of unheard-of tracks."""

    def create_accumulator(self) -> list[Unheard]:
        return []

    def add_input(self, accumulator: list[Unheard], element: Unheard) -> list[Unheard]:
        accumulator.append(element)
        return [content.most_of(accumulator)] if len(accumulator) > 64 else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Unheard]]) -> list[Unheard]:
        return self.compact([it for each in accumulators for it in each])

    def compact(self, accumulator: list[Unheard]) -> list[Unheard]:
        return [content.most_of(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Unheard]) -> Unheard:
        return content.most_of(accumulator or [NOBODY])


NOBODY = Unheard(
    Block((), (), np.zeros(0, dtype=np.int64), _rows([], sound.WIDTH), _rows([], known.TEXT_WIDTH)),
    np.zeros(0, dtype=np.int64),
    np.zeros(sound.WIDTH),
    0,
)


class Newest(beam.CombineFn):
    """The newest releases, at most `NEW`; of one day by id."""

    def create_accumulator(self) -> list[KnownTrack]:
        return []

    def add_input(
        self, accumulator: list[KnownTrack], element: list[KnownTrack]
    ) -> list[KnownTrack]:
        return _newest([*accumulator, *element])

    def merge_accumulators(self, accumulators: Iterable[list[KnownTrack]]) -> list[KnownTrack]:
        return _newest([it for each in accumulators for it in each])

    def extract_output(self, accumulator: list[KnownTrack]) -> list[KnownTrack]:
        return accumulator


def _newest(tracks: list[KnownTrack]) -> list[KnownTrack]:
    def order(it: KnownTrack) -> tuple[int, str]:
        released = known.released_on(it.card.release_date)
        return (-released.toordinal() if released else 0, it.track_id)

    return sorted(tracks, key=order)[:NEW]


class Nearest(beam.CombineFn):
    """Blocks' columns as one."""

    def create_accumulator(self) -> list[Matrix]:
        return []

    def add_input(self, accumulator: list[Matrix], element: Matrix) -> list[Matrix]:
        accumulator.append(element)
        return [content.nearest(accumulator)] if len(accumulator) > 16 else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Matrix]]) -> list[Matrix]:
        return self.compact([it for each in accumulators for it in each])

    def compact(self, accumulator: list[Matrix]) -> list[Matrix]:
        return [content.nearest(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Matrix]) -> Matrix:
        return content.nearest(accumulator)


def stock(catalog: Any, vocabulary: Any, plan: Plan, shelf: Shelf) -> tuple[Any, Any]:
    """What the catalog has for the generation, kept: names of the objects; and of the vocabulary
    whose tracks they are, (codes, ids of artists), as one element."""
    blocks, new = catalog.blocks, catalog.new
    words = pvalue.AsSingleton(vocabulary)
    today = plan.now.date().toordinal()
    unheard = (
        blocks
        | "unheard of" >> beam.Map(content.unheard, words, plan.generation, today)
        | "first unheard" >> beam.CombineGlobally(First())
    )
    those = pvalue.AsSingleton(unheard)
    alike = (
        blocks
        | "likeness" >> beam.FlatMap(_alike, those, words)
        | "nearest" >> beam.CombinePerKey(Nearest())
        | "keep likeness" >> beam.Map(_keep_alike, plan, shelf)
    )
    tracks = unheard | "keep unheard" >> beam.Map(_keep_unheard, plan, shelf)
    releases = (
        new
        | "newest" >> beam.CombineGlobally(Newest())
        | "keep newest" >> beam.Map(_keep_new, plan, shelf)
    )
    owners = (
        blocks
        | "owners" >> beam.Map(_owners, words)
        | "all owners" >> beam.combiners.ToList()
        | "artists" >> beam.Map(_artists, words)
    )
    return (alike, tracks, releases) | "stock" >> beam.Flatten(), owners


@dataclass(frozen=True, slots=True)
class Catalog:
    """Collections of `Block`s, and of lists of new `KnownTrack`s."""

    blocks: Any
    new: Any


def read(pipeline: Any, plan: Plan, outlet: Outlet) -> Catalog:
    """The catalog as it is now."""
    bounds = [(start, end) for start, end in zip(STARTS, (*STARTS[1:], ""), strict=True)]
    found = (
        pipeline
        | "ranges of ids" >> beam.Create(bounds)
        | "spread ids" >> beam.Reshuffle()
        | "catalog" >> beam.ParDo(ReadCatalog(plan, outlet)).with_outputs("new", main="blocks")
    )
    return Catalog(found.blocks, found.new)


def _alike(block: Block, those: Unheard, vocabulary: Vocabulary) -> Iterator[tuple[str, Matrix]]:
    for space in SPACES:
        found = content.columns(block, space, those, vocabulary)
        if found.nnz:
            yield space, found


def _keep_alike(element: tuple[str, Matrix], plan: Plan, shelf: Shelf) -> str:
    space, found = element
    name = f"{model_folder(plan.generation)}/alike-{space}.npz"
    shelf.put(
        name,
        packed(
            data=found.data.astype(np.float32), indices=found.indices.astype(np.int32),
            indptr=found.indptr, shape=np.array(found.shape),
        ),
    )  # fmt: skip
    return name


def _keep_unheard(those: Unheard, plan: Plan, shelf: Shelf) -> str:
    name = f"{model_folder(plan.generation)}/unheard.npz"
    shelf.put(name, packed(tracks=np.array(those.tracks.ids, dtype=str)))
    return name


def _keep_new(tracks: list[KnownTrack], plan: Plan, shelf: Shelf) -> str:
    name = f"{model_folder(plan.generation)}/new.msgpack"
    shelf.put(name, msgspec.msgpack.encode(tracks))
    return name


def _owners(block: Block, vocabulary: Vocabulary) -> list[tuple[int, str]]:
    found = (
        (vocabulary.places.get(id), it) for id, it in zip(block.ids, block.artists, strict=True)
    )
    return [(at, artist) for at, artist in found if at is not None and artist]


def _artists(
    owners: list[list[tuple[int, str]]], vocabulary: Vocabulary
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Of each track of the vocabulary the number of its first artist, −1 for none."""
    names = tuple(sorted({artist for part in owners for _, artist in part}))
    number = {artist: at for at, artist in enumerate(names)}
    codes = np.full(len(vocabulary), -1, dtype=np.int32)
    for part in owners:
        for at, artist in part:
            codes[at] = number[artist]
    return codes, names


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What was kept. `alike` maps spaces to rows of unheard-of tracks over the vocabulary."""

    unheard: tuple[str, ...]
    alike: dict[str, Matrix]
    new: tuple[KnownTrack, ...]


def stock_of(kept: Kept, width: int) -> Stock:
    """The stock of a generation; an empty one where there is none. `width` of its vocabulary."""
    ids = kept.arrays("unheard.npz")
    unheard = tuple(ids["tracks"].tolist()) if ids else ()
    alike = {space: Matrix((len(unheard), width), dtype=np.float32) for space in SPACES}
    for space in SPACES:
        it = kept.arrays(f"alike-{space}.npz")
        if it:
            parts = (it["data"], it["indices"], it["indptr"])
            alike[space] = Matrix(parts, shape=tuple(it["shape"]))
    data = kept.shelf.find(f"{model_folder(kept.generation)}/new.msgpack")
    new = msgspec.msgpack.decode(data, type=tuple[KnownTrack, ...]) if data else ()
    return Stock(unheard, alike, new)
