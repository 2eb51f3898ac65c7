"""Eventarc triggers of the program, and the CloudEvents that a change of an object means for them.

Source: cloud.google.com/eventarc/docs/cloudevents-json and the `google.events.cloud.storage.v1`
schema. An event is noted in the same transaction as the change that it tells of.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulators.graph import Graph
from emulators.runtime.storage.index import Index
from emulators.runtime.storage.records import StoredObject, object_resource, rfc3339

_FUNCTION = "gcp:cloudfunctionsv2/function:Function"
_PREFIX = "google.cloud.storage.object.v1."
# A laptop does not scale out: as many instances' worth of events at once as it has cores.
_LOCAL_INSTANCES = max(2, os.cpu_count() or 1)
_MOST_CONCURRENT = 64
_DEFAULT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Trigger:
    """Send events of `event_type` in `bucket` to `function`, as `service_account`.

    `concurrent` deliveries at once, each of at most `timeout_s`; `retry` until it succeeds.
    """

    function: str
    audience: str
    event_type: str
    bucket: str
    service_account: str
    concurrent: int = 1
    timeout_s: float = _DEFAULT_TIMEOUT_S
    retry: bool = True


def of_graph(graph: Graph) -> list[Trigger]:
    """Every function of the program that a Cloud Storage event triggers."""
    found = []
    for resource in graph.all(_FUNCTION):
        event = resource.get("eventTrigger") or {}
        if not str(event.get("eventType", "")).startswith(_PREFIX):
            continue
        config = resource.get("serviceConfig") or {}
        filters = {entry["attribute"]: entry["value"] for entry in event["eventFilters"]}
        instances = min(int(config.get("maxInstanceCount") or 1), _LOCAL_INSTANCES)
        each = int(config.get("maxInstanceRequestConcurrency") or 1)
        found.append(
            Trigger(
                function=resource["name"],
                audience=config.get("uri") or resource.get("uri") or resource.get("url") or "",
                event_type=event["eventType"],
                bucket=filters["bucket"],
                service_account=event["serviceAccountEmail"],
                concurrent=min(instances * each, _MOST_CONCURRENT),
                timeout_s=float(config.get("timeoutSeconds") or _DEFAULT_TIMEOUT_S),
                retry=event.get("retryPolicy") == "RETRY_POLICY_RETRY",
            )
        )
    return found


class TriggerOutbox:
    """The store's outbox: one pending delivery for each trigger that an event fits."""

    def __init__(
        self,
        index: Index,
        triggers: Sequence[Trigger],
        base_url: str,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._index = index
        self._triggers = triggers
        self._base_url = base_url
        self._wake = wake
        self._news = False

    def record(self, event_type: str, stored: StoredObject) -> None:
        for trigger in self._triggers:
            if trigger.event_type == event_type and trigger.bucket == stored.bucket:
                headers, body = cloud_event(event_type, stored, self._base_url)
                self._index.add_delivery(trigger.function, headers, body, stored.updated_us)
                self._news = True

    def on_wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def wake(self) -> None:
        if self._news:
            self._news = False
            self._wake()


def cloud_event(event_type: str, stored: StoredObject, base_url: str) -> tuple[dict[str, str], str]:
    """Binary-mode headers and body. The id is the same however often the event is delivered."""
    bucket, name = stored.bucket, stored.name
    kind = event_type.removeprefix(_PREFIX)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f"{stored.generation}{stored.metageneration:04d}-{kind}",
        "ce-type": event_type,
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "ce-subject": _header_text(f"objects/{name}"),
        "ce-time": rfc3339(stored.updated_us),
        "ce-bucket": bucket,
        "content-type": "application/json",
    }
    return headers, json.dumps(object_resource(stored, base_url))


def _header_text(text: str) -> str:
    """Percent-encode what a CloudEvents HTTP header may not carry as it is (binding §3.1.3.2)."""
    return "".join(
        char if "!" <= char <= "~" and char not in '"%' else _percent(char) for char in text
    )


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())
