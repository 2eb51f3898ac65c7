"""A made-up catalog of any size, and searches for things in it by people who know them.

Sizes are those of a real one: of a million documents 7% artists, 15% albums, 74% tracks and 4%
playlists. Words follow Zipf's law; a tenth of the artists write themselves with diacritics, a
tenth in Chinese, Japanese or Korean script, a twentieth in style (P!nk, AC/DC, A$AP).
"""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from itertools import accumulate

from functions.search.document import Document
from functions.search.kinds import album, artist, playlist, track
from shared.events import AlbumChanged, ArtistChanged, Credit, PlaylistChanged, TrackChanged
from shared.ids import base62
from shared.territories import TERRITORIES, WORLDWIDE

_AT = datetime(2026, 1, 1, tzinfo=UTC)
# fmt: off
_ONSETS = ("b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m",
           "n", "p", "pl", "qu", "r", "s", "sh", "sl", "st", "t", "th", "tr", "v", "w", "y", "z")
_VOWELS = ("a", "e", "i", "o", "u", "ea", "oo", "ai", "ou")
_CODAS = ("", "", "", "n", "r", "l", "s", "t", "m", "ck", "nd", "st", "ng")
_COMMON = (
    "the", "of", "love", "you", "me", "my", "in", "and", "to", "night", "heart", "time", "day",
    "life", "baby", "dance", "world", "girl", "blue", "home", "light", "fire", "dream", "away",
    "song", "never", "rain", "sun", "live", "remix", "summer", "black", "man", "one", "little",
    "good", "back", "road", "river", "moon", "star", "sky", "house", "party", "soul", "eyes",
    "down", "city", "wild", "rock", "new", "last", "hold", "wait", "run", "lost",
)
_GENRES = ("pop", "rock", "hip-hop", "jazz", "classical", "techno", "folk", "r&b", "k-pop", "metal")
# fmt: on
_ACCENTS = {"a": "áàâäå", "e": "éèêë", "i": "íï", "o": "óöôø", "u": "úü", "n": "ñ", "c": "ç"}
_HAN = (
    "東京事変音楽夜空海風花月星光雨雪山川道心愛夢青白黒赤時間"
    "世界少女王子電気猫犬鳥魚春夏秋冬朝昼天地人生死歌声"
)
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
_HANGUL = "가나다라마바사아자차카타파하방탄소년단사랑해별빛달밤꿈하늘바다노래여름겨울봄"


@dataclass(frozen=True, slots=True)
class Known:
    """A search for one thing: `group` is exact, prefix, typo or symbols."""

    group: str
    kind: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """What any engine may look at."""

    kind: str
    id: str
    name: str
    by: str
    album: str
    popularity: int


