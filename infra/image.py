"""A container image that Cloud Build makes from a source archive, as a Pulumi resource.

The Cloud Run resource of the Google provider does not build from source (docs/decisions/0002), so
`pulumi up` builds here: once per content hash, by Cloud Build's REST API, waiting for the digest.
"""

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class CloudBuild(ResourceProvider):
    """Creates the image; an image is never updated (its tag is its content) nor deleted.

    The engine runs a pickled copy of this class in a process of its own, where this package may
    not be importable: each method imports what it uses, and the class is pickled by value.
    """

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        import time

        import google.auth
        import requests
        from google.auth.transport.requests import AuthorizedSession

        if props.get("api_endpoint"):
            session, base = requests.Session(), props["api_endpoint"]
        else:
            scopes = ["https://www.googleapis.com/auth/cloud-platform"]
            session = AuthorizedSession(google.auth.default(scopes=scopes)[0])
            base = "https://cloudbuild.googleapis.com"
        location = f"{base}/v1/projects/{props['project']}/locations/{props['region']}"
        build = {
            "source": {"storageSource": {"bucket": props["bucket"], "object": props["object"]}},
            "steps": [
                {
                    "name": "gcr.io/cloud-builders/docker",
                    "args": ["build", "--tag", props["image"], "."],
                }
            ],
            "images": [props["image"]],
            "timeout": "1200s",
            "serviceAccount": f"projects/{props['project']}/serviceAccounts/{props['builder']}",
            "options": {"logging": "CLOUD_LOGGING_ONLY"},
        }
        answer = session.post(f"{location}/builds", json=build, timeout=60)
        answer.raise_for_status()
        build_id = answer.json()["metadata"]["build"]["id"]
        while True:
            answer = session.get(f"{location}/builds/{build_id}", timeout=60)
            answer.raise_for_status()
            state = answer.json()
            if state["status"] == "SUCCESS":
                break
            if state["status"] not in ("PENDING", "QUEUED", "WORKING"):
                raise RuntimeError(
                    f"Cloud Build {state['status']} for {props['image']}: "
                    f"{state.get('statusDetail', '')} {state.get('logUrl', '')}"
                )
            time.sleep(props.get("poll_s", 5))
        digest = state["results"]["images"][0]["digest"]
        repository = props["image"].rsplit(":", 1)[0]
        return CreateResult(build_id, {**props, "reference": f"{repository}@{digest}"})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        from pulumi.dynamic import DiffResult

        changed = olds.get("image") != news.get("image")
        return DiffResult(changes=changed, replaces=["image"] if changed else [])


CloudBuild.__module__ = "__main__"  # makes dill pickle the class by value


class ContainerImage(Resource, module="segue", name="ContainerImage"):
    """`reference` is the image by digest, for a Cloud Run template."""

    reference: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        project: str,
        region: str,
        bucket: pulumi.Input[str],
        object: pulumi.Input[str],
        image: str,
        builder: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "project": project,
            "region": region,
            "bucket": bucket,
            "object": object,
            "image": image,
            "builder": builder,
            "reference": None,
        }
        super().__init__(CloudBuild(), name, inputs, opts)
