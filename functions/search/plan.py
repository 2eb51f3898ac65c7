"""From a parsed query to Tantivy queries, from the strictest to the most forgiving.

`strict`: every word is there, the last one maybe only begun. `close`: words may be misspelt.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from tantivy import FieldType, Occur
from tantivy import Query as Node

from functions.search.query import Query, Word
from functions.search.schema import BEGINNING, RANK_OFFSET, days_of, place_of, schema, whole_of
from shared.text import key

NEW_DAYS = 14
"""`tag:new` is what was released within these; `tag:hipster` the least heard tenth."""
HIPSTER_POPULARITY = 10
MOST_GUESSED = 8
"""Words of a query that may be misspelt, and as many of its filters. The rest stands as it is."""
_GUESSED_READINGS = 2
"""Ways to read a word that may be misspelt, the likeliest ones."""

_WEIGHTS = {"name": 2.0, "by": 1.2, "album": 0.5}
_WHOLE, _BEGINS = 12.0, 3.0
_PREFIX, _FUZZY = 0.6, 0.3
_FIELDS = {
    "track": ("name", "by", "album"),
    "album": ("name", "by"),
    "playlist": ("name", "by"),
    "show": ("name", "by"),
    "episode": ("name", "by"),
}
# Where a filter's words are looked up, by kind. A kind that is not here has no such filter.
_FILTERED = {
    "artist": {"artist": "name", "album": "by", "track": "by"},
    "album": {"album": "name", "track": "album"},
    "track": {"track": "name"},
    "genre": dict.fromkeys(("artist", "album", "track"), "genre"),
    "label": dict.fromkeys(("album", "track"), "label"),
    "year": dict.fromkeys(("album", "track"), "year"),
    "isrc": {"track": "isrc"},
    "upc": {"album": "upc"},
    "tag:new": {"album": "released"},
    "tag:hipster": {"album": "rank"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A search of one kind. `rows` are those of the generation that have the code asked for."""

    kind: str
    query: Query
    market: str | None
    today: date
    rows: tuple[int, ...] = ()


def fields_of(kind: str) -> tuple[str, ...]:
    """The fields in which free text is looked up."""
    return _FIELDS.get(kind, ("name",))


def applies(kind: str, query: Query) -> bool:
    """Whether `kind` has every filter that `query` uses; if not, nothing of it is found."""
    return all(kind in _FILTERED[name] for name in query.fields)


def strict(asked: Asked) -> Node:
    """Every word is there; the last may be only begun, if the query is open."""
    query = asked.query
    clauses = _filters(asked, distance=0)
    if query.words:
        fields = fields_of(asked.kind)
        last = len(query.words) - 1
        musts = [
            (Occur.Must, _word(fields, word, begun=query.open and at == last))
            for at, word in enumerate(query.words)
        ]
        either = [Node.boost_query(_term("key", whole_of(query.text)), _WHOLE)]
        if query.open:
            whole = key(query.text)
            begins = Node.boost_query(_prefix("key", whole[:BEGINNING]), _BEGINS)
            if len(whole) > BEGINNING:  # what comes after is not known: the words have to say so
                musts.append((Occur.Should, begins))
            else:
                either.append(begins)
        either.append(_all(musts))
        clauses.append((Occur.Must, _any(either)))
    return _all(clauses or [(Occur.Must, Node.all_query())])


def close(asked: Asked, *, distance: int, doubtful: Callable[[Word, bool], bool]) -> Node:
    """As `strict`, but words that are `doubtful` may differ by `distance` edits (2: long ones).

    `doubtful` is given a word, and whether it may be only begun.
    """
    query = asked.query
    clauses = _filters(asked, distance=distance)
    fields = fields_of(asked.kind)
    last = len(query.words) - 1
    for at, word in enumerate(query.words):
        begun = query.open and at == last
        node = (
            _fuzzy(fields, word, distance, begun=begun)
            if doubtful(word, begun)
            else _word(fields, word, begun=begun)
        )
        clauses.append((Occur.Must, node))
    return _all(clauses or [(Occur.Must, Node.all_query())])


def loose(asked: Asked, *, doubtful: Callable[[Word, bool], bool]) -> Node:
    """All words but one, misspelt if they are `doubtful`: somebody remembers a word wrongly."""
    fields, words = fields_of(asked.kind), asked.query.words
    shoulds = [
        (Occur.Should, _fuzzy(fields, it, 1) if doubtful(it, False) else _word(fields, it))
        for it in words
    ]
    node = Node.boolean_query(shoulds, minimum_number_should_match=len(shoulds) - 1)
    return _all([*_filters(asked, distance=0), (Occur.Must, node)])


