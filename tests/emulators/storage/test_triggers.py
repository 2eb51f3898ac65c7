"""Triggers out of the program's graph, and the events that they mean."""

import json
import os

import pytest

from emulators.graph import Graph, Resource
from emulators.runtime.storage.cloud import declare_buckets
from emulators.runtime.storage.index import Index
from emulators.runtime.storage.records import Blob, StoredObject
from emulators.runtime.storage.triggers import cloud_event, of_graph

FINALIZED = "google.cloud.storage.object.v1.finalized"


def _graph(*resources: tuple[str, dict]) -> Graph:
    listed = tuple(
        Resource(f"urn:{number}", kind, str(number), properties)
        for number, (kind, properties) in enumerate(resources)
    )
    return Graph("dev", "segue", "1", "europe-west1", listed)


def _function(**changes: object) -> tuple[str, dict]:
    properties = {
        "name": "transcode",
        "uri": "https://transcode-1.europe-west1.run.app",
        "serviceConfig": {
            "maxInstanceRequestConcurrency": 1,
            "maxInstanceCount": 3,
            "timeoutSeconds": 540,
        },
        "eventTrigger": {
            "eventType": FINALIZED,
            "eventFilters": [{"attribute": "bucket", "value": "segue-masters"}],
            "retryPolicy": "RETRY_POLICY_RETRY",
            "serviceAccountEmail": "transcode@segue",
        },
    }
    return "gcp:cloudfunctionsv2/function:Function", {**properties, **changes}


def test_a_storage_trigger_becomes_a_delivery_rule() -> None:
    (trigger,) = of_graph(_graph(_function()))
    assert trigger.function == "transcode"
    assert trigger.bucket == "segue-masters"
    assert trigger.audience == "https://transcode-1.europe-west1.run.app"
    assert (trigger.timeout_s, trigger.retry) == (540, True)


@pytest.mark.parametrize(
    ("instances", "each", "least", "most"),
    [(1, 1, 1, 1), (1, 5, 5, 5), (100, 1, 2, os.cpu_count() or 2), (100, 80, 64, 64)],
)
def test_deliveries_at_once_follow_the_program_as_far_as_this_machine_goes(
    instances: int, each: int, least: int, most: int
) -> None:
    config = {"maxInstanceRequestConcurrency": each, "maxInstanceCount": instances}
    (trigger,) = of_graph(_graph(_function(serviceConfig=config)))
    assert least <= trigger.concurrent <= max(2, most)


def test_other_functions_have_no_trigger() -> None:
    pubsub = {"eventType": "google.cloud.pubsub.topic.v1.messagePublished"}
    assert of_graph(_graph(_function(eventTrigger=None), _function(eventTrigger=pubsub))) == []


def test_odd_names_stay_legal_in_headers_and_exact_in_the_body() -> None:
    name = 'ü "a" 50%\n🎵'.replace("\n", "\t")
    stored = StoredObject("b", name, 7, 1, Blob("f", 0, "", None), 0, 0, {})
    headers, body = cloud_event(FINALIZED, stored, "http://localhost")
    assert headers["ce-subject"] == "objects/%C3%BC%20%22a%22%2050%25%09%F0%9F%8E%B5"
    assert json.loads(body)["name"] == name


def test_buckets_are_those_of_the_program(tmp_path) -> None:
    declared = {
        "name": "segue-masters",
        "location": "europe-west1",
        "cors": [{"origins": ["https://x"], "methods": ["PUT"], "maxAgeSeconds": 60}],
    }
    index = Index(tmp_path / "index.sqlite")
    for now_us in (1, 2):
        declare_buckets(index, _graph(("gcp:storage/bucket:Bucket", declared)), now_us)
    (bucket,) = index.buckets()
    index.close()
    assert (bucket.name, bucket.location) == ("segue-masters", "EUROPE-WEST1")
    assert (bucket.created_us, bucket.metageneration) == (1, 1)
    assert bucket.settings["cors"] == [
        {"origin": ["https://x"], "method": ["PUT"], "maxAgeSeconds": 60}
    ]
