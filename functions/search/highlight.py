"""Where a found name answers to what was typed, and what was probably meant by a misspelt word."""

import re
from collections.abc import Iterable
from functools import lru_cache

from functions.search.plan import MOST_GUESSED
from functions.search.query import Query, Word
from shared.text import fold, index_tokens, words

_WORD = re.compile(r"\S+")
MAX_NAME_CHARS = 300


def highlights(name: str, query: Query) -> list[list[int]]:
    """Spans [start, end) of `name`, in code points, that words of `query` match, the first of
    them and of its filters also misspelt."""
    spans: list[list[int]] = []
    filters = [word for _, value in query.filters for word in value]
    asked = [(word, at < MOST_GUESSED) for each in (query.words, filters)
             for at, word in enumerate(each)]  # fmt: skip
    for match in _WORD.finditer(name[:MAX_NAME_CHARS]):
        tokens = set(index_tokens(match[0]))
        for at, (word, guessed) in enumerate(asked):
            begun = query.open and at == len(query.words) - 1
            if span := _within(match[0], tokens, word, begun=begun, guessed=guessed):
                spans.append([match.start() + span[0], match.start() + span[1]])
                break
    return spans


def _within(
    text: str, tokens: set[str], word: Word, *, begun: bool, guessed: bool
) -> tuple[int, int] | None:
    """The part of one word of a name that answers to a word of the query."""
    for reading in word:
        # Scripts without spaces: the run of characters itself, where folding moved nothing.
        run = reading[0] + "".join(token[-1] for token in reading[1:])
        folded = fold(text)
        if not run.isascii() and len(folded) == len(text) and (at := folded.find(run)) >= 0:
            return at, at + len(run)
        if all(token in tokens for token in reading):
            return 0, len(text)
        if begun and len(reading) == 1 and any(it.startswith(reading[0]) for it in tokens):
            return 0, len(reading[0]) if fold(text).startswith(reading[0]) else len(text)
        if guessed and any(_near(token, other) for token in reading for other in tokens):
            return 0, len(text)
    return None


def did_you_mean(query: Query, names: Iterable[str]) -> str | None:
    """`query` in the spelling of what it found; None if that is how it was spelt.

    `names` are those of the best hit: its own, its artists', its album's.
    """
    known = [
        (text, set(index_tokens(text))) for name in names for text in name[:MAX_NAME_CHARS].split()
    ]
    typed = query.text.split()
    if len(typed) != len(query.words):
        return None
    meant: list[str] = []
    for text, word in zip(typed, query.words, strict=True):
        if any(
            all(token in tokens for token in reading) for reading in word for _, tokens in known
        ):
            meant.append(text)
            continue
        better = next(
            (other for other, tokens in known if any(_near(word[0][0], it) for it in tokens)), text
        )
        meant.append(better)
    suggestion = " ".join(meant)
    same = [it[0] for it in words(suggestion)] == [it[0] for it in query.words]
    return None if same else suggestion.lower()


@lru_cache(1 << 13)
def _near(one: str, other: str) -> bool:
    """Whether search would take one for the other's misspelling: one edit, two in long words."""
    allowed = 0 if len(one) < 3 else 2 if len(one) >= 6 else 1
    if abs(len(one) - len(other)) > allowed:
        return False
    # An edit takes a letter away, adds one, or both: most words differ by more, seen at once.
    few = len(set(one) ^ set(other)) <= 2 * allowed
    return few and 0 < distance(one, other) <= allowed


def distance(one: str, other: str) -> int:
    """Edits from one to the other; swapping two neighbours is one edit (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row, earlier = row, [i], before
        for j, right in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
