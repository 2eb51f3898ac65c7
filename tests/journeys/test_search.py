"""What is ingested is found, under its newest name, until it is taken down; whatever crashes."""

import contextlib
import json
import os
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.cloud import Cloud
from tests.journeys.test_upload_to_ear import Api, _tone

FRESH_S = 2.0
"""From the answer to a change until search shows it, through two services and Pub/Sub."""
TOLERANCE = 5
"""Shared machines are noisy, and everything runs on this one."""


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return Api(cloud)


@pytest.fixture(scope="module")
def track_id(cloud: Cloud, api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("found") / "Zwölf Émeraudes.wav"
    _tone(path, 510.0)
    done = cloud.segue("ingest", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    return api.tracks()["Zwölf Émeraudes"]["id"]


def found(api: Api, text: str) -> list[dict[str, Any]]:
    status, body = api("GET", f"/v1/search?type=track&q={urllib.parse.quote(text)}")
    assert status == 200, body
    return body["tracks"]["items"]


def until(api: Api, text: str, right: Callable[[list[dict[str, Any]]], bool]) -> float:
    """Seconds until what is found for `text` is `right`."""
    begun = time.monotonic()
    while not right(items := found(api, text)):
        took = time.monotonic() - begun
        assert took < FRESH_S * TOLERANCE, f"{text!r} finds {[it['name'] for it in items]}"
        time.sleep(0.05)
    return time.monotonic() - begun


def test_what_is_ingested_is_found_however_it_is_typed(api: Api, track_id: str) -> None:
    until(api, "zwölf émeraudes", lambda items: [it["id"] for it in items[:1]] == [track_id])
    for text in ("zwolf emer", "Zwoelf", "zwolf emeruades", "track:emeraudes"):
        assert [it["id"] for it in found(api, text)[:1]] == [track_id], text
    _, same = api("GET", f"/v1/tracks/{track_id}")
    shown = found(api, "zwölf émeraudes")[0]
    for name in ("id", "uri", "href", "name", "duration_ms", "explicit", "external_urls"):
        assert shown[name] == same[name], name


def test_renamed_it_has_only_its_new_name(cloud: Cloud, api: Api, track_id: str) -> None:
    _change(api, "PATCH", track_id, {"title": "Quarzuhr"})
    took = until(api, "quarzuhr", lambda items: [it["id"] for it in items] == [track_id])
    print(f"renamed and found after {took:.2f} s")
    # Its album, a single, has a title of its own and keeps it.
    assert found(api, "track:emeraudes") == []


def test_a_generation_and_a_crash_lose_nothing(cloud: Cloud, api: Api, track_id: str) -> None:
    assert cloud.fire("index-search") == 204
    deadline = time.monotonic() + 60
    log = cloud.data_dir / "logs" / "search-index.log"
    while not (log.exists() and "published" in log.read_text()):
        assert time.monotonic() < deadline, "no generation was published"
        time.sleep(0.3)
    _change(api, "PATCH", track_id, {"title": "Sanduhr"})
    until(api, "sanduhr", lambda items: len(items) == 1)
    for process in cloud.state()["processes"]:
        if process["name"] == "search":
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
    # A new instance has the generation's "Quarzuhr", and the rename from the log.
    patience = time.monotonic() + 60
    while True:
        status, body = api("GET", "/v1/search?type=track&q=sanduhr")
        if status == 200:
            break
        assert time.monotonic() < patience, body
        time.sleep(0.3)
    assert [it["id"] for it in body["tracks"]["items"]] == [track_id]
    assert found(api, "quarzuhr") == []


def test_taken_down_it_vanishes(api: Api, track_id: str) -> None:
    _change(api, "DELETE", track_id, None)
    until(api, "sanduhr", lambda items: items == [])


def _change(api: Api, method: str, track_id: str, body: Any) -> None:
    request = urllib.request.Request(
        f"{api.host}/v1/catalog/tracks/{track_id}",
        json.dumps(body).encode() if body is not None else None,
        {
            "Authorization": f"Bearer {api.token}",
            "Content-Type": "application/json",
            "If-Match": "*",
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (200, 204)
