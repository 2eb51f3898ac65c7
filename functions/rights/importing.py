"""A DDEX message into releases: collected in one pass, refused part by part. Pure.

Deals cover what `DealReleaseReference` names: a track release's recording, or of a release that
lists no track release all its recordings. A deal for an album alone is no leave to play its tracks
one by one, where the message licenses tracks by themselves.

A deal that cannot be understood is refused by itself: the others never grant more without it.
One with a number of usages is kept, lets nothing, and its licensor is told so
(docs/decisions/0020-rights.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from functions.rights import releases
from functions.rights.releases import Covered, Release
from shared.ddex import ern
from shared.ddex.deals import deals_of
from shared.ddex.message import (
    Header,
    Problem,
    Purged,
    Resource,
    Terms,
    Visibility,
)
from shared.ddex.message import Release as Named
from shared.errors import Invalid
from shared.rights.deals import MAX_DEALS, Deal


@dataclass(frozen=True, slots=True)
class Told:
    """What a message says: its header, releases as they now are, and what is refused."""

    header: Header
    releases: tuple[Release, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Collected:
    header: Header | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    releases: dict[str, Named] = field(default_factory=dict)
    terms: list[Terms] = field(default_factory=list)
    seen: dict[str, Visibility] = field(default_factory=dict)
    purged: list[Purged] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    twice: set[str] = field(default_factory=set)


def read(chunks: Iterable[bytes], *, us: str, at: datetime) -> Told:
    """The message in `chunks`, received at `at`; `us` is our own DDEX party id.

    Raises:
        BadMessage: it cannot be read, see `shared.ddex.ern.parts`.
        Invalid: it is from the future (code MESSAGE_FROM_THE_FUTURE).
    """
    known = _Collected()
    for part in ern.parts(chunks):
        match part:
            case Header():
                known.header = part
                releases.check_time(part.created_at, at)
            case Resource():
                _keep(known, known.resources, part)
            case Named():
                _keep(known, known.releases, part)
            case Terms():
                known.terms.append(part)
            case Visibility():
                known.seen[part.reference] = part
            case Purged():
                known.purged.append(part)
            case Problem():
                known.problems.append(part)
    assert known.header is not None
    found = _purges(known) if known.purged else _releases(known, us)
    return Told(known.header, tuple(found), tuple(sorted(known.problems, key=lambda it: it.line)))


def _keep(known: _Collected, where: dict, part: Resource | Named) -> None:
    """Parts that contradict each other are both out."""
    if part.reference in where or part.reference in known.twice:
        where.pop(part.reference, None)
        known.twice.add(part.reference)
        message = f"{part.reference} is described more than once"
        known.problems.append(Problem(part.line, part.reference, "CONTRADICTORY", message))
        return
    where[part.reference] = part


def _purges(known: _Collected) -> list[Release]:
    assert known.header is not None
    header = known.header
    return [_release(header, it.names, None, (), (), purged=True) for it in known.purged]


def _releases(known: _Collected, us: str) -> list[Release]:
    assert known.header is not None
    header = known.header
    mains = [it for it in known.releases.values() if not it.track]
    tracks = {it.reference: it for it in known.releases.values() if it.track}
    by_release = _deals(known, us)
    found: list[Release] = []
    for main in mains:
        if not main.names:
            message = "it has neither ICPN, GRid nor an id of its own"
            known.problems.append(Problem(main.line, main.reference, "NO_RELEASE_ID", message))
            continue
        held = {it.resource for it in main.contents}
        own = [
            it
            for it in tracks.values()
            if len(mains) == 1 or any(content.resource in held for content in it.contents)
        ]
        # (recording, deals) of each track release, or of the release itself where there are none.
        listed = (
            [
                (it.contents[0].resource, by_release.get(it.reference, []))
                for it in own
                if it.contents
            ]
            if own
            else [(it, by_release.get(main.reference, [])) for it in sorted(held)]
        )
        try:
            found.append(_assembled(known, header, main, listed))
        except Invalid as error:
            known.problems.append(Problem(main.line, main.reference, error.code, error.message))
    return found


def _deals(known: _Collected, us: str) -> dict[str, list[Deal]]:
    """Deals by the release or track release that they are for."""
    assert known.header is not None
    found: dict[str, list[Deal]] = {}
    for terms in known.terms:
        seen = [known.seen[it] for it in terms.visibility if it in known.seen]
        try:
            made = deals_of(terms, known.header.licensor.party_id, us=us, seen=seen)
        except Invalid as error:
            subject = " ".join(terms.releases)[:80]
            known.problems.append(Problem(terms.line, subject, error.code, error.message))
            continue
        if terms.usages is not None:
            message = f"it is kept and lets nothing: nobody here counts to {terms.usages} plays"
            subject = " ".join(terms.releases)[:80]
            known.problems.append(Problem(terms.line, subject, "USAGES_NOT_COUNTED", message))
        for reference in terms.releases:
            if reference not in known.releases:
                message = f"no release {reference[:40]} in the message"
                known.problems.append(Problem(terms.line, reference[:80], "NO_RELEASE", message))
                continue
            found.setdefault(reference, []).extend(releases.licensed(it) for it in made)
    return found


def _assembled(
    known: _Collected, header: Header, main: Named, listed: list[tuple[str, list[Deal]]]
) -> Release:
    deals: dict[Deal, int] = {}
    by_isrc: dict[str, set[int]] = {}
    for reference, granted in listed:
        if not granted:
            continue
        resource = known.resources.get(reference)
        if resource is None or resource.isrc is None:
            message = f"recording {reference[:40]} has no ISRC to find its tracks by"
            line = resource.line if resource else main.line
            known.problems.append(Problem(line, reference[:80], "NO_ISRC", message))
            continue
        places = {deals.setdefault(it, len(deals)) for it in granted}
        by_isrc.setdefault(resource.isrc, set()).update(places)
    if len(deals) > MAX_DEALS or len(by_isrc) > releases.MAX_RECORDINGS:
        raise Invalid("more deals or recordings than a release may have", code="TOO_MANY_DEALS")
    covered = tuple(
        Covered(isrc, None, tuple(sorted(places))) for isrc, places in sorted(by_isrc.items())
    )
    return _release(header, main.names, main.upc, tuple(deals), covered)


def _release(
    header: Header,
    names: tuple[str, ...],
    upc: str | None,
    deals: tuple[Deal, ...],
    covered: tuple[Covered, ...],
    *,
    purged: bool = False,
) -> Release:
    licensor = header.licensor
    return Release(
        release_id=releases.release_id_of(licensor.party_id, names[0]),
        licensor_id=licensor.party_id,
        licensor_name=licensor.name,
        name=names[0],
        names=names,
        upc=upc,
        message_id=header.message_id,
        message_at=header.created_at,
        revision=0,
        deals=deals,
        covered=covered,
        purged=purged,
    )
