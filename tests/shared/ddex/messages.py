"""ERN 4.3 messages, written for these tests."""

from collections.abc import Iterable

US = "PADPIDA0000000000Q"
LABEL = "PADPIDA2007040502I"
ISRC = "SEABC2600001"
UPC = "4006381333931"

DEAL = """
<TerritoryCode>Worldwide</TerritoryCode>
<ValidityPeriod><StartDate>2026-01-01</StartDate></ValidityPeriod>
<CommercialModelType>SubscriptionModel</CommercialModelType>
<CommercialModelType>AdvertisementSupportedModel</CommercialModelType>
<UseType>Stream</UseType>
"""


def header(
    created_at: str = "2026-02-01T10:00:00Z",
    *,
    sender: str = LABEL,
    message_id: str = "m1",
    more: str = "",
) -> str:
    return f"""<MessageHeader>
<MessageThreadId>t</MessageThreadId><MessageId>{message_id}</MessageId>
<MessageSender><PartyId>{sender}</PartyId>
<PartyName><FullName>Small Label</FullName></PartyName></MessageSender>
<MessageRecipient><PartyId>{US}</PartyId></MessageRecipient>
<MessageCreatedDateTime>{created_at}</MessageCreatedDateTime>{more}
</MessageHeader>"""


def recording(number: int = 1, isrc: str = ISRC, reference: str | None = None) -> str:
    return f"""<SoundRecording>
<ResourceReference>{reference or f"A{number}"}</ResourceReference>
<Type>MusicalWorkSoundRecording</Type>
<SoundRecordingEdition><ResourceId><ISRC>{isrc}</ISRC></ResourceId>
<PLine><Year>2026</Year><PLineText>2026 Small Label</PLineText></PLine></SoundRecordingEdition>
<DisplayTitleText>Song {number}</DisplayTitleText>
<DisplayArtist SequenceNumber="1"><ArtistPartyReference>P1</ArtistPartyReference>
<DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
<Duration>PT3M20.5S</Duration>
<ParentalWarningType>NotExplicit</ParentalWarningType></SoundRecording>"""


def main_release(resources: Iterable[str] = ("A1",), ids: str | None = None) -> str:
    contents = "".join(
        f"<ResourceGroupContentItem><SequenceNumber>{place}</SequenceNumber>"
        f"<ReleaseResourceReference>{it}</ReleaseResourceReference></ResourceGroupContentItem>"
        for place, it in enumerate(resources, 1)
    )
    ids = f"<ICPN>{UPC}</ICPN>" if ids is None else ids
    return f"""<Release><ReleaseReference>R0</ReleaseReference><ReleaseType>Album</ReleaseType>
<ReleaseId>{ids}</ReleaseId><DisplayTitleText>Album</DisplayTitleText>
<DisplayArtist><ArtistPartyReference>P1</ArtistPartyReference>
<DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
<ReleaseLabelReference>P2</ReleaseLabelReference>
<ResourceGroup><ResourceGroup><SequenceNumber>1</SequenceNumber>{contents}</ResourceGroup>
</ResourceGroup><OriginalReleaseDate>2026-02-01</OriginalReleaseDate></Release>"""


def track_release(number: int = 1) -> str:
    return f"""<TrackRelease><ReleaseReference>R{number}</ReleaseReference>
<ReleaseId><ProprietaryId Namespace="DPID:{LABEL}">song-{number}</ProprietaryId></ReleaseId>
<ReleaseResourceReference>A{number}</ReleaseResourceReference></TrackRelease>"""


def deal(terms: str = DEAL, *releases: str) -> str:
    references = "".join(
        f"<DealReleaseReference>{it}</DealReleaseReference>" for it in releases or ("R1",)
    )
    return f"<ReleaseDeal>{references}<Deal><DealTerms>{terms}</DealTerms></Deal></ReleaseDeal>"


def message(
    *,
    head: str | None = None,
    recordings: Iterable[str] | None = None,
    releases: Iterable[str] | None = None,
    deals: Iterable[str] | None = None,
    kind: str = "NewReleaseMessage",
    body: str | None = None,
) -> bytes:
    """A message of one album with one track, licensed everywhere, unless told otherwise."""
    if body is None:
        body = f"""<PartyList><Party><PartyReference>P1</PartyReference>
<PartyId><ISNI>0000000121032683</ISNI></PartyId>
<PartyName><FullName>Ada</FullName></PartyName></Party>
<Party><PartyReference>P2</PartyReference><PartyName><FullName>Small</FullName></PartyName></Party>
</PartyList>
<ResourceList>{"".join(recordings if recordings is not None else [recording()])}</ResourceList>
<ReleaseList>{"".join(releases if releases is not None else [main_release(), track_release()])}
</ReleaseList>
<DealList>{"".join(deals if deals is not None else [deal()])}</DealList>"""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:{kind} xmlns:ern="http://ddex.net/xml/ern/43" ReleaseProfileVersionId="Audio">
{header() if head is None else head}
{body}
</ern:{kind}>"""
    return text.encode()


def purge(created_at: str, ids: str = f"<ICPN>{UPC}</ICPN>") -> bytes:
    body = f"<PurgedRelease><ReleaseId>{ids}</ReleaseId></PurgedRelease>"
    head = header(created_at, message_id="p1")
    return message(head=head, kind="PurgeReleaseMessage", body=body)
