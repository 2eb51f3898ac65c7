"""Text as tokens, in whatever language it is. Pure.

The language is guessed by its stop words, which are then left out; endings are cut lightly
(Savoy, "Light stemming approaches for the French, Portuguese, German and Hungarian languages",
2006, in the spirit of; Harman's s-stemmer for English, 1991). Scripts without spaces are read by
pairs of characters.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from shared.text import fold

MOST_TOKENS = 20_000
MOST_TOKEN_CHARS = 30
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?|\d{2,4}s?")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")

_STOP: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the a an and or but of to in on at for with from by as is are was were be been it "
        "its this that these those he she they we you i his her their our your my me him them us "
        "not no so if then than there here what which who when where how all any some more most "
        "just do does did have has had will would can could should about into out up down over "
        "after before because while one also very too own same other only like don't it's i'm",
        "de": "der die das und oder aber von zu im in auf an fur mit aus bei als ist sind war "
        "waren sein es ein eine einer einen dem den des er sie wir ihr ich nicht kein so wenn dann "
        "hier was wer wie alle mehr nur auch sehr noch wird werden hat haben hatte uber nach vor "
        "durch um bis dass sich mein dein sein unser mich dich uns",
        "fr": "le la les un une des et ou mais de du a au aux en dans sur pour avec par est sont "
        "etait etre il elle ils elles nous vous je tu on ce cette ces son sa ses leur mon ma mes "
        "ton ta ne pas plus que qui quoi dont ou quand comme tout tous tres si y se sans c'est",
        "es": "el la los las un una unos unas y o pero de del a al en con por para es son era ser "
        "el ella ellos nosotros yo tu que quien cuando donde como no si mas muy todo todos este "
        "esta estos su sus mi mis se lo le les ya sin sobre entre hay",
        "it": "il lo la i gli le un una uno e o ma di del della dei a al alla in nel con per da "
        "dal su e sono era essere che chi quando dove come non piu molto tutto questo questa suo "
        "sua mio mia si ci io tu noi voi loro anche",
        "pt": "o a os as um uma e ou mas de do da dos das em no na nos nas com por para e sao era "
        "ser que quem quando onde como nao mais muito tudo este esta seu sua meu minha se eu tu "
        "ele ela nos eles ja sem sobre",
        "nl": "de het een en of maar van te in op aan voor met uit bij als is zijn was waren er "
        "dat die dit deze hij zij wij ik je niet geen zo dan hier wat wie hoe alle meer ook nog "
        "wordt heeft hebben had over na door om tot mijn jouw ons",
        "sv": "och eller men av att i pa for med fran som ar var det den de en ett han hon vi du "
        "jag inte om sa nar dar har hur alla mer bara ocksa mycket sin min din oss sig till over",
    }.items()
}
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "en": ("ing", "ies", "es", "s", "ed", "ly"),
    "de": ("ungen", "ung", "en", "er", "es", "e", "s"),
    "fr": ("ement", "es", "e", "s", "x"),
    "es": ("mente", "es", "as", "os", "a", "o", "s"),
    "it": ("mente", "i", "e", "a", "o"),
    "pt": ("mente", "es", "as", "os", "a", "o", "s"),
    "nl": ("en", "e", "s"),
    "sv": ("arna", "erna", "ar", "er", "en", "et", "a", "e"),
}
_LEAST_STEM = 3


def language_of(words: Iterable[str]) -> str | None:
    """The language whose stop words are most frequent; None where hardly any are known."""
    counts = Counter(words)
    total = sum(counts.values())
    scores = {
        language: sum(counts[word] for word in stop if word in counts)
        for language, stop in _STOP.items()
    }
    best = max(scores, key=lambda language: scores[language])
    return best if total and scores[best] >= max(2, 0.08 * total) else None


def tokens(text: str, language: str | None = None) -> list[str]:
    """The words of `text` that mean something, folded and cut; at most `MOST_TOKENS`.

    `language` is a BCP 47 tag where it is known; otherwise it is guessed.
    """
    folded = fold(text[: 20 * MOST_TOKENS])
    words = [it[:MOST_TOKEN_CHARS] for it in _WORD.findall(_UNSPACED.sub(" ", folded))]
    words = words[:MOST_TOKENS]
    known = (language or "").split("-")[0].lower()
    if known not in _STOP:
        known = language_of(words) or ""
    stop, endings = _STOP.get(known, frozenset()), _ENDINGS.get(known, ())
    found = [_stem(word, endings) for word in words if word not in stop]
    for run in _UNSPACED.findall(folded)[:MOST_TOKENS]:
        found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return found[:MOST_TOKENS]


def _stem(word: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word
