"""Deployables made real: account, permissions, archive, image, service, triggers, subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_gcp import (
    bigquery,
    cloudfunctionsv2,
    cloudrunv2,
    cloudscheduler,
    projects,
    pubsub,
    serviceaccount,
    storage,
)

from infra.config import StackConfig
from infra.data import Buckets, Images, Warehouse
from infra.events import Streams
from infra.identity import Agents, Identities, Secrets, project_role, service_account
from infra.image import ContainerImage
from infra.packaging import archive
from infra.services import Deployable, Schedule
from infra.templates import FlexTemplate, launch_url
from shared.events import topic_of
from shared.warehouse import DATASETS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every deployable is made among."""

    config: StackConfig
    agents: Agents
    identities: Identities
    secrets: Secrets
    buckets: Buckets
    warehouse: Warehouse
    images: Images
    streams: Streams
    database: pulumi.Resource


class UnknownName(ValueError):
    """An environment value in `infra/services.py` uses a placeholder that nothing fills."""


class Incomplete(ValueError):
    """An entry in `infra/services.py` lacks what its kind needs."""


class Deployed(pulumi.ComponentResource):
    """One entry of `infra/services.py`, deployed in every region that its kind allows."""

    account: serviceaccount.Account
    services: dict[str, cloudrunv2.Service]
    function: cloudfunctionsv2.Function | None = None
    job: cloudrunv2.Job | None = None
    template: FlexTemplate | None = None

    def __init__(
        self,
        deployable: Deployable,
        around: Surroundings,
        jobs: Mapping[str, cloudrunv2.Job],
        templates: Mapping[str, FlexTemplate],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("segue:index:Deployed", deployable.name, None, opts)
        self.deployable, self.around, self.templates = deployable, around, templates
        self.child = pulumi.ResourceOptions(parent=self)
        config = around.config
        self.account = service_account(
            config, deployable.name, f"Segue {deployable.name}", self.child
        )
        self.grants = self._grant(jobs)
        packed = archive(deployable)
        source = storage.BucketObject(
            f"{deployable.name}-source",
            bucket=around.buckets.buckets["source"].name,
            name=packed.object_name,
            source=packed.assets(),
            opts=self.child,
        )
        self.services = {}
        if deployable.kind == "function":
            self.function = self._function(source)
        else:
            image = ContainerImage(
                f"{deployable.name}-image",
                project=config.project,
                region=config.region,
                bucket=source.bucket,
                object=source.name,
                image=f"{around.images.prefix}/{deployable.name}:{packed.content_hash}",
                builder=around.identities.builder.email,
                opts=pulumi.ResourceOptions(parent=self, depends_on=around.images.ready),
            )
            if deployable.kind == "job":
                self.job = self._job(image)
            elif deployable.kind == "pipeline":
                self.template = self._template(image, packed.content_hash)
            else:
                self.services = {region: self._service(image, region) for region in config.regions}
                self._subscribe()
                self._schedule()
        self.register_outputs({})

    def _template(self, image: ContainerImage, content_hash: str) -> FlexTemplate:
        around = self.around
        values = {name.lower(): value for name, value in self._environment().items()}
        if len(self.deployable.buckets) != 1:
            raise Incomplete(f"{self.deployable.name}: a pipeline stages in one bucket, its own")
        (staging,) = self.deployable.buckets
        return FlexTemplate(
            around.config,
            around.identities,
            self.deployable,
            account=self.account,
            image=image,
            source=around.buckets.buckets["source"],
            content_hash=content_hash,
            staging=f"{around.config.project}-{staging}",
            values=values,
            opts=self._after_grants(),
        )

    # What it may do: exactly what its entry says.

    def _grant(self, jobs: Mapping[str, cloudrunv2.Job]) -> list[pulumi.Resource]:
        entry, around, name = self.deployable, self.around, self.deployable.name
        config, member = around.config, self.account.member
        grants: list[pulumi.Resource] = [
            pubsub.TopicIAMMember(
                f"{name}-publishes-{topic_of(event)}",
                project=config.project,
                topic=around.streams.topics[event].name,
                role="roles/pubsub.publisher",
                member=member,
                opts=self.child,
            )
            for event in entry.publishes
        ]
        grants += [
            storage.BucketIAMMember(
                f"{name}-{bucket}",
                bucket=around.buckets.buckets[bucket].name,
                role=f"roles/storage.{role}",
                member=member,
                opts=self.child,
            )
            for bucket, role in entry.buckets.items()
        ]
        grants += [
            bigquery.DatasetIamMember(
                f"{name}-{dataset}-{role}",
                project=config.project,
                dataset_id=around.warehouse.datasets[dataset].dataset_id,
                role=f"roles/bigquery.{role}",
                member=member,
                opts=self.child,
            )
            for dataset, role in entry.datasets.items()
        ]
        grants += [
            around_secret_access(around, name, secret, member, self.child)
            for secret in entry.secrets.values()
        ]
        grants += [
            cloudrunv2.JobIamMember(
                f"{name}-runs-{job}",
                project=config.project,
                location=config.region,
                name=jobs[job].name,
                role="roles/run.jobsExecutorWithOverrides",
                member=member,
                opts=self.child,
            )
            for job in entry.runs
        ]
        for event in entry.listens:
            grants.append(
                pubsub.TopicIAMMember(
                    f"{name}-listens-{topic_of(event)}",
                    project=config.project,
                    topic=around.streams.topics[event].name,
                    role="roles/pubsub.subscriber",
                    member=member,
                    opts=self.child,
                )
            )
        if entry.listens:
            grants.append(
                projects.IAMMember(
                    f"{name}-listener",
                    project=config.project,
                    role=around.identities.listener.name,
                    member=member,
                    opts=self.child,
                )
            )
        grants.append(project_role(config, name, "logging.logWriter", member, self.child))
        if entry.kind == "pipeline":
            grants.append(project_role(config, name, "dataflow.worker", member, self.child))
        grants += self._launching(name, member)
        if entry.firestore:
            grants.append(project_role(config, name, "datastore.user", member, self.child))
        if entry.datasets:
            grants.append(project_role(config, name, "bigquery.jobUser", member, self.child))
        if entry.finalizes:
            grants.append(project_role(config, name, "eventarc.eventReceiver", member, self.child))
        return grants

    def _launching(self, name: str, member: pulumi.Input[str]) -> list[pulumi.Resource]:
        """What it takes to launch a pipeline: to make jobs, and to let them be their worker."""
        config, found = self.around.config, []
        for pipeline in self.deployable.starts:
            found.append(project_role(config, name, "dataflow.developer", member, self.child))
            found.append(
                serviceaccount.IAMMember(
                    f"{name}-starts-{pipeline}",
                    service_account_id=(
                        f"projects/{config.project}/serviceAccounts/"
                        f"segue-{pipeline}@{config.project}.iam.gserviceaccount.com"
                    ),
                    role="roles/iam.serviceAccountUser",
                    member=member,
                    opts=self.child,
                )
            )
        return found

    def _environment(self, region: str | None = None) -> dict[str, str]:
        """The entry's variables with every placeholder filled by a name that the stack knows, for
        what runs in `region` (None: the primary one)."""
        entry, around = self.deployable, self.around
        config = around.config
        project = config.project
        known = {
            "project": project,
            "region": region or config.region,
            "warm_budget_mib": str(config.warm_budget_mib),
            "grant_s": str(config.grant_s),
            "public_url": config.public_url,
            "default_territory": config.default_territory,
            "ddex_party_id": config.ddex_party_id,
            "oidc_certs_url": config.oidc_certs_url,
            "run_api_endpoint": config.run_api_endpoint,
            "launch_url": launch_url(config),
            "push_identity": f"segue-push@{project}.iam.gserviceaccount.com",
            "service_audience": audience(entry.name),
            "cdn_key_name": config.cdn_key_name,
            "edges": config.edges_json,
            "jwt_other_key": config.jwt_other_key,
            "mail_from": config.mail.sender,
            "smtp_host": config.mail.host,
            "smtp_port": str(config.mail.port),
            "smtp_security": config.mail.security,
            "smtp_username": config.mail.username,
        }
        known |= {f"bucket_{name}": f"{project}-{name}" for name in entry.buckets}
        known |= {f"dataset_{name}": f"{project}.{DATASETS[name]}" for name in entry.datasets}
        known |= {
            f"job_{job}": f"projects/{project}/locations/{config.region}/jobs/{job}"
            for job in entry.runs
        }
        try:
            return {key: value.format_map(known) for key, value in sorted(entry.env.items())}
        except KeyError as error:
            raise UnknownName(f"{entry.name}: nothing fills {error} in its env") from error

    def _environment_args(self, region: str | None = None) -> list[dict]:
        values: list[dict] = [
            {"name": name, "value": value} for name, value in self._environment(region).items()
        ]
        values += [
            {"name": f"LAUNCH_{it}".replace("-", "_").upper(), "value": self.templates[it].body}
            for it in self.deployable.starts
        ]
        values += [
            {
                "name": variable,
                "value_source": {
                    "secret_key_ref": {
                        "secret": self.around.secrets.secrets[secret].secret_id,
                        "version": "latest",
                    }
                },
            }
            for variable, secret in sorted(self.deployable.secrets.items())
        ]
        return values

    def _container(self, image: ContainerImage, region: str | None = None) -> Any:
        """For services and jobs alike, whose types differ in name only."""
        scale = self.deployable.scale
        return {
            "image": image.reference,
            "envs": self._environment_args(region),
            "resources": {"limits": {"cpu": scale.cpu, "memory": scale.memory}},
        }

    def _after_grants(self) -> pulumi.ResourceOptions:
        """A revision that starts before its permissions exist would fail its first requests."""
        versions = [self.around.secrets.versions[s] for s in self.deployable.secrets.values()]
        return pulumi.ResourceOptions(
            parent=self, depends_on=[*self.grants, *versions, self.around.database]
        )

    # What runs it.

    def _service(self, image: ContainerImage, region: str) -> cloudrunv2.Service:
        entry, config = self.deployable, self.around.config
        primary = region == config.region
        container: Any = {
            **self._container(image, region),
            "ports": {"container_port": 8080},
            "startup_probe": {
                "http_get": {"path": "/_health"},
                "period_seconds": 1,
                "failure_threshold": 30,
            },
        }
        service = cloudrunv2.Service(
            entry.name if primary else f"{entry.name}-{region}",
            project=config.project,
            name=entry.name,
            location=region,
            # From the load balancer, and from Pub/Sub and Cloud Scheduler of this project.
            ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
            custom_audiences=[audience(entry.name)],
            deletion_protection=config.protect,
            labels=config.labels,
            template={
                "service_account": self.account.email,
                "timeout": f"{entry.scale.timeout_s}s",
                "session_affinity": True if entry.session_affinity else None,
                "max_instance_request_concurrency": entry.scale.concurrency,
                "scaling": {
                    "min_instance_count": entry.scale.min_instances,
                    "max_instance_count": entry.scale.max_instances,
                },
                "containers": [container],
            },
            traffics=[{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
            opts=self._after_grants(),
        )
        # The load balancer carries no identity; tokens are checked by the service itself, and the
        # ingress setting keeps everyone out who does not come through it.
        cloudrunv2.ServiceIamMember(
            f"{entry.name}-public" if primary else f"{entry.name}-public-{region}",
            project=config.project,
            location=region,
            name=service.name,
            role="roles/run.invoker",
            member="allUsers",
            opts=self.child,
        )
        return service

    def _job(self, image: ContainerImage) -> cloudrunv2.Job:
        entry, config = self.deployable, self.around.config
        return cloudrunv2.Job(
            entry.name,
            project=config.project,
            name=entry.name,
            location=config.region,
            deletion_protection=config.protect,
            labels=config.labels,
            template={
                "template": {
                    "service_account": self.account.email,
                    "timeout": f"{entry.scale.timeout_s}s",
                    "max_retries": 3,
                    "containers": [self._container(image)],
                }
            },
            opts=self._after_grants(),
        )

    def _function(self, source: storage.BucketObject) -> cloudfunctionsv2.Function:
        entry, around, config = self.deployable, self.around, self.around.config
        if entry.finalizes is None:
            raise Incomplete(f"{entry.name}: a function needs `finalizes`, the bucket it watches")
        trigger_rights = [
            project_role(
                config, "storage-agent", "pubsub.publisher", around.agents.storage, self.child
            ),
        ]
        function = cloudfunctionsv2.Function(
            entry.name,
            project=config.project,
            name=entry.name,
            location=config.region,
            labels=config.labels,
            build_config={
                "runtime": "python311",
                "entry_point": entry.source,
                "source": {"storage_source": {"bucket": source.bucket, "object": source.name}},
            },
            service_config={
                "service_account_email": self.account.email,
                "ingress_settings": "ALLOW_INTERNAL_ONLY",
                "available_cpu": entry.scale.cpu,
                "available_memory": entry.scale.memory,
                "timeout_seconds": entry.scale.timeout_s,
                "max_instance_count": entry.scale.max_instances,
                "min_instance_count": entry.scale.min_instances,
                "max_instance_request_concurrency": entry.scale.concurrency,
                "environment_variables": self._environment(),
            },
            event_trigger={
                "event_type": "google.cloud.storage.object.v1.finalized",
                "trigger_region": config.region,
                "retry_policy": "RETRY_POLICY_RETRY",
                "service_account_email": self.account.email,
                "event_filters": [
                    {
                        "attribute": "bucket",
                        "value": around.buckets.buckets[entry.finalizes].name,
                    }
                ],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self.grants, *trigger_rights]),
        )
        cloudfunctionsv2.FunctionIamMember(
            f"{entry.name}-trigger",
            project=config.project,
            location=config.region,
            cloud_function=function.name,
            role="roles/run.invoker",
            member=self.account.member,
            opts=self.child,
        )
        return function

    # What wakes it.

    def _subscribe(self) -> None:
        """A push subscription for each event that it consumes, in the primary region."""
        config = self.around.config
        for event in self.deployable.consumes:
            self.around.streams.subscribe(
                event,
                self.deployable.name,
                pulumi.ResourceOptions(parent=self, depends_on=[self.services[config.region]]),
                push_config={
                    "push_endpoint": pulumi.Output.format(
                        "{0}/_events/{1}", self.services[config.region].uri, topic_of(event)
                    ),
                    "oidc_token": {
                        "service_account_email": self.around.identities.push.email,
                        "audience": audience(self.deployable.name),
                    },
                },
            )

    def _schedule(self) -> None:
        for schedule in self.deployable.schedules:
            regions = self.services if schedule.regional else [self.around.config.region]
            for region in regions:
                self._scheduled(schedule, region)

    def _scheduled(self, schedule: Schedule, region: str) -> None:
        config = self.around.config
        name = schedule.name if region == config.region else f"{schedule.name}-{region}"
        cloudscheduler.Job(
            name,
            project=config.project,
            name=name,
            region=region,
            schedule=schedule.cron,
            time_zone="Etc/UTC",
            attempt_deadline="300s",
            retry_config={"retry_count": 3, "min_backoff_duration": "5s"},
            http_target={
                "uri": pulumi.Output.format(
                    "{0}/_tasks/{1}", self.services[region].uri, schedule.name
                ),
                "http_method": "POST",
                "oidc_token": {
                    "service_account_email": self.around.identities.push.email,
                    "audience": audience(self.deployable.name),
                },
            },
            opts=self.child,
        )


def audience(name: str) -> str:
    """What tokens for `/_events` and `/_tasks` of a service are made out to."""
    return f"segue-{name}"


def around_secret_access(
    around: Surroundings,
    name: str,
    secret: str,
    member: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    from pulumi_gcp import secretmanager

    return secretmanager.SecretIamMember(
        f"{name}-reads-{secret}",
        project=around.config.project,
        secret_id=around.secrets.secrets[secret].secret_id,
        role="roles/secretmanager.secretAccessor",
        member=member,
        opts=opts,
    )