def unheard(asked: Asked) -> Node:
    """As `strict`, of what hardly anybody has heard."""
    few = Node.range_query(
        schema(), "rank", FieldType.Unsigned, RANK_OFFSET, RANK_OFFSET + HIPSTER_POPULARITY
    )
    return strict(asked).and_must_match(Node.const_score_query(few, 0.0))


def at_row(row: int) -> Node:
    """What has its card in this row of the generation."""
    parts = zip(("page", "place"), place_of(row), strict=True)
    return _all([(Occur.Must, Node.term_query(schema(), name, it, "basic")) for name, it in parts])


def _filters(asked: Asked, *, distance: int) -> list[tuple[Occur, Node]]:
    query = asked.query
    clauses: list[tuple[Occur, Node]] = []
    if sum(len(words) for _, words in query.filters) > MOST_GUESSED:
        distance = 0
    for name, words in query.filters:
        fields = (_FILTERED[name][asked.kind],)
        for word in words:
            node = _fuzzy(fields, word, distance) if distance else _word(fields, word)
            clauses.append((Occur.Must, node))
    must: list[Node] = []
    if query.years:
        first, last = query.years
        years = [f"{year:04}" for year in range(first, min(last, 2200) + 1)]
        must.append(Node.term_set_query(schema(), "year", years))
    if query.isrc:
        must.append(_any([_term("isrc", query.isrc), *map(at_row, asked.rows)]))
    if query.upc:
        must.append(_any([_term("upc", query.upc), *map(at_row, asked.rows)]))
    if "new" in query.tags:
        days = days_of(asked.today)
        must.append(
            Node.term_set_query(schema(), "released", list(range(days - NEW_DAYS, days + 1)))
        )
    clauses += [(Occur.Must, Node.const_score_query(node, 1.0)) for node in must]
    if asked.market:
        clauses.append((Occur.MustNot, _term("blocked", asked.market)))
    return clauses


def _word(fields: Iterable[str], word: Word, *, begun: bool = False) -> Node:
    """Any reading of the word in any field; with `begun` also what starts with it."""
    nodes: list[Node] = []
    for field in fields:
        found = [_reading(field, reading) for reading in word]
        if begun and len(word[0][-1]) >= (1 if field == "name" else 2):
            found += [_begun(field, reading) for reading in word]
        weight = _WEIGHTS.get(field, 1.0)
        nodes += [Node.boost_query(node, weight) if weight != 1.0 else node for node in found]
    return nodes[0] if len(nodes) == 1 else Node.disjunction_max_query(nodes, 0.1)


def _reading(field: str, reading: tuple[str, ...]) -> Node:
    if len(reading) == 1:
        return _term(field, reading[0])
    return _all([(Occur.Must, _term(field, token)) for token in reading])


def _begun(field: str, reading: tuple[str, ...]) -> Node:
    """The reading, its last token only begun."""
    prefix = Node.boost_query(_prefix(field, reading[-1]), _PREFIX)
    if len(reading) == 1:
        return prefix
    return _all([*((Occur.Must, _term(field, it)) for it in reading[:-1]), (Occur.Must, prefix)])


def _fuzzy(fields: Iterable[str], word: Word, distance: int, *, begun: bool = False) -> Node:
    """The word as it is or a few edits away, and what starts like that if it is `begun`."""
    fields = tuple(fields)
    nodes = [_word(fields, word, begun=begun)]
    tokens = [reading[0] for reading in word if len(reading) == 1]
    for token in tokens[:_GUESSED_READINGS]:
        if edits := _edits(token, distance):
            for field in fields:
                node = Node.fuzzy_term_query(schema(), field, token, edits, True, begun)
                nodes.append(Node.boost_query(node, _FUZZY * _WEIGHTS.get(field, 1.0)))
    return nodes[0] if len(nodes) == 1 else Node.disjunction_max_query(nodes, 0.1)


def _edits(token: str, distance: int) -> int:
    """How many edits a token of its length may be away: none of the shortest."""
    if len(token) < 3:
        return 0
    return distance if len(token) >= 6 else 1


def _term(field: str, text: str) -> Node:
    return Node.term_query(schema(), field, text, "basic")


def _prefix(field: str, text: str) -> Node:
    return Node.fuzzy_term_query(schema(), field, text, 0, True, True)


def _any(nodes: list[Node]) -> Node:
    return Node.boolean_query([(Occur.Should, node) for node in nodes])


def _all(clauses: list[tuple[Occur, Node]]) -> Node:
    return Node.boolean_query(clauses)
