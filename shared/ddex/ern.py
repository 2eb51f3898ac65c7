"""DDEX ERN 4 messages as typed parts, read in one pass. Pure.

    for part in parts(chunks):      # Header first, the rest in the file's order
        match part: ...

Identifiers are checked here: XML Schema would take an ISRC of 11 characters. What cannot be
understood becomes a `Problem` in its own place; the rest goes on.

Source: DDEX Electronic Release Notification Message Suite Standard, ERN 4.1 to 4.3
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from shared import identifiers
from shared.ddex.identifiers import parse_dpid, parse_grid, parse_time
from shared.ddex.message import (
    Content,
    Contribution,
    Header,
    Part,
    Party,
    Period,
    Problem,
    Purged,
    Release,
    Resource,
    Sender,
    Terms,
    Visibility,
)
from shared.ddex.reader import BadMessage, Element, Root, items
from shared.errors import Invalid
from shared.rights.deals import check_model, check_use
from shared.rights.moments import after_last, first_of
from shared.rights.territories import bits_of

T = TypeVar("T")

KINDS = ("NewReleaseMessage", "PurgeReleaseMessage")
WORLD = ("Worldwide",)
_NAMESPACE = re.compile(r"http://ddex\.net/xml/ern/4\d{0,2}")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(\.\d+)?S)?")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_TERMS = frozenset(
    """
    TerritoryCode ExcludedTerritoryCode DistributionChannel ExcludedDistributionChannel
    ValidityPeriod CommercialModelType UseType NumberOfUsages IsPreOrderDeal
    ReleaseDisplayStartDate ReleaseDisplayStartDateTime CoverArtPreviewStartDate
    CoverArtPreviewStartDateTime TrackListingPreviewStartDate TrackListingPreviewStartDateTime
    FullTrackListingPreviewStartDateTime ClipPreviewStartDate ClipPreviewStartDateTime
    """.split()  # noqa: SIM905
)
_HARMLESS = frozenset(
    """
    PriceInformation IsExclusive PhysicalReturns NumberOfProductsPerCarton RightsClaimPolicy
    WebPolicy InstantGratificationResourceList PreOrderIncentiveResourceList IsPromotional
    PromotionalCode PreOrderPreviewDate PreOrderPreviewDateTime
    """.split()  # noqa: SIM905
)
"""Terms that neither widen nor narrow who may listen where and when."""


def parts(chunks: Iterable[bytes]) -> Iterator[Part]:
    """The parts of a message.

    Raises:
        BadMessage: nothing more can be read: BAD_XML, DOCTYPE_FORBIDDEN, TOO_DEEP, TOO_LARGE,
            NOT_ERN, or a header that does not say who, what or when (NO_HEADER, INVALID_DPID,
            INVALID_MOMENT).
    """
    kind, headed = "", False
    for item in items(chunks):
        if isinstance(item, Root):
            if not _NAMESPACE.fullmatch(item.namespace) or item.name not in KINDS:
                raise BadMessage(
                    f"not an ERN 4 message: {item.namespace[:60]} {item.name[:40]}",
                    code="NOT_ERN",
                    line=item.line,
                )
            kind = item.name
        elif item.name == "MessageHeader":
            yield _header(item, kind)
            headed = True
        elif not headed and item.name in _READERS:
            raise BadMessage("there is no header", code="NO_HEADER", line=item.line)
        elif item.name in _READERS:
            yield from _READERS[item.name](item)
    if not headed:
        raise BadMessage("there is no header", code="NO_HEADER", line=1)


def _header(it: Element, kind: str) -> Header:
    sender = it.one("SentOnBehalfOf") or it.one("MessageSender")
    message_id, created_at = it.value("MessageId"), it.value("MessageCreatedDateTime")
    if sender is None or not message_id or not created_at:
        raise BadMessage(
            "a header names MessageId, MessageSender and MessageCreatedDateTime",
            code="NO_HEADER",
            line=it.line,
        )
    try:
        party_id = parse_dpid(sender.value("PartyId") or "")
        at = parse_time(created_at)
    except Invalid as error:
        raise BadMessage(error.message, code=error.code, line=sender.line) from error
    name = sender.value("PartyName", "FullName") or sender.value("TradingName") or party_id
    return Header(
        line=it.line,
        kind=kind,
        message_id=message_id[:200],
        created_at=at,
        licensor=Sender(party_id, name[:200]),
        recipients=it.values("MessageRecipient", "PartyId"),
        test=it.value("MessageControlType") == "TestMessage",
    )


def _party(it: Element) -> Iterator[Part]:
    reference = it.value("PartyReference") or ""
    found: list[Problem] = []
    ids = it.one("PartyId")
    isni = _checked(ids, "ISNI", identifiers.parse_isni, reference, found) if ids else None
    ipi = _checked(ids, "IpiNameNumber", identifiers.parse_ipi, reference, found) if ids else None
    yield from found
    name = it.value("PartyName", "FullName") or it.value("PartyName", "FullNameIndexed") or ""
    yield Party(it.line, reference, name, isni, ipi)


def _resource(it: Element) -> Iterator[Part]:
    reference = it.value("ResourceReference") or ""
    found: list[Problem] = []
    isrcs: set[str] = set()
    for each in it.walk():
        if each.name == "ResourceId":
            isrc = _checked(each, "ISRC", identifiers.parse_isrc, reference, found)
            isrcs |= {isrc} if isrc else set()
    if len(isrcs) > 1:
        told = ", ".join(sorted(isrcs))
        found.append(_problem(it, reference, "CONTRADICTORY_ISRC", f"it has several: {told}"))
    yield from found
    title, subtitle = _title(it)
    yield Resource(
        line=it.line,
        kind=it.name,
        reference=reference,
        isrc=isrcs.pop() if len(isrcs) == 1 else None,
        title=title,
        subtitle=subtitle,
        artists=_artists(it),
        contributors=tuple(
            Contribution(each.value("ContributorPartyReference") or "", role)
            for each in it.all("Contributor")
            for role in each.values("Role")
        ),
        duration_ms=_duration(it.value("Duration")),
        explicit=_explicit(it.value("ParentalWarningType")),
        p_line=_line(it, "PLine"),
        genre=it.value("Genre", "GenreText"),
        language=it.value("LanguageOfPerformance"),
    )


def _release(it: Element) -> Iterator[Part]:
    reference = it.value("ReleaseReference") or ""
    found: list[Problem] = []
    ids = it.one("ReleaseId") or Element("ReleaseId", it.line)
    upc = _checked(ids, "ICPN", identifiers.parse_upc, reference, found)
    grid = _checked(ids, "GRid", parse_grid, reference, found)
    yield from found
    title, subtitle = _title(it)
    track = it.name == "TrackRelease"
    own = it.value("ReleaseResourceReference")
    yield Release(
        line=it.line,
        track=track,
        reference=reference,
        type=it.value("ReleaseType"),
        upc=upc,
        grid=grid,
        own_id=ids.value("ProprietaryId") or ids.value("CatalogNumber"),
        title=title,
        subtitle=subtitle,
        artists=_artists(it),
        label=it.value("ReleaseLabelReference"),
        contents=(Content(own, 1, 1),) if track and own else _contents(it),
        genre=it.value("Genre", "GenreText"),
        p_line=_line(it, "PLine"),
        c_line=_line(it, "CLine"),
        released_on=_day(it.value("OriginalReleaseDate") or it.value("ReleaseDate")),
    )


def _contents(it: Element) -> tuple[Content, ...]:
    """The recordings of all resource groups in order; inner groups are discs."""
    found: list[Content] = []

    def group(at: Element, disc: int) -> None:
        number = 0
        for each in at.children:
            if each.name == "ResourceGroup":
                group(each, _number(each.value("SequenceNumber")) or disc)
            elif each.name == "ResourceGroupContentItem":
                reference = each.value("ReleaseResourceReference")
                number = _number(each.value("SequenceNumber")) or number + 1
                if reference is not None:
                    found.append(Content(reference, disc, number))

    for outer in it.all("ResourceGroup"):
        group(outer, 1)
    return tuple(found)


def _deals(it: Element) -> Iterator[Part]:
    releases = it.values("DealReleaseReference")
    subject = " ".join(releases)[:80]
    seen = tuple(each.text.strip() for each in it.walk() if each.name in _VISIBILITY_REFERENCES)
    if not releases:
        yield _problem(it, "DealList", "NO_RELEASE", "a deal refers to no release")
        return
    for terms in it.all("Deal", "DealTerms"):
        try:
            yield _terms(terms, releases, seen)
        except Invalid as error:
            line = getattr(error, "line", terms.line)
            yield Problem(line, subject, error.code, error.message)


def _terms(it: Element, releases: tuple[str, ...], seen: tuple[str, ...]) -> Terms:
    usages = it.one("NumberOfUsages")
    count = None
    if usages is not None and (count := _number(usages.text.strip())) is None:
        message = f"not a number of usages: {usages.text[:20]!r}"
        raise _Wrong(usages, Invalid(message, code="INVALID_USAGES"))
    return Terms(
        line=it.line,
        releases=releases,
        visibility=seen,
        models=_words(it, "CommercialModelType", check_model),
        uses=_words(it, "UseType", check_use),
        territories=_words(it, "TerritoryCode", bits_of) or (WORLD if _excludes(it) else ()),
        excluded=_words(it, "ExcludedTerritoryCode", bits_of),
        channels=_channels(it, "DistributionChannel"),
        excluded_channels=_channels(it, "ExcludedDistributionChannel"),
        periods=tuple(_period(each) for each in it.all("ValidityPeriod")),
        pre_order=_yes(it.value("IsPreOrderDeal")),
        usages=count,
        limits=tuple(
            sorted({each.name for each in it.children if each.name not in _TERMS | _HARMLESS})
        ),
        **_dates(it),
    )


def _excludes(it: Element) -> bool:
    return it.one("ExcludedTerritoryCode") is not None


def _channels(it: Element, name: str) -> tuple[str, ...]:
    """Party ids of channels; "" for one that is named in another way."""
    found: list[str] = []
    for channel in it.all(name):
        try:
            found.append(parse_dpid(channel.value("PartyId") or ""))
        except Invalid:
            found.append("")
    return tuple(found)


def _period(it: Element) -> Period:
    starts = it.value("StartDateTime") or it.value("StartDate")
    ends = it.value("EndDateTime") or it.value("EndDate")
    try:
        return Period(
            it.line, first_of(starts) if starts else None, after_last(ends) if ends else None
        )
    except Invalid as error:
        raise _Wrong(it, error) from error


def _words(it: Element, name: str, check: Callable[[str], object]) -> tuple[str, ...]:
    """All texts of that name, each of which `check` takes."""
    for each in it.all(name):
        try:
            check(each.text.strip())
        except Invalid as error:
            raise _Wrong(each, error) from error
    return it.values(name)


class _Wrong(Invalid):
    """Something in a deal, at its own line."""

    def __init__(self, at: Element, error: Invalid) -> None:
        super().__init__(error.message, code=error.code)
        self.line = at.line


def _dates(it: Element) -> dict[str, str | None]:
    def first(*names: str) -> str | None:
        for name in names:
            if (text := it.value(name)) is not None:
                return first_of(text)
        return None

    return {
        "display_from": first("ReleaseDisplayStartDateTime", "ReleaseDisplayStartDate"),
        "cover_from": first("CoverArtPreviewStartDateTime", "CoverArtPreviewStartDate"),
        "listing_from": first(
            "FullTrackListingPreviewStartDateTime",
            "TrackListingPreviewStartDateTime",
            "TrackListingPreviewStartDate",
        ),
        "clips_from": first("ClipPreviewStartDateTime", "ClipPreviewStartDate"),
    }


def _visibility(it: Element) -> Iterator[Part]:
    reference = it.value("VisibilityReference") or ""
    try:
        yield Visibility(it.line, reference, it.values("TerritoryCode"), **_dates(it))
    except Invalid as error:
        yield _problem(it, reference, error.code, error.message)


def _purged(it: Element) -> Iterator[Part]:
    found: list[Problem] = []
    ids = it.one("ReleaseId") or Element("ReleaseId", it.line)
    upc = _checked(ids, "ICPN", identifiers.parse_upc, "PurgedRelease", found)
    grid = _checked(ids, "GRid", parse_grid, "PurgedRelease", found)
    own = ids.value("ProprietaryId") or ids.value("CatalogNumber")
    yield from found
    named = (("icpn", upc), ("grid", grid), ("own", own))
    names = tuple(f"{kind}:{id}" for kind, id in named if id)
    if names:
        yield Purged(it.line, names)
    else:
        yield _problem(it, "PurgedRelease", "NO_RELEASE", "it names no release")


def _checked(
    ids: Element, name: str, parse: Callable[[str], T], subject: str, found: list[Problem]
) -> T | None:
    at = ids.one(name)
    if at is None or not at.text.strip():
        return None
    try:
        return parse(at.text.strip())
    except Invalid as error:
        found.append(_problem(at, subject, error.code, error.message))
        return None


def _problem(it: Element, subject: str, code: str, message: str) -> Problem:
    return Problem(it.line, subject[:80], code, message)


def _title(it: Element) -> tuple[str, str | None]:
    title = (
        it.value("DisplayTitleText")
        or it.value("DisplayTitle", "TitleText")
        or it.value("ReferenceTitle", "TitleText")
        or ""
    )
    return title, it.value("DisplayTitle", "SubTitle")


def _artists(it: Element) -> tuple[Contribution, ...]:
    return tuple(
        Contribution(
            each.value("ArtistPartyReference") or "", each.value("DisplayArtistRole") or ""
        )
        for each in it.all("DisplayArtist")
    )


def _line(it: Element, name: str) -> str | None:
    text = it.value(name, f"{name}Text")
    year = it.value(name, "Year")
    return f"{year} {text}" if text and year and not text.startswith(year) else text


def _explicit(text: str | None) -> bool | None:
    told = {"Explicit": True, "NotExplicit": False, "ExplicitContentEdited": False}
    return told.get(text or "")


def _duration(text: str | None) -> int | None:
    found = _DURATION.fullmatch(text or "")
    if not found or not any(found.groups()):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    fraction = round(float(found[4] or 0) * 1000)
    return (hours * 3600 + minutes * 60 + seconds) * 1000 + fraction


def _day(text: str | None) -> str | None:
    return text if text and _DATE.fullmatch(text) else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _yes(text: str | None) -> bool:
    return text in ("true", "1")


_VISIBILITY_REFERENCES = frozenset(
    {"ReleaseVisibilityReference", "TrackReleaseVisibilityReference"}
)
_READERS: dict[str, Callable[[Element], Iterator[Part]]] = {
    "Party": _party,
    "SoundRecording": _resource,
    "Release": _release,
    "TrackRelease": _release,
    "ReleaseDeal": _deals,
    "ReleaseVisibility": _visibility,
    "TrackReleaseVisibility": _visibility,
    "PurgedRelease": _purged,
}
