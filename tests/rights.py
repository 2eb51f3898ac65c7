"""Deals and what is told of them, as tests of several services need them."""

from datetime import datetime
from typing import Any

from shared.events import RightsChanged
from shared.ids import derived_id
from shared.rights.deals import Deal
from shared.rights.moments import text_of
from shared.rights.vocabulary import PLANS
from tests.web import NOW


def deal(
    *,
    plans: tuple[str, ...] = ("free", "premium"),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    **changes: Any,
) -> Deal:
    """A deal for streaming, worldwide and for ever unless told otherwise."""
    values: dict[str, Any] = {
        "licence_id": derived_id("licence"),
        "licensor_id": "label",
        "models": tuple(PLANS[plan] for plan in plans),
        "uses": ("Stream",),
        "territories": ("*",),
        "starts": starts_at and text_of(starts_at),
        "ends": ends_at and text_of(ends_at),
    }
    return Deal(**{**values, **changes})


def rights_changed(track_id: str, version: int = 1, *deals: Deal) -> RightsChanged:
    """The track's rights as of `version`: without deals it is taken down."""
    return RightsChanged(derived_id(track_id, str(version)), NOW, track_id, version, deals)
