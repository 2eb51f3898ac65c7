"""DDEX's words for how something is used and paid for, and the few of them that Segue serves.

    Use ─┬─ Stream ─┬─ OnDemandStream          Segue plays on demand
         │          ├─ NonInteractiveStream    … and as radio
         │          ├─ TimeInfluencedStream
         │          └─ ContentInfluencedStream
         ├─ Download ─┬─ ConditionalDownload   … and keeps offline while subscribed
         │            ├─ PermanentDownload, TetheredDownload, KioskDownload
         └─ …

A word that is not in the vocabulary never grants anything, nor does `UserDefined`: what two
parties agreed to call by it is not known here.

Source: DDEX allowed value sets of ERN 4.3 (UseType_ERN, CommercialModelType)
"""

from collections.abc import Mapping

ADVERTISEMENT = "AdvertisementSupportedModel"
SUBSCRIPTION = "SubscriptionModel"

COMMERCIAL_MODELS = frozenset(
    {
        ADVERTISEMENT,
        "DeviceFeeModel",
        "FreeOfChargeModel",
        "PayAsYouGoModel",
        "PerformanceRoyaltiesModel",
        "RightsClaimModel",
        SUBSCRIPTION,
        "UserDefined",
    }
)

PLANS: Mapping[str, str] = {"free": ADVERTISEMENT, "premium": SUBSCRIPTION}
"""A listener's plan is the commercial model under which they listen."""

ON_DEMAND = "OnDemandStream"
STREAM = "Stream"
DOWNLOAD = "Download"

USE_TYPES = frozenset(
    """
    Broadcast Cable ConditionalDownload ContentInfluencedStream Display Download Dub
    DubForLivePerformance DubForMovies DubForMusicOnHold DubForOnDemandStreaming
    DubForPublicPerformance DubForRadio DubForTV ExtractForInternet KioskDownload Narrowcast
    NonInteractiveStream OnDemandStream Perform PerformAsMusicOnHold PerformInLivePerformance
    PerformInPublic PermanentDownload PlayInPublic Playback Podcast Print PrivateCopy
    PurchaseAsPhysicalProduct Rent Simulcast Stream TetheredDownload TimeInfluencedStream Use
    UseAsAlertTone UseAsDevice UseAsKaraoke UseAsRingbackTone UseAsRingbackTune UseAsRingtone
    UseAsRingtune UseAsScreensaver UseAsVoiceMail UseAsWallpaper UseForIdentification
    UseInMobilePhoneMessaging UseInPhoneListening UserDefined UserMakeAvailableLabelProvided
    UserMakeAvailableUserProvided Webcast
    """.split()  # noqa: SIM905 - a table reads best as one
)
"""The use types that a deal may name."""

COVERS: Mapping[str, frozenset[str]] = {
    STREAM: frozenset(
        {ON_DEMAND, "NonInteractiveStream", "TimeInfluencedStream", "ContentInfluencedStream"}
    ),
    DOWNLOAD: frozenset(
        {"ConditionalDownload", "PermanentDownload", "TetheredDownload", "KioskDownload"}
    ),
}
"""What a wider use type contains besides itself."""

CLIP_PREVIEW = "ClipPreview"
COVER_PREVIEW = "CoverArtPreview"
LISTING_PREVIEW = "TrackListingPreview"
DISPLAY_RELEASE = "ReleaseDisplay"
PRE_ORDER = "PreOrder"

VISIBILITY = (CLIP_PREVIEW, COVER_PREVIEW, LISTING_PREVIEW, DISPLAY_RELEASE, PRE_ORDER)
"""Uses that no deal names: its dates grant them, whatever the plan. `ClipPreview` is 30 s."""

ASKABLE = (*sorted(USE_TYPES - {"UserDefined"}), *VISIBILITY)
"""The uses that a decision may be asked for."""


def uses_of(use_type: str) -> frozenset[str]:
    """What a deal that names `use_type` grants: itself and what it covers; of `UserDefined` and
    of words out of the vocabulary nothing."""
    if use_type not in USE_TYPES or use_type == "UserDefined":
        return frozenset()
    return COVERS.get(use_type, frozenset()) | {use_type}
