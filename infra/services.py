"""What is deployed: one entry a deployable. IAM, environment, triggers and routes derive from it.

To add a service: a folder in `functions/` and an entry here (docs/decisions/0001). This module is
plain data: it names things, and creates nothing.

Environment values may use `{project}`, `{region}`, `{public_url}`, `{bucket_NAME}`,
`{dataset_NAME}` and `{job_NAME}`; `infra.deployables` fills them in and refuses any other name.
What starts pipeline `x-y` is given `LAUNCH_X_Y`, the request that launches it, besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.events import (
    AlbumChanged,
    ArtistChanged,
    ChannelPublished,
    LibraryChanged,
    LicenceChanged,
    LyricsChanged,
    MailQueued,
    MixPublished,
    PlaylistChanged,
    PopularityChanged,
    RecommendationsShown,
    RelatedArtistsChanged,
    RightsChanged,
    TrackChanged,
    TrackPlayed,
    TrackTranscoded,
    TranscodeFailed,
    UserChanged,
)
from shared.zones import ZONES

Kind = Literal["api", "gateway", "function", "job", "pipeline"]
BucketRole = Literal["objectCreator", "objectViewer", "objectUser"]
DatasetRole = Literal["dataViewer", "dataEditor"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Instances, requests at once in each, and what each may use. CPU in cores, memory as GCP."""

    min_instances: int = 0
    max_instances: int = 20
    concurrency: int = 80
    cpu: str = "1"
    memory: str = "512Mi"
    timeout_s: int = 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task that Cloud Scheduler posts to `/_tasks/{name}`; `cron` in unix-cron, UTC. `regional`:
    to the service of every region, else to the primary one's."""

    name: str
    cron: str
    regional: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """When Cloud Scheduler launches a pipeline: `cron` in unix-cron, in `time_zone` (IANA).

    `parameters` are added to those of the deployable.
    """

    name: str
    cron: str
    time_zone: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """A composite Firestore index: fields in order; a leading "-" means descending, "[]" a list
    of which the query names one item."""

    collection: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployable:
    """One thing that runs.

    `routes` are URL map path rules; `finalizes` names the bucket whose new objects start the
    function; `runs` names the jobs that it may start, `starts` the pipelines; `ttl` are
    (collection, field) pairs.
    `listens`: events that each instance reads for itself, all of them, over a subscription that it
    makes when it starts. `session_affinity`: Cloud Run sends a client to one instance if it can.
    """

    name: str
    kind: Kind
    routes: tuple[str, ...] = ()
    publishes: tuple[type, ...] = ()
    consumes: tuple[type, ...] = ()
    listens: tuple[type, ...] = ()
    session_affinity: bool = False
    buckets: Mapping[str, BucketRole] = field(default_factory=dict)
    datasets: Mapping[str, DatasetRole] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    firestore: bool = False
    finalizes: str | None = None
    runs: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    launches: tuple[Launch, ...] = ()
    indexes: tuple[Index, ...] = ()
    ttl: tuple[tuple[str, str], ...] = ()
    scale: Scale = Scale()
    folder: str | None = None
    """The folder in `functions/`, where it is not `name`."""
    requirements: str = "requirements.txt"
    """The file in that folder that pins what this one reaches."""

    @property
    def source(self) -> str:
        return self.folder or self.name

    @property
    def paths(self) -> tuple[str, ...]:
        """`routes`, and the address of an API's own OpenAPI document."""
        document = (f"/v1/openapi/{self.name}.json",) if self.kind == "api" else ()
        return (*self.routes, *document)


_VERIFIES_TOKENS = {
    "PUBLIC_URL": "{public_url}",
    "JWKS_URL": "{public_url}/oauth/jwks.json",
}
_CALLS_OTHERS = {"SERVICE_KEY": "service-key"}
_TAKES_PUSHES = {
    "OIDC_CERTS_URL": "{oidc_certs_url}",
    "PUSH_IDENTITY": "{push_identity}",
    "SERVICE_AUDIENCE": "{service_audience}",
}
_TRANSCODE_ENV = {
    "GOOGLE_CLOUD_PROJECT": "{project}",
    "MASTERS_BUCKET": "{bucket_masters}",
    "AUDIO_BUCKET": "{bucket_audio}",
    "IMAGES_BUCKET": "{bucket_images}",
}

