"""Why something is offered, in a sentence. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from functions.recommendations.blending import Chosen
from functions.recommendations.candidates import (
    AUDIO,
    CHARTS,
    FAMILIAR,
    FRESH,
    LISTENING,
    SEEDS,
    SESSION,
    SOCIAL,
    TEXT,
)

_WITH: Mapping[str, str] = {
    LISTENING: "Because you listened to {}",
    AUDIO: "Sounds like {}",
    TEXT: "Written about in the same words as {}",
    SOCIAL: "{} listens to this",
    FRESH: "New from {}",
    SESSION: "Goes with {}",
    SEEDS: "Similar to {}",
    CHARTS: "Popular where you are",
    FAMILIAR: "You like {}",
}
_WITHOUT: Mapping[str, str] = {
    LISTENING: "Listeners with your taste play this",
    AUDIO: "Sounds like what you play",
    TEXT: "Written about in the words of what you play",
    SOCIAL: "Your friends listen to this",
    FRESH: "New where you are",
    SESSION: "Goes with what you are playing",
    SEEDS: "Similar to what you chose",
    CHARTS: "Popular where you are",
    FAMILIAR: "You play this",
}
_MOST_NAMES = 2


def reason(chosen: Chosen, names: Mapping[str, str]) -> str:
    """One sentence for `chosen`; `names` tells what the ids in `because` are called.

    Ids without a name are passed over: a removed track explains nothing any more.
    """
    known = [names[id] for id in chosen.because if names.get(id)]
    if not known:
        return _WITHOUT[chosen.source]
    return _WITH[chosen.source].format(joined(list(dict.fromkeys(known))[:_MOST_NAMES]))


def reasons(items: Iterable[Chosen], names: Mapping[str, str]) -> tuple[str, ...]:
    """`reason` for each, in order."""
    return tuple(reason(it, names) for it in items)


def joined(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
