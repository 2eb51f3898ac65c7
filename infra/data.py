"""Where data lives: buckets, Firestore, the BigQuery data set, the image repository."""

import json

import pulumi
from pulumi_gcp import artifactregistry, bigquery, firestore, storage

from infra.config import StackConfig
from infra.identity import Agents, Identities
from infra.services import DEPLOYABLES, Deployable
from shared.events import ALL, TRANSIENT, bigquery_schema, table_of
from shared.warehouse import DATASETS, TABLES, VIEWS

DATASET = DATASETS["events"]

# A BigQuery subscription with `write_metadata` fills these beside the event's own columns.
_METADATA = (
    {"name": "subscription_name", "type": "STRING", "mode": "NULLABLE"},
    {"name": "message_id", "type": "STRING", "mode": "NULLABLE"},
    {"name": "publish_time", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "attributes", "type": "STRING", "mode": "NULLABLE"},
)


class Buckets(pulumi.ComponentResource):
    """Where objects live. Only `images` and `web` are public: they hold public pages only."""

    buckets: dict[str, storage.Bucket]

    PUBLIC = ("images", "web")

    def __init__(self, config: StackConfig, opts: pulumi.ResourceOptions) -> None:
        super().__init__("segue:index:Buckets", "buckets", None, opts)
        child = pulumi.ResourceOptions(parent=self, protect=config.protect)
        self.buckets = {}
        for name in (
            "masters",
            "audio",
            "images",
            "web",
            "search",
            "generations",
            "royalties",
            "source",
        ):
            self.buckets[name] = storage.Bucket(
                name,
                project=config.project,
                name=f"{config.project}-{name}",
                # An Eventarc trigger must be in its bucket's region, and a function has only one.
                location=config.region if name in ("masters", "source") else config.data_location,
                uniform_bucket_level_access=True,
                public_access_prevention="inherited" if name in self.PUBLIC else "enforced",
                versioning={"enabled": name == "masters"},
                labels=config.labels,
                force_destroy=not config.protect,
                website={"main_page_suffix": "index.html"} if name == "web" else None,
                cors=_upload_cors(config) if name == "masters" else None,
                lifecycle_rules=[
                    {
                        "action": {"type": "AbortIncompleteMultipartUpload"},
                        "condition": {"age": 7},
                    }
                ],
                opts=child,
            )
        for name in self.PUBLIC:
            storage.BucketIAMMember(
                f"{name}-public",
                bucket=self.buckets[name].name,
                role="roles/storage.objectViewer",
                member="allUsers",
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})


def _upload_cors(config: StackConfig) -> list[storage.BucketCorArgsDict]:
    """Browsers may send masters straight to the bucket, from our page and nowhere else."""
    return [
        {
            "origins": [config.public_url],
            "methods": ["PUT"],
            "response_headers": ["Content-Type", "Range", "x-goog-hash"],
            "max_age_seconds": 3600,
        }
    ]


