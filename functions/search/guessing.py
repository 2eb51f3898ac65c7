"""What is asked of an index that has found too little: which words are taken for misspelt. Pure.

To look for all that is spelt much like a word costs a hundred times looking for the word, in each
of its fields, so there is a bound: whoever types many words may misspell a few of them.
"""

from collections.abc import Callable, Iterator

from tantivy import Query as Node

from functions.search import plan
from functions.search.plan import MOST_GUESSED, Asked
from functions.search.query import Word

Known = Callable[[Word, bool], bool]
"""Whether anything is called by a word, or (True) by one that begins like it."""


def guesses(asked: Asked, known: Known) -> Iterator[Node]:
    """Queries from the cheapest to the widest; a word that nobody uses is misspelt for certain.

    Of more than MOST_GUESSED words only such ones are guessed. Where they alone are more, there
    is nothing to try: one at least would be taken as it stands, and nothing has it.
    """
    words = asked.query.words

    def unknown(word: Word, begun: bool) -> bool:
        return not known(word, begun)

    def any_word(word: Word, begun: bool) -> bool:
        return True

    surely = sum(unknown(word, False) for word in words)
    if len(words) > MOST_GUESSED:
        if surely <= MOST_GUESSED:
            if surely or asked.query.filters:
                yield plan.close(asked, distance=1, doubtful=unknown)
                yield plan.close(asked, distance=2, doubtful=unknown)
            yield plan.loose(asked, doubtful=unknown)
        return
    if 0 < surely < len(words):
        yield plan.close(asked, distance=1, doubtful=unknown)
        yield plan.close(asked, distance=2, doubtful=unknown)
    yield plan.close(asked, distance=1, doubtful=any_word)
    yield plan.close(asked, distance=2, doubtful=any_word)
    if len(words) > 2:
        yield plan.loose(asked, doubtful=any_word)
