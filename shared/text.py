"""The one normaliser of names: what is indexed and what is asked go through the same folding.

    Beyoncé        beyonce                     ＡＢＢＡ    abba
    AC/DC          ac dc · acdc                P!nk        pink · p nk · pnk
    Björk          bjork · bjoerk              R.E.M.      r e m · rem
    東京事変        東 京 事 変 東京 京事 事変     !!!         !!!

A word may have several readings, each a tuple of tokens. An index holds the tokens of all; a
query is content with any one reading, all of whose tokens must be there.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

Reading = tuple[str, ...]

MAX_TOKEN_CHARS = 40
"""Longer tokens are cut: nobody types them, and an index grows by what nobody types."""
MAX_KEY_CHARS = 64
_MAX_SYMBOLS = 8

# Letters that Unicode does not decompose, in the spelling of who cannot type them.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th",
     "ð": "d", "ı": "i", "ŋ": "n", "ĸ": "k", "ß": "ss"}
)  # fmt: skip
# The other way to write them (Mueller, Bjoerk, Aarhus).
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_HAS_DIGRAPH = re.compile("[äöüåø]")
# Accents, vowel points and enclosures; not the voicing of kana nor the vowels of Indic scripts.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
_LEET = str.maketrans({"$": "s", "!": "i", "@": "a"})
_HAS_LEET = re.compile(r"[$!@]")
# Scripts written without spaces: read by the character and by pairs.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_SCRIPTS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
# Vowel signs are no letters to Python, but nor do they end a word.
_RUN = re.compile(r"(?:[^\W_]|[\u0900-\u0963\u0966-\u0dff\u0e00-\u109f\u1780-\u17ff\u3099\u309a])+")
_AND = {"&": "and", "+": "and"}
# What titles abbreviate, one way or the other: either spelling finds both.
_SYNONYMS = {
    "n": "and", "feat": "featuring", "ft": "featuring", "pt": "part", "vol": "volume",
    "rmx": "remix", "vs": "versus", "orig": "original", "instr": "instrumental", "st": "saint",
    "mr": "mister", "dr": "doctor", "symph": "symphony", "op": "opus",
}  # fmt: skip
_FOLDINGS = 4


def fold(text: str) -> str:
    """`text` without compatibility forms, case and diacritics. Folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    for _ in range(_FOLDINGS):
        before = text
        text = unicodedata.normalize("NFKC", text).casefold()
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
        text = unicodedata.normalize("NFKC", text)
        if text == before:
            break
    return text


def words(text: str) -> list[tuple[Reading, ...]]:
    """The words of `text`, each with its readings, the likeliest first. A word of nothing but
    punctuation is left out, unless all of them are: there is a band called "!!!"."""
    found = [readings for word in text.split() if (readings := _readings(word))]
    if found:
        return found
    # A diacritic that stands alone folds to a space: it is kept as it is.
    signs = ["".join(fold(word).split()) or word for word in text.split()[:_MAX_SYMBOLS]]
    return [((sign[:_MAX_SYMBOLS],),) for sign in signs]


def index_tokens(text: str) -> list[str]:
    """Every token by which `text` is to be found, in order; a repeated word repeats its tokens."""
    tokens: list[str] = []
    for readings in words(text):
        seen: dict[str, None] = {}
        for reading in readings:
            seen.update(dict.fromkeys(reading))
        for run in [token for token in seen if len(token) > 1 and _HAS_UNSPACED.match(token)]:
            seen.update(dict.fromkeys(run))  # a single character is asked for as such
        tokens += seen
    return tokens


def key(text: str) -> str:
    """`text` as one token, for equality of whole names: AC/DC, ac dc and ACDC are `acdc`."""
    return "".join(_whole(readings) for readings in words(text))[:MAX_KEY_CHARS]


def _whole(readings: tuple[Reading, ...]) -> str:
    first = readings[0]
    if len(first) > 1 and all(len(token) == 2 and _HAS_UNSPACED.match(token) for token in first):
        return first[0] + "".join(token[1] for token in first[1:])
    return "".join(first)


@lru_cache(maxsize=1 << 15)
def _readings(word: str) -> tuple[Reading, ...]:
    """Of one word between spaces; empty if nothing in it can be read."""
    if word.isascii() and word.isalnum():
        token = word.lower()[:MAX_TOKEN_CHARS]
        return ((token,), (_SYNONYMS[token],)) if token in _SYNONYMS else ((token,),)
    folded = fold(word)
    if folded in _AND:
        return ((_AND[folded],),)
    found: dict[Reading, None] = {}
    if _HAS_LEET.search(folded):
        found.update(dict.fromkeys(_of_runs(_RUN.findall(folded.rstrip("!").translate(_LEET)))))
    found.update(dict.fromkeys(_of_runs(_RUN.findall(folded))))
    lowered = "" if word.isascii() else unicodedata.normalize("NFC", word).lower()
    if _HAS_DIGRAPH.search(lowered):
        runs = _RUN.findall(fold(lowered.translate(_DIGRAPHS)))
        found.update(dict.fromkeys(_of_runs(runs)))
    for reading in list(found):
        if len(reading) == 1 and reading[0] in _SYNONYMS:
            found[(_SYNONYMS[reading[0]],)] = None
    return tuple(found)


def _of_runs(runs: list[str]) -> list[Reading]:
    """Letters that punctuation holds together: glued first, and apart."""
    if not runs:
        return []
    apart = tuple(token for run in runs for token in _split(run))
    if len(runs) == 1 or any(_HAS_UNSPACED.search(run) for run in runs):
        return [apart]
    return [("".join(runs)[:MAX_TOKEN_CHARS],), apart]


def _split(run: str) -> list[str]:
    """A run of letters; where it is in a script without spaces, its pairs of characters."""
    if run.isascii() or not _HAS_UNSPACED.search(run):
        return [run[:MAX_TOKEN_CHARS]]
    tokens: list[str] = []
    for part in _SCRIPTS.findall(run):
        if _HAS_UNSPACED.match(part) and len(part) > 1:
            tokens += [first + second for first, second in pairwise(part)]
        else:
            tokens.append(part[:MAX_TOKEN_CHARS])
    return tokens