class Corpus:
    """`documents` in total, the same ones for the same `seed`."""

    def __init__(self, documents: int, seed: int = 7) -> None:
        self.size = documents
        self.artists = documents * 7 // 100
        self.albums = documents * 15 // 100
        self.playlists = documents * 4 // 100
        self.tracks = documents - self.artists - self.albums - self.playlists
        self._seed = seed

    @cached_property
    def _words(self) -> tuple[list[str], list[float]]:
        random_ = random.Random(self._seed)
        words: dict[str, None] = dict.fromkeys(_COMMON)
        while len(words) < 60_000:
            word = "".join(
                random_.choice(_ONSETS) + random_.choice(_VOWELS) + random_.choice(_CODAS)
                for _ in range(random_.choice((1, 2, 2, 3)))
            )
            words[word] = None
        weights = accumulate(1 / (rank + 8) for rank in range(len(words)))
        return list(words), list(weights)

    def documents(self) -> Iterator[Document]:
        """Everything, kind by kind, as the index job is given it."""
        random_ = random.Random(self._seed + 1)
        people: list[tuple[str, str, str, int]] = []
        for _ in range(self.artists):
            script = random_.random()
            name = self._person(random_, script)
            popularity = min(100, int(random_.expovariate(1 / 14)))
            id = _id(random_)
            people.append((id, name, _script(script), popularity))
            yield artist(
                ArtistChanged(
                    event_id=id, occurred_at=_AT, artist_id=id, revision=1, name=name,
                    aliases=(), genres=(random_.choice(_GENRES),), isni=None, ipi=None,
                    cover_id=None, popularity=popularity, merged_into=None, removed=False,
                )
            )  # fmt: skip
        weights = list(accumulate(1 / (rank + 20) for rank in range(self.artists)))
        left = self.tracks
        tracks: list[str] = []
        for number in range(self.albums):
            id, name, script, popularity = random_.choices(people, cum_weights=weights)[0]
            songs = min(left, round(self.tracks / self.albums * random_.uniform(0.2, 1.8)))
            if number == self.albums - 1:
                songs = left
            left -= songs
            for document in self._release(random_, id, name, script, popularity, songs, people):
                if document.kind == "track":
                    tracks.append(document.id)
                yield document
        for _ in range(self.playlists):
            id = _id(random_)
            listed = playlist(
                PlaylistChanged(
                    event_id=id, occurred_at=_AT, playlist_id=id, revision=random_.randrange(200),
                    owner_id=_id(random_), kind="list",
                    name=self._title(random_, "latin", random_.choice((2, 3, 4))), description="",
                    visibility="public", collaborators=(), item_count=random_.randrange(300),
                    track_ids=(random_.choice(tracks),), image_id=None, removed=False,
                )
            )  # fmt: skip
            yield replace(
                listed, by=(self._person(random_, 1.0),), popularity=random_.randrange(40)
            )

    def _release(self, random_, by_id, by, script, popularity, songs, people):
        album_id, title = _id(random_), self._title(random_, script, random_.choice((1, 2, 2, 3)))
        cover = f"{random_.getrandbits(256):064x}"
        year = random_.randrange(1960, 2027)
        released = f"{year}-{random_.randrange(1, 13):02}-{random_.randrange(1, 29):02}"
        genre = (random_.choice(_GENRES),)
        label = f"{random_.choice(_COMMON)} {random_.choice(('records', 'music', 'sound'))}"
        main = Credit(by_id, by, "main")
        country, registrant = random_.choice(("US", "GB", "SE", "JP")), random_.randrange(1000)
        ids: list[str] = []
        for number in range(1, songs + 1):
            credits = (main,)
            if random_.random() < 0.15:
                guest = random_.choice(people)
                credits = (main, Credit(guest[0], guest[1], "featured"))
            ids.append(_id(random_))
            yield track(
                TrackChanged(
                    event_id=album_id, occurred_at=_AT, track_id=ids[-1], revision=1,
                    title=self._title(random_, script, random_.choice((1, 2, 2, 3, 3, 4))),
                    artists=(), album=title, duration_ms=random_.randrange(90_000, 400_000),
                    isrc=f"{country}{registrant:03}{year % 100:02}{random_.randrange(99999):05}",
                    explicit=random_.random() < 0.1, cover_id=cover, audio_id="audio",
                    integrated_lufs=None, true_peak_dbtp=None, gain_db=None, renditions=(),
                    manifests=(), preview_path=None, waveform_path=None, removed=False,
                    album_id=album_id, album_type="album", album_artists=(main,), credits=credits,
                    disc_number=1, track_number=number, genres=genre, release_date=released,
                    label=label, popularity=max(0, popularity - random_.randrange(30)),
                    blocked_markets=(blocked := ("CN", "RU") if random_.random() < 0.05 else ()),
                    clip_markets=_clips(blocked) if registrant % 5 else (),
                )
            )  # fmt: skip
        yield album(
            AlbumChanged(
                event_id=album_id, occurred_at=_AT, album_id=album_id, revision=1, title=title,
                version=None, album_type="album", artists=(main,), label=label,
                upc=f"{random_.randrange(10**12):012}", release_date=released, genres=genre,
                moods=(), p_line=None, c_line=None, cover_id=cover, track_ids=tuple(ids),
                supersedes=None, superseded_by=None, removed=False,
            )
        )  # fmt: skip

    def _word(self, random_: random.Random) -> str:
        words, weights = self._words
        return random_.choices(words, cum_weights=weights)[0]

    def _title(self, random_: random.Random, script: str, length: int) -> str:
        if script in ("han", "kana", "hangul") and random_.random() < 0.8:
            letters = {"han": _HAN, "kana": _KANA, "hangul": _HANGUL}[script]
            return "".join(random_.choices(letters, k=length + 2))
        title = " ".join(self._word(random_).capitalize() for _ in range(length))
        return _accented(random_, title) if script == "accented" else title

    def _person(self, random_: random.Random, script: float) -> str:
        kind = _script(script)
        if kind in ("han", "kana", "hangul"):
            letters = {"han": _HAN, "kana": _KANA, "hangul": _HANGUL}[kind]
            return "".join(random_.choices(letters, k=random_.choice((3, 4, 4, 5))))
        words = self._words[0]
        name = " ".join(
            random_.choice(words).capitalize() for _ in range(random_.choice((1, 2, 2, 2, 3)))
        )
        if kind == "accented":
            return _accented(random_, name)
        return _stylised(random_, name) if kind == "stylised" else name


