"""A container image that Cloud Build makes from a source archive, as a Pulumi resource.

The Cloud Run resource of the Google provider does not build from source (docs/decisions/0002), so
`pulumi up` builds here: once per content hash, by Cloud Build's REST API, waiting for the digest.
"""

import contextlib
import pickle
from collections.abc import Iterator
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider


class CloudBuild(ResourceProvider):
    """Creates the image; an image is never updated (its tag is its content) nor deleted.

    The engine runs a pickled copy of this class in a process of its own, where this package is
    not importable: each method imports all that it uses, and the class is pickled by value.
    """

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> Any:
        import time

        import google.auth
        import requests
        from google.auth.transport.requests import AuthorizedSession
        from pulumi.dynamic import CreateResult
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        if props.get("api_endpoint"):
            session, base = requests.Session(), props["api_endpoint"]
        else:
            scopes = ["https://www.googleapis.com/auth/cloud-platform"]
            session = AuthorizedSession(google.auth.default(scopes=scopes)[0])
            base = "https://cloudbuild.googleapis.com"
        # Polls only: a build that was asked for twice would be built twice.
        again = Retry(5, backoff_factor=0.2, status_forcelist=(429, 500, 502, 503, 504))
        session.mount(base, HTTPAdapter(max_retries=again))

        def told(answer: Any) -> dict[str, Any]:
            if answer.status_code != 200:
                raise RuntimeError(
                    f"Cloud Build answered {answer.status_code} for {props['image']}: {answer.text}"
                )
            return answer.json()

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
        accepted = told(session.post(f"{location}/builds", json=build, timeout=60))
        build_id = accepted["metadata"]["build"]["id"]
        while True:
            state = told(session.get(f"{location}/builds/{build_id}", timeout=60))
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


# What belongs to __main__, dill pickles by value; a method left out would be pickled by its name.
for _part in (CloudBuild, CloudBuild.create, CloudBuild.diff):
    _part.__module__ = "__main__"


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
        with _pickler_kept():
            super().__init__(CloudBuild(), name, inputs, opts)


@contextlib.contextmanager
def _pickler_kept() -> Iterator[None]:
    """The SDK wraps two methods of the pickler each time it serializes a provider and leaves the
    wrapping on: after some hundred images in one process the next would recurse too deep."""
    pickler: Any = pickle._Pickler
    kept = pickler._batch_setitems, pickler.save_dict
    try:
        yield
    finally:
        pickler._batch_setitems, pickler.save_dict = kept
