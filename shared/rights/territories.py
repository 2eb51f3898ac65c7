"""Territories as bits of one integer: ISO 3166-1, parts of Spain, TIS groups, Worldwide.

`ES` is Spain but for the parts that have codes of their own; a deal for `ES` covers those too,
unless it excludes them.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from shared.errors import Invalid
from shared.rights.tis import GROUPS, NUMBERS
from shared.territories import TERRITORIES, WORLDWIDE

PARTS: Mapping[str, tuple[str, ...]] = {"ES": ("ES-CE", "ES-CN", "ES-ML")}
"""Parts of countries that licences tell apart (ISO 3166-2)."""

ALL = (*sorted(TERRITORIES), *(part for parts in PARTS.values() for part in parts))
"""Every territory that somebody may listen in, in the order of their bits."""

BITS: Mapping[str, int] = {code: 1 << place for place, code in enumerate(ALL)}
EVERYWHERE = (1 << len(ALL)) - 1
_WORLD = frozenset({WORLDWIDE, "Worldwide", "2WL", "2136"})


@lru_cache(maxsize=1024)
def bits_of(code: str) -> int:
    """The territories that `code` stands for, as bits: `SE`, `752`, `ES-CN`, `2EN`, `Worldwide`.

    Raises:
        Invalid: no such territory (code INVALID_TERRITORY).
    """
    if code in _WORLD:
        return EVERYWHERE
    number = code.lstrip("0") if code.isdigit() else code
    if number in GROUPS:
        return _together(GROUPS[number])
    found = NUMBERS.get(number, code)
    if found not in BITS:
        raise Invalid(f"{code[:20]!r} is no territory", code="INVALID_TERRITORY")
    return _together((found,))


def mask_of(included: Iterable[str], excluded: Iterable[str]) -> int:
    """`included` without `excluded`, as bits. Exclusions win, whatever the order.

    Raises:
        Invalid: one of them is no territory (code INVALID_TERRITORY): an exclusion that is not
            understood must not be left out.
    """
    mask = 0
    for code in included:
        mask |= bits_of(code)
    for code in excluded:
        mask &= ~bits_of(code)
    return mask


def codes_of(mask: int) -> tuple[str, ...]:
    """The territories of `mask`, sorted."""
    return tuple(sorted(code for code, bit in BITS.items() if mask & bit))


def _together(codes: Iterable[str]) -> int:
    mask = 0
    for code in codes:
        mask |= BITS[code]
        for part in PARTS.get(code, ()):
            mask |= BITS[part]
    return mask
