"""A deal: what one licensor lets us do with a track, in DDEX's words."""

from dataclasses import dataclass
from functools import lru_cache

from shared.errors import Invalid
from shared.rights.moments import moment_of
from shared.rights.territories import mask_of
from shared.rights.vocabulary import COMMERCIAL_MODELS, ON_DEMAND, PLANS, USE_TYPES, uses_of

GRANT, PRE_ORDER_DEAL, HOLDBACK = "grant", "pre_order", "holdback"
KINDS = (GRANT, PRE_ORDER_DEAL, HOLDBACK)
MAX_DEALS = 500


@dataclass(frozen=True, slots=True)
class Deal:
    """Terms that cover a track.

    `kind`: a "grant" lets; a "pre_order" lets the release be ordered and, from the dates given,
    be seen; a "holdback" forbids, whatever any grant says (without models or uses: all of them).
    `starts`, `ends` and the `*_from` are moments (`shared.rights.moments`), None unbounded,
    windows half-open. `models`, `uses`: DDEX's words. `territories` without `excluded`: ISO,
    TIS, Worldwide. `ours`: whether our distribution channel may act on it. `usages`: how often
    it may be used in all, None for any number. `clips`: those whose plan it does not cover may
    hear 30 s, as DDEX's deals let.
    """

    licence_id: str
    licensor_id: str
    models: tuple[str, ...]
    uses: tuple[str, ...]
    territories: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    starts: str | None = None
    ends: str | None = None
    kind: str = GRANT
    ours: bool = True
    usages: int | None = None
    display_from: str | None = None
    cover_from: str | None = None
    listing_from: str | None = None
    clips_from: str | None = None
    clips: bool = True


def check(deal: Deal) -> None:
    """Refuse a deal that cannot be understood, or that contradicts itself.

    Raises:
        Invalid: INVALID_TERRITORY, INVALID_MODEL, INVALID_USE, EMPTY_TERRITORY, EMPTY_WINDOW,
            INVALID_USAGES or INVALID_KIND.
    """
    if deal.kind not in KINDS:
        raise Invalid(f"no kind of deal: {deal.kind[:20]!r}", code="INVALID_KIND")
    for model in deal.models:
        check_model(model)
    for use in deal.uses:
        check_use(use)
    if deal.kind == GRANT and not deal.models:
        raise Invalid("a deal names no commercial model", code="INVALID_MODEL")
    if deal.kind == GRANT and not deal.uses:
        raise Invalid("a deal names no use", code="INVALID_USE")
    if not mask_of(deal.territories, deal.excluded):
        raise Invalid("a deal covers no territory", code="EMPTY_TERRITORY")
    if deal.usages is not None and deal.usages < 1:
        raise Invalid("a number of usages is at least 1", code="INVALID_USAGES")
    if deal.starts is not None and deal.ends is not None:
        start, end = moment_of(deal.starts), moment_of(deal.ends)
        if (start.tzinfo is None) == (end.tzinfo is None) and start >= end:
            raise Invalid(
                f"a window is empty: {deal.starts} is not before {deal.ends}", code="EMPTY_WINDOW"
            )


def check_model(model: str) -> None:
    """Refuse what is no commercial model of DDEX's. Raises Invalid (INVALID_MODEL)."""
    if model not in COMMERCIAL_MODELS:
        raise Invalid(f"no commercial model: {model[:40]!r}", code="INVALID_MODEL")


def check_use(use: str) -> None:
    """Refuse what is no use type of DDEX's. Raises Invalid (INVALID_USE)."""
    if use not in USE_TYPES:
        raise Invalid(f"no use type: {use[:40]!r}", code="INVALID_USE")


def grants(deal: Deal) -> frozenset[str]:
    """The uses that the deal lets us make, the narrower ones included."""
    return _all_uses(deal.uses)


def serves_us(deal: Deal) -> bool:
    """Whether it lets anybody listen here: only then do its dates show anything."""
    return deal.kind == PRE_ORDER_DEAL or (
        ON_DEMAND in grants(deal) and any(model in deal.models for model in PLANS.values())
    )


@lru_cache(maxsize=1024)
def _all_uses(uses: tuple[str, ...]) -> frozenset[str]:
    return frozenset(use for named in uses for use in uses_of(named))