def searches(corpus: Corpus, documents: list[Row], count: int) -> list[Known]:
    """About `count` searches, of things whose name and maker nobody else shares."""
    random_ = random.Random(99)
    names: dict[tuple[str, str], int] = {}
    whole: dict[tuple[str, str, str], int] = {}
    for row in documents:
        names[row.kind, row.name] = names.get((row.kind, row.name), 0) + 1
        same = (row.kind, row.name, row.by)
        whole[same] = whole.get(same, 0) + 1
    found: list[Known] = []
    shares = {"exact": 0.4, "prefix": 0.22, "typo": 0.22, "symbols": 0.16}
    for group, share in shares.items():
        wanted, tries = round(count * share), 0
        taken = 0
        while taken < wanted and tries < 400 * wanted:
            tries += 1
            row = random_.choice(documents)
            if group == "symbols" and not _SYMBOLS & {*row.name, *row.by}:
                continue
            if whole[row.kind, row.name, row.by] > 1:
                continue
            alone = names[row.kind, row.name] == 1 and (len(row.name.split()) > 1 or not row.by)
            text = row.name if alone and random_.random() < 0.5 else f"{row.name} {row.by}".strip()
            if not alone and not row.by:
                continue
            asked = _asked(random_, group, text)
            if asked is not None:
                found.append(Known(group, row.kind, row.id, asked))
                taken += 1
    return found


_SYMBOLS = frozenset("$!@/.-")


def _asked(random_: random.Random, group: str, text: str) -> str | None:
    """What is typed by somebody who means `text`; None if this group has no way to type it."""
    if group == "exact":
        return text if random_.random() < 0.6 else _typed_plainly(text)
    if group == "symbols":
        plain = text.translate(str.maketrans({"$": "s", "!": "i", "@": "a"}))
        return random_.choice((text, plain, "".join(it for it in plain if it not in "/.-")))
    words = _typed_plainly(text).split()
    if group == "prefix":
        if len(words) < 2 or len(words[-1]) < 4:
            return None
        words[-1] = words[-1][: random_.randrange(2, len(words[-1]))]
        return " ".join(words)
    long = [at for at, word in enumerate(words) if len(word) >= 5 and word.isascii()]
    if not long:
        return None
    at = random_.choice(long)
    words[at] = _misspelt(random_, words[at])
    return " ".join(words)


def _typed_plainly(text: str) -> str:
    """Without capitals and without the diacritics that are not on everybody's keyboard."""
    plain = {accent: letter for letter, accents in _ACCENTS.items() for accent in accents}
    return "".join(plain.get(letter, letter) for letter in text.lower())


def _misspelt(random_: random.Random, word: str) -> str:
    at = random_.randrange(1, len(word) - 1)
    kind = random_.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 2:
        return word[:at] + random_.choice(string.ascii_lowercase) + word[at:]
    return word[:at] + random_.choice(string.ascii_lowercase) + word[at + 1 :]


@cache
def _clips(blocked: tuple[str, ...]) -> tuple[str, ...]:
    """Where a preview is heard: where the track is."""
    return tuple(sorted(TERRITORIES.difference(blocked))) if blocked else (WORLDWIDE,)


def _script(at: float) -> str:
    for limit, name in (
        (0.04, "han"), (0.07, "kana"), (0.1, "hangul"), (0.2, "accented"), (0.25, "stylised"),
    ):  # fmt: skip
        if at < limit:
            return name
    return "latin"


def _accented(random_: random.Random, text: str) -> str:
    return "".join(
        random_.choice(_ACCENTS[letter])
        if letter in _ACCENTS and random_.random() < 0.35
        else letter
        for letter in text
    )


def _stylised(random_: random.Random, text: str) -> str:
    style = random_.randrange(3)
    if style == 0:
        return text[0] + text[1:].translate(str.maketrans({"s": "$", "i": "!", "a": "@"}))
    if style == 1:
        return "/".join(random_.choices(string.ascii_uppercase, k=4)) + " " + text
    return text.replace(" ", "-")


def _id(random_: random.Random) -> str:
    """As `shared.ids.new_id` makes them: 128 bits."""
    number = 0
    for value in random_.choices(range(62), k=22):
        number = number * 62 + value
    return base62((number % (1 << 128)).to_bytes(16, "big"))
