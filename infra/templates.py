"""Dataflow flex templates: a pipeline's image and specification, and what launches it on time.

Sources: https://cloud.google.com/dataflow/docs/guides/templates/using-flex-templates (the file),
https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_gcp import cloudscheduler, serviceaccount, storage

from infra.config import StackConfig
from infra.identity import Identities
from infra.image import ContainerImage
from infra.services import Deployable

SPREAD = {
    "zone": "Whose listeners are filled: a name of shared/zones.py, or all.",
    "generation": "The ISO week that it is made for, as 2026-W47; this week by default.",
    "again": "yes: also if the week is done, for listeners who came since.",
}
"""Parameters that a launch may add to those of the deployable."""


def template_name(deployable: Deployable, content_hash: str) -> str:
    """The specification's object in the source bucket."""
    return f"templates/{deployable.name}-{content_hash}.json"


def specification(deployable: Deployable, image: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The template's file: a `ContainerSpec`. `values` are the deployable's own parameters."""
    own = [
        {"name": name, "label": name, "helpText": f"As in {value}.", "isOptional": False}
        for name, value in sorted(values.items())
    ]
    more = [
        {"name": name, "label": name, "helpText": text, "isOptional": True}
        for name, text in SPREAD.items()
    ]
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": deployable.name,
            "description": "The weekly batch: what everyone may want to hear.",
            "parameters": [*own, *more],
        },
    }


def launch(
    config: StackConfig,
    deployable: Deployable,
    *,
    bucket: str,
    template: str,
    image: str,
    worker: str,
    values: Mapping[str, str],
) -> dict[str, Any]:
    """The body of `flexTemplates:launch`. Its job name is always the same: Dataflow runs no two
    jobs of one name at once, so a launch that is fired twice runs once.

    `bucket` is where it may stage files; `template` the specification's gs:// address.
    """
    return {
        "launchParameter": {
            "jobName": deployable.name,
            "containerSpecGcsPath": template,
            "parameters": dict(sorted(values.items())),
            "environment": {
                "serviceAccountEmail": worker,
                "sdkContainerImage": image,
                "tempLocation": f"gs://{bucket}/dataflow/temp",
                "stagingLocation": f"gs://{bucket}/dataflow/staging",
                "maxWorkers": deployable.scale.max_instances,
                "machineType": "n2-standard-4",
                "additionalExperiments": ["use_runner_v2"],
                "additionalUserLabels": config.labels,
            },
        }
    }


def launch_url(config: StackConfig) -> str:
    """Where launches are posted to."""
    return (
        f"{config.dataflow_api_endpoint}/v1b3/projects/{config.project}"
        f"/locations/{config.region}/flexTemplates:launch"
    )


class FlexTemplate(pulumi.ComponentResource):
    """The specification in the source bucket, and a schedule for each of the entry's launches.

    `body` is the launch's, as JSON, for whoever launches it by hand.
    """

    def __init__(
        self,
        config: StackConfig,
        identities: Identities,
        deployable: Deployable,
        *,
        account: serviceaccount.Account,
        image: ContainerImage,
        source: storage.Bucket,
        content_hash: str,
        staging: str,
        values: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("segue:index:FlexTemplate", f"{deployable.name}-template", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        name = template_name(deployable, content_hash)
        kept = storage.BucketObject(
            f"{deployable.name}-specification",
            bucket=source.name,
            name=name,
            content_type="application/json",
            cache_control="no-cache",
            source=image.reference.apply(
                lambda it: pulumi.StringAsset(json.dumps(specification(deployable, it, values)))
            ),
            opts=child,
        )
        serviceaccount.IAMMember(
            f"{deployable.name}-launcher",
            service_account_id=account.name,
            role="roles/iam.serviceAccountUser",
            member=identities.launcher.member,
            opts=child,
        )

        def body(parameters: Mapping[str, str], named: str) -> pulumi.Output[str]:
            def filled(found: list[Any]) -> str:
                reference, worker, bucket, object = found
                made = launch(
                    config, deployable, bucket=staging, template=f"gs://{bucket}/{object}",
                    image=reference, worker=worker, values={**values, **parameters},
                )  # fmt: skip
                made["launchParameter"]["jobName"] = named
                return json.dumps(made)

            return pulumi.Output.all(image.reference, account.email, kept.bucket, kept.name).apply(
                filled
            )

        self.body = body({}, deployable.name)
        for each in deployable.launches:
            cloudscheduler.Job(
                each.name,
                project=config.project,
                name=each.name,
                region=config.region,
                schedule=each.cron,
                time_zone=each.time_zone,
                attempt_deadline="300s",
                retry_config={"retry_count": 5, "min_backoff_duration": "30s"},
                http_target={
                    "uri": launch_url(config),
                    "http_method": "POST",
                    "headers": {"Content-Type": "application/json"},
                    "body": body(each.parameters, each.name).apply(
                        lambda text: base64.b64encode(text.encode()).decode()
                    ),
                    "oauth_token": {
                        "service_account_email": identities.launcher.email,
                        "scope": "https://www.googleapis.com/auth/cloud-platform",
                    },
                },
                opts=child,
            )
        self.register_outputs({})
