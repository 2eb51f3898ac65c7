"""The rules read off the raw deals, one by one, without any of what makes them fast."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared.rights.deals import Deal
from shared.rights.tis import GROUPS
from shared.territories import TERRITORIES

PARTS = {"ES": {"ES-CE", "ES-CN", "ES-ML"}}
EVERYWHERE = set(TERRITORIES) | PARTS["ES"]
MODELS = {"free": "AdvertisementSupportedModel", "premium": "SubscriptionModel"}
STREAMS = {
    "OnDemandStream",
    "NonInteractiveStream",
    "TimeInfluencedStream",
    "ContentInfluencedStream",
}
WIDER = {
    "Stream": STREAMS,
    "Download": {
        "ConditionalDownload",
        "PermanentDownload",
        "TetheredDownload",
        "KioskDownload",
    },
}
SEEN = {"ClipPreview", "CoverArtPreview", "TrackListingPreview", "ReleaseDisplay", "PreOrder"}


def expand(codes: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for code in codes:
        if code in ("*", "Worldwide", "2136"):
            return set(EVERYWHERE)
        for country in GROUPS.get(code, {code}):
            found |= {country} | PARTS.get(country, set())
    return found


def includes(deal: Deal, territory: str) -> bool:
    return territory in expand(deal.territories) - expand(deal.excluded)


def uses(deal: Deal) -> set[str]:
    return {
        use
        for named in deal.uses
        if named != "UserDefined"
        for use in {named} | WIDER.get(named, set())
    }


def begins(deal: Deal, plan: str, use: str) -> tuple[bool, str | None]:
    """Whether the deal lets the use under the plan at all, and from when."""
    if use not in SEEN:
        fits = deal.kind == "grant" and MODELS[plan] in deal.models and use in uses(deal)
        return fits, deal.starts
    if use == "PreOrder":
        return deal.kind == "pre_order", deal.starts
    named = {
        "ClipPreview": deal.clips_from,
        "CoverArtPreview": deal.cover_from,
        "TrackListingPreview": deal.listing_from,
        "ReleaseDisplay": None,
    }[use]
    shown = named or deal.display_from
    if deal.kind == "pre_order":
        return (use != "ClipPreview" or shown is not None), shown or deal.starts
    ours = "OnDemandStream" in uses(deal) and set(MODELS.values()) & set(deal.models)
    return bool(ours) and (use != "ClipPreview" or deal.clips), shown or deal.starts


def met(moment: str, at: datetime, wall: datetime) -> bool:
    if moment.endswith("Z"):
        return at >= datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return wall >= datetime.fromisoformat(moment)


def decide(
    deals: Iterable[Deal],
    territory: str,
    plan: str,
    use: str,
    at: datetime,
    wall: datetime,
    used: int | None = None,
) -> str:
    """LICENSED, or the first predicate that lets no deal through."""
    left = [it for it in deals if it.kind != "holdback"]
    if not left:
        return "NO_LICENCE"
    if not (left := [it for it in left if it.ours]):
        return "CHANNEL"
    if not (left := [it for it in left if includes(it, territory)]):
        return "TERRITORY"
    any_plan = [it for it in left if any(begins(it, some, use)[0] for some in MODELS)]
    if not (any_plan or any(use in uses(it) and it.kind == "grant" for it in left)):
        return "USE"
    if not (left := [it for it in left if begins(it, plan, use)[0]]):
        return "PLAN"

    def begun(deal: Deal, starts: str | None) -> bool:
        return starts is None or met(starts, at, wall)

    if not (left := [it for it in left if begun(it, begins(it, plan, use)[1])]):
        return "WINDOW_NOT_OPEN"
    if not (left := [it for it in left if it.ends is None or not met(it.ends, at, wall)]):
        return "WINDOW_CLOSED"
    for it in deals:
        if (
            it.kind == "holdback"
            and includes(it, territory)
            and (not it.models or MODELS[plan] in it.models)
            and (not it.uses or use in uses(it))
            and begun(it, it.starts)
            and not (it.ends is not None and met(it.ends, at, wall))
        ):
            return "HELD_BACK"
    if not [it for it in left if it.usages is None or (used is not None and used < it.usages)]:
        return "USAGES"
    return "LICENSED"


DAYS = ("2026-03-29", "2026-10-25", "2028-02-29", "2026-01-01", "2027-12-31", "2028-03-01")
HOURS = ("00:00:00", "02:30:00", "23:59:59", "12:00:00")
PLACES = (
    "Worldwide",
    "*",
    "SE",
    "US",
    "GB",
    "ES",
    "ES-CN",
    "KI",
    "WS",
    "AS",
    "2EN",
    "2136",
    "2100",
)


def random_deals(random: random.Random) -> tuple[Deal, ...]:
    """Deals that meet in few places and times, so that they matter to each other."""

    def moment() -> str | None:
        if random.random() < 0.25:
            return None
        return f"{random.choice(DAYS)}T{random.choice(HOURS)}" + random.choice(("Z", ""))

    def deal(number: int) -> Deal:
        kind = random.choices(("grant", "pre_order", "holdback"), (8, 1, 2))[0]
        starts, ends = moment(), moment()
        if starts and ends and starts.rstrip("Z") > ends.rstrip("Z"):
            starts, ends = ends, starts
        return Deal(
            f"licence {number}",
            "label",
            models=tuple(
                random.sample(
                    ("AdvertisementSupportedModel", "SubscriptionModel", "PayAsYouGoModel"),
                    random.randint(1, 3),
                )
            ),
            uses=tuple(
                random.sample(
                    ("Stream", "OnDemandStream", "NonInteractiveStream", "Download", "UserDefined"),
                    random.randint(0 if kind == "holdback" else 1, 2),
                )
            ),
            territories=tuple(random.sample(PLACES, random.randint(1, 3))),
            excluded=tuple(random.sample(PLACES[2:], random.choice((0, 0, 1, 2)))),
            starts=starts,
            ends=ends,
            kind=kind,
            ours=random.random() < 0.9,
            usages=random.choice((None, None, None, 3)),
            display_from=random.choice((None, None, "2026-01-01T00:00:00Z")),
            clips_from=random.choice((None, None, "2026-02-01T00:00:00")),
            clips=random.random() < 0.8,
        )

    return tuple(deal(number) for number in range(random.randint(0, 5)))


def instants(deals: Iterable[Deal]) -> list[datetime]:
    """Every bound and a second either side, read as UTC."""
    moments = {
        moment
        for it in deals
        for moment in (it.starts, it.ends, it.display_from, it.clips_from)
        if moment is not None
    } | {"2026-06-01T00:00:00"}
    return sorted(
        datetime.fromisoformat(moment.rstrip("Z")).replace(tzinfo=UTC) + timedelta(seconds=off)
        for moment in moments
        for off in (-1, 0, 1)
    )