DEPLOYABLES: tuple[Deployable, ...] = (
    Deployable(
        name="accounts",
        kind="api",
        routes=(
            "/.well-known/oauth-authorization-server",
            "/account",
            "/account/*",
            "/api/token",
            "/authorize",
            "/device",
            "/login",
            "/logout",
            "/oauth/*",
            "/signup",
            "/v1/billing/events",
            "/v1/clients",
            "/v1/me",
            "/v1/me/*",
            "/v1/users",
            "/v1/users/*",
        ),
        publishes=(MailQueued, UserChanged),
        consumes=(MailQueued,),
        firestore=True,
        secrets={
            "JWT_SIGNING_KEY": "jwt-signing-key",
            "BOOTSTRAP_CLIENT_SECRET": "bootstrap-client-secret",
            "BILLING_WEBHOOK_SECRET": "billing-webhook-secret",
            "APP_PASSWORD_KEY": "app-password-key",
            **_CALLS_OTHERS,
            "SMTP_PASSWORD": "smtp-password",
        },
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "DEFAULT_TERRITORY": "{default_territory}",
            "JWT_OTHER_KEY": "{jwt_other_key}",
            "MAIL_FROM": "{mail_from}",
            "SMTP_HOST": "{smtp_host}",
            "SMTP_PORT": "{smtp_port}",
            "SMTP_SECURITY": "{smtp_security}",
            "SMTP_USERNAME": "{smtp_username}",
            "PUBLIC_URL": "{public_url}",
            **_TAKES_PUSHES,
        },
        schedules=(
            Schedule("republish-users", "*/5 * * * *"),
            Schedule("send-mail", "* * * * *"),
        ),
        ttl=(
            ("attempts", "expires_at"),
            ("billing-events", "forget_at"),
            ("browsers", "expires_at"),
            ("codes", "forget_at"),
            ("device-codes", "expires_at"),
            ("outbox", "forget_at"),
            ("proofs", "expires_at"),
            ("sessions", "expires_at"),
            ("user-codes", "expires_at"),
        ),
    ),
    Deployable(
        name="catalog",
        kind="api",
        routes=(
            "/v1/uploads",
            "/v1/uploads/*",
            "/v1/catalog/*",
            "/v1/tracks",
            "/v1/tracks/*",
            "/v1/albums",
            "/v1/albums/*",
            "/v1/artists",
            "/v1/artists/*",
            "/v1/markets",
            "/v1/browse/*",
            "/v1/audio-features",
            "/v1/audio-features/*",
            "/v1/audio-analysis/*",
            "/v1/recommendations/available-genre-seeds",
        ),
        publishes=(TrackChanged, AlbumChanged, ArtistChanged, LyricsChanged),
        consumes=(
            PopularityChanged,
            TrackTranscoded,
            TranscodeFailed,
            RightsChanged,
            RelatedArtistsChanged,
        ),
        buckets={"masters": "objectUser", "images": "objectUser"},
        firestore=True,
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "MASTERS_BUCKET": "{bucket_masters}",
            "IMAGES_BUCKET": "{bucket_images}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("sweep-uploads", "*/5 * * * *"),),
        indexes=(
            Index("albums", ("[]listed_for", "-shelf")),
            Index("tracks", ("[]listed_for", "-rank")),
            Index("uploads", ("[]listed_for", "-place")),
        ),
    ),
    Deployable(
        name="transcode",
        kind="function",
        publishes=(TrackTranscoded, TranscodeFailed),
        buckets={"masters": "objectViewer", "audio": "objectUser", "images": "objectUser"},
        firestore=True,
        finalizes="masters",
        runs=("transcode-long",),
        env={
            **_TRANSCODE_ENV,
            "TRANSCODE_JOB": "{job_transcode-long}",
            "RUN_API_ENDPOINT": "{run_api_endpoint}",
        },
        # /tmp is memory: the master, its renditions and ffmpeg must fit.
        scale=Scale(max_instances=50, concurrency=1, cpu="2", memory="2Gi", timeout_s=540),
    ),
    Deployable(
        name="transcode-long",
        kind="job",
        folder="transcode",
        publishes=(TrackTranscoded, TranscodeFailed),
        buckets={"masters": "objectViewer", "audio": "objectUser", "images": "objectUser"},
        firestore=True,
        env=_TRANSCODE_ENV,
        scale=Scale(cpu="4", memory="16Gi", timeout_s=6 * 3600),
    ),
    Deployable(
        name="rights",
        kind="api",
        routes=("/v1/rights/*",),
        publishes=(LicenceChanged, RightsChanged),
        consumes=(TrackChanged,),
        firestore=True,
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "DDEX_PARTY_ID": "{ddex_party_id}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("republish-licences", "*/5 * * * *"),),
        # Each message may be 32 MB.
        scale=Scale(concurrency=10, memory="1Gi"),
    ),
    Deployable(
        name="playback",
        kind="api",
        routes=("/v1/plays", "/v1/plays/*", "/v1/previews/*", "/v1/me/player", "/v1/me/player/*"),
        publishes=(ChannelPublished,),
        consumes=(TrackChanged, RightsChanged, TrackPlayed, UserChanged),
        firestore=True,
        secrets={"CDN_SIGNING_KEY": "cdn-signing-key", **_CALLS_OTHERS},
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "CDN_KEY_NAME": "{cdn_key_name}",
            "EDGES": "{edges}",
            "GRANT_S": "{grant_s}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        scale=Scale(min_instances=1, max_instances=100),
    ),
    Deployable(
        name="warmer",
        kind="api",
        datasets={"events": "dataViewer"},
        secrets={"CDN_SIGNING_KEY": "cdn-signing-key"},
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "CDN_KEY_NAME": "{cdn_key_name}",
            "EDGES": "{edges}",
            "EVENTS_DATASET": "{dataset_events}",
            "REGION": "{region}",
            "WARM_BUDGET_MIB": "{warm_budget_mib}",
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("warm-edges", "*/15 * * * *", regional=True),),
        scale=Scale(max_instances=1, timeout_s=600),
    ),
    Deployable(
        name="library",
        kind="api",
        routes=(
            "/v1/me/albums",
            "/v1/me/albums/*",
            "/v1/me/episodes",
            "/v1/me/episodes/*",
            "/v1/me/following",
            "/v1/me/following/*",
            "/v1/me/library",
            "/v1/me/library/*",
            "/v1/me/shows",
            "/v1/me/shows/*",
            "/v1/me/tracks",
            "/v1/me/tracks/*",
        ),
        publishes=(LibraryChanged,),
        consumes=(TrackChanged, AlbumChanged, ArtistChanged, UserChanged),
        firestore=True,
        env={"GOOGLE_CLOUD_PROJECT": "{project}", **_VERIFIES_TOKENS, **_TAKES_PUSHES},
        schedules=(
            Schedule("republish-library", "*/5 * * * *"),
            Schedule("finish-erasures", "*/5 * * * *"),
        ),
        ttl=(("library_shelves", "expires_at"), ("library_log", "expires_at")),
    ),
    Deployable(
        name="playlists",
        kind="api",
        routes=("/v1/me/playlists", "/v1/me/playlists/*", "/v1/playlists/*"),
        publishes=(ChannelPublished, PlaylistChanged),
        consumes=(
            TrackChanged,
            AlbumChanged,
            UserChanged,
            LibraryChanged,
            TrackPlayed,
            MixPublished,
        ),
        buckets={"images": "objectUser"},
        firestore=True,
        secrets=_CALLS_OTHERS,
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "IMAGES_BUCKET": "{bucket_images}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("tell-playlists", "* * * * *"),),
        indexes=(Index("playlist_tracks", ("[]keys", "rank")),),
        ttl=(("playlist_marks", "expires_at"),),
        # Playlists are edited in memory: as few instances as may be share one.
        scale=Scale(min_instances=1, max_instances=20, memory="1Gi"),
    ),
    Deployable(
        name="search",
        kind="api",
        routes=("/v1/search", "/v1/search/*"),
        consumes=(TrackChanged, AlbumChanged, ArtistChanged, PlaylistChanged, UserChanged),
        buckets={"search": "objectViewer"},
        firestore=True,
        runs=("search-index",),
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "SEARCH_BUCKET": "{bucket_search}",
            "SEARCH_JOB": "{job_search-index}",
            "RUN_API_ENDPOINT": "{run_api_endpoint}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("index-search", "17 * * * *"),),
        ttl=(("search_log", "expires_at"),),
        # The index lies in the instance's file system, which is memory; twice while it is swapped.
        scale=Scale(min_instances=1, max_instances=50, memory="2Gi"),
    ),
    Deployable(
        name="search-index",
        kind="job",
        folder="search",
        buckets={"search": "objectUser"},
        firestore=True,
        env={"GOOGLE_CLOUD_PROJECT": "{project}", "SEARCH_BUCKET": "{bucket_search}"},
        scale=Scale(cpu="2", memory="4Gi", timeout_s=3600),
    ),
    Deployable(
        name="subsonic",
        kind="api",
        routes=("/rest/*",),
        consumes=(UserChanged,),
        firestore=True,
        secrets=_CALLS_OTHERS,
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "PUBLIC_URL": "{public_url}",
            **_TAKES_PUSHES,
        },
    ),
    Deployable(
        name="social",
        kind="api",
        routes=(
            "/v1/me/blocks",
            "/v1/me/blocks/*",
            "/v1/me/feed",
            "/v1/me/feed/*",
            "/v1/me/friends/*",
            "/v1/me/now-playing",
            "/v1/me/privacy",
            "/v1/profiles/*",
            "/v1/sessions",
            "/v1/sessions/*",
            "/v1/shares",
            "/v1/shares/*",
        ),
        publishes=(ChannelPublished,),
        consumes=(LibraryChanged, PlaylistChanged, TrackPlayed, UserChanged),
        firestore=True,
        env={"GOOGLE_CLOUD_PROJECT": "{project}", **_VERIFIES_TOKENS, **_TAKES_PUSHES},
        ttl=(
            ("social_now", "expires_at"),
            ("social_online", "expires_at"),
            ("social_sessions", "expires_at"),
            ("social_shares", "expires_at"),
        ),
    ),
    Deployable(
        name="realtime",
        kind="gateway",
        routes=("/live", "/live/*"),
        publishes=(ChannelPublished,),
        listens=(ChannelPublished,),
        secrets=_CALLS_OTHERS,
        env={"GOOGLE_CLOUD_PROJECT": "{project}", **_VERIFIES_TOKENS},
        session_affinity=True,
        # A connection is a request, and Cloud Run ends it after an hour.
        scale=Scale(min_instances=1, concurrency=1000, memory="1Gi", timeout_s=3600),
    ),
    Deployable(
        name="royalties",
        kind="api",
        routes=("/v1/royalties/*",),
        buckets={"royalties": "objectViewer"},
        datasets={"events": "dataViewer", "royalties": "dataViewer"},
        firestore=True,
        runs=("royalties-run",),
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "DSR_NAME": "Segue",
            "DSR_PARTY_ID": "{ddex_party_id}",
            "EVENTS_DATASET": "{dataset_events}",
            "ROYALTIES_DATASET": "{dataset_royalties}",
            "ROYALTIES_BUCKET": "{bucket_royalties}",
            "ROYALTIES_JOB": "{job_royalties-run}",
            "RUN_API_ENDPOINT": "{run_api_endpoint}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("run-royalties", "40 3 * * *"),),
    ),
    Deployable(
        name="royalties-run",
        kind="job",
        folder="royalties",
        buckets={"royalties": "objectUser"},
        datasets={"events": "dataViewer", "royalties": "dataEditor"},
        firestore=True,
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "EVENTS_DATASET": "{dataset_events}",
            "ROYALTIES_DATASET": "{dataset_royalties}",
            "ROYALTIES_BUCKET": "{bucket_royalties}",
        },
        scale=Scale(cpu="2", memory="8Gi", timeout_s=6 * 3600),
    ),
    Deployable(
        name="recommendations",
        kind="api",
        routes=(
            "/v1/articles",
            "/v1/articles/*",
            "/v1/me/home",
            "/v1/me/next-up",
            "/v1/me/not-interested",
            "/v1/me/taste",
            "/v1/me/top/*",
            "/v1/radio/*",
            "/v1/recommendations",
            "/v1/recommendations/*",
        ),
        publishes=(MixPublished, RecommendationsShown),
        consumes=(
            ArtistChanged,
            LibraryChanged,
            LyricsChanged,
            MixPublished,
            PlaylistChanged,
            TrackChanged,
            TrackPlayed,
            UserChanged,
        ),
        buckets={"generations": "objectViewer"},
        firestore=True,
        starts=("recommendations-batch",),
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "GENERATIONS_BUCKET": "{bucket_generations}",
            "LAUNCH_URL": "{launch_url}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(
            Schedule("fit-texts", "7 * * * *"),
            Schedule("import-feeds", "37 * * * *"),
            Schedule("publish-release-radar", "0 4 * * 5"),
        ),
        indexes=(Index("reco_articles", ("[]mentions", "-stamp")),),
        # The catalogue's facts lie in memory: about 2 KB a track.
        scale=Scale(min_instances=1, max_instances=50, memory="1Gi", timeout_s=300),
    ),
    Deployable(
        name="recommendations-batch",
        kind="pipeline",
        folder="recommendations",
        requirements="requirements-batch.txt",
        publishes=(MixPublished, RelatedArtistsChanged),
        buckets={"generations": "objectUser"},
        datasets={"events": "dataViewer", "recommendations": "dataEditor"},
        firestore=True,
        # A pipeline has no environment: these are parameters of its template, in small letters.
        env={
            "DATA_PROJECT": "{project}",
            "GENERATIONS_BUCKET": "{bucket_generations}",
            "EVENTS_DATASET": "{dataset_events}",
            "TABLES_DATASET": "{dataset_recommendations}",
        },
        # Early enough for the whole zone, and after its Sunday.
        launches=tuple(
            Launch(f"recommend-{zone.name}", "0 3 * * 1", zone.time_zone, {"zone": zone.name})
            for zone in ZONES
        ),
        scale=Scale(max_instances=50),
    ),
    Deployable(
        name="insights",
        kind="api",
        routes=("/v1/insights/*",),
        publishes=(PopularityChanged,),
        datasets={"events": "dataViewer", "insights": "dataEditor"},
        env={
            "GOOGLE_CLOUD_PROJECT": "{project}",
            "EVENTS_DATASET": "{dataset_events}",
            "INSIGHTS_DATASET": "{dataset_insights}",
            **_VERIFIES_TOKENS,
            **_TAKES_PUSHES,
        },
        schedules=(Schedule("aggregate-insights", "10 * * * *"),),
        scale=Scale(timeout_s=300),
    ),
    Deployable(
        name="events",
        kind="api",
        routes=("/v1/events",),
        publishes=(TrackPlayed,),
        env={"GOOGLE_CLOUD_PROJECT": "{project}", **_VERIFIES_TOKENS},
        scale=Scale(max_instances=100),
    ),
)
"""Every deployable, in the order in which a reader would meet them."""