class Documents(pulumi.ComponentResource):
    """The Firestore database with the indexes, TTL fields and backups that deployables name."""

    database: firestore.Database

    def __init__(
        self,
        config: StackConfig,
        opts: pulumi.ResourceOptions,
        deployables: tuple[Deployable, ...] = DEPLOYABLES,
    ) -> None:
        super().__init__("segue:index:Documents", "documents", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.database = firestore.Database(
            "default",
            project=config.project,
            name="(default)",
            location_id=config.firestore_location,
            type="FIRESTORE_NATIVE",
            point_in_time_recovery_enablement="POINT_IN_TIME_RECOVERY_ENABLED",
            delete_protection_state=(
                "DELETE_PROTECTION_ENABLED" if config.protect else "DELETE_PROTECTION_DISABLED"
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=config.protect),
        )
        for deployable in deployables:
            for index in deployable.indexes:
                names = "-".join(name.lstrip("-[]") for name in index.fields)
                firestore.Index(
                    f"{index.collection}-{names}",
                    project=config.project,
                    database=self.database.name,
                    collection=index.collection,
                    fields=[_indexed(name) for name in index.fields],
                    opts=child,
                )
            for collection, field in deployable.ttl:
                firestore.Field(
                    f"{collection}-{field}-ttl",
                    project=config.project,
                    database=self.database.name,
                    collection=collection,
                    field=field,
                    ttl_config={},
                    opts=child,
                )
        firestore.BackupSchedule(
            "daily",
            project=config.project,
            database=self.database.name,
            retention=f"{7 * 24 * 3600}s",
            daily_recurrence={},
            opts=child,
        )
        self.register_outputs({})


def _indexed(name: str) -> firestore.IndexFieldArgsDict:
    if name.startswith("[]"):
        return {"field_path": name[2:], "array_config": "CONTAINS"}
    order = "DESCENDING" if name.startswith("-") else "ASCENDING"
    return {"field_path": name.removeprefix("-"), "order": order}


class Warehouse(pulumi.ComponentResource):
    """The BigQuery data sets: of events, a table each and a view of it without duplicates; and
    those that jobs fill."""

    dataset: bigquery.Dataset
    datasets: dict[str, bigquery.Dataset]
    """By our short name."""
    tables: dict[type, bigquery.Table]

    def __init__(self, config: StackConfig, agents: Agents, opts: pulumi.ResourceOptions) -> None:
        super().__init__("segue:index:Warehouse", "warehouse", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.datasets = {
            name: bigquery.Dataset(
                dataset,
                project=config.project,
                dataset_id=dataset,
                location=config.data_location,
                labels=config.labels,
                delete_contents_on_destroy=not config.protect,
                opts=pulumi.ResourceOptions(parent=self, protect=config.protect),
            )
            for name, dataset in DATASETS.items()
        }
        self.dataset = self.datasets["events"]
        filled: list[pulumi.Resource] = [
            bigquery.Table(
                table.name,
                project=config.project,
                dataset_id=self.datasets[table.dataset].dataset_id,
                table_id=table.name,
                schema=json.dumps(bigquery_schema(table.row)),
                time_partitioning={"type": "DAY", "field": table.partition},
                clusterings=list(table.clusters) or None,
                deletion_protection=config.protect,
                labels=config.labels,
                opts=child,
            )
            for table in TABLES
        ]
        self.tables = {}
        for event in ALL:
            if event in TRANSIENT:
                continue
            name = table_of(event)
            self.tables[event] = bigquery.Table(
                name,
                project=config.project,
                dataset_id=self.dataset.dataset_id,
                table_id=name,
                schema=json.dumps([*bigquery_schema(event), *_METADATA]),
                time_partitioning={"type": "DAY", "field": "occurred_at"},
                deletion_protection=config.protect,
                labels=config.labels,
                opts=child,
            )
            filled.append(self.tables[event])
            bigquery.Table(
                f"{name}_unique",
                project=config.project,
                dataset_id=self.dataset.dataset_id,
                table_id=f"{name}_unique",
                view={"query": unique_view(config.project, event), "use_legacy_sql": False},
                deletion_protection=False,
                labels=config.labels,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.tables[event]]),
            )
        for view in VIEWS:
            bigquery.Table(
                view.name,
                project=config.project,
                dataset_id=self.datasets[view.dataset].dataset_id,
                table_id=view.name,
                view={"query": view.sql(config.project), "use_legacy_sql": False},
                deletion_protection=False,
                labels=config.labels,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(filled)),
            )
        for role in ("dataEditor", "metadataViewer"):
            bigquery.DatasetIamMember(
                f"pubsub-{role}",
                project=config.project,
                dataset_id=self.dataset.dataset_id,
                role=f"roles/bigquery.{role}",
                member=agents.pubsub,
                opts=child,
            )
        self.register_outputs({})


def unique_view(project: str, event: type) -> str:
    """Pub/Sub delivers at least once: the first row of each `event_id` is the event."""
    columns = ", ".join(column["name"] for column in bigquery_schema(event))
    table = f"`{project}.{DATASET}.{table_of(event)}`"
    first = "ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY publish_time) = 1"
    return f"SELECT {columns} FROM {table} QUALIFY {first}"  # noqa: S608 - names of our own


class Images(pulumi.ComponentResource):
    """The repository of container images, which the builder fills from the source bucket.

    An image can be built once all of `ready` exists.
    """

    ready: list[pulumi.Resource]

    def __init__(
        self,
        config: StackConfig,
        identities: Identities,
        source: storage.Bucket,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("segue:index:Images", "images", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        repository = artifactregistry.Repository(
            "containers",
            project=config.project,
            location=config.region,
            repository_id="segue",
            format="DOCKER",
            labels=config.labels,
            opts=child,
        )
        reads = storage.BucketIAMMember(
            "builder-source",
            bucket=source.name,
            role="roles/storage.objectViewer",
            member=identities.builder.member,
            opts=child,
        )
        self.ready = [repository, reads, *identities.builds]
        self.prefix = f"{config.region}-docker.pkg.dev/{config.project}/segue"
        self.register_outputs({})
