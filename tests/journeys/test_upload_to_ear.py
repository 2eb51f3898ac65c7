"""One track from upload to ear, through the whole local cloud, by the public interface alone."""

import json
import math
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import wave
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tests.journeys.cloud import Cloud

SECONDS = 12


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    for number, pitch in enumerate((220.0, 330.0)):
        _tone(folder / f"tone {number}.wav", pitch)
    (folder / "not music.mp3").write_text("words " * 200)
    return folder


def _tone(path: Path, hz: float) -> None:
    rate = 44_100
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        frames = bytearray()
        for at in range(rate * SECONDS):
            value = int(9000 * math.sin(2 * math.pi * hz * at / rate))
            frames += struct.pack("<hh", value, -value)
        file.writeframes(bytes(frames))


class Api:
    """The public HTTP interface, as a stranger's client would use it."""

    def __init__(self, cloud: Cloud) -> None:
        self.host = cloud.host
        form = {"grant_type": "client_credentials", "client_id": cloud.client_id,
                "client_secret": cloud.client_secret}  # fmt: skip
        request = urllib.request.Request(
            f"{cloud.host}/api/token", urllib.parse.urlencode(form).encode()
        )
        self.token = json.load(urllib.request.urlopen(request))["access_token"]

    def __call__(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        url = path if path.startswith("http") else self.host + path
        headers = {"Authorization": f"Bearer {token or self.token}"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def all_tracks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path = "/v1/tracks?limit=50"
        while path:
            status, page = self("GET", path)
            assert status == 200
            found += page["items"]
            path = page["next"]
        return found

    def tracks(self) -> dict[str, dict[str, Any]]:
        return {item["name"]: item for item in self.all_tracks()}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return Api(cloud)


@pytest.fixture(scope="module")
def ingested(cloud: Cloud, api: Api, library: Path) -> dict[str, dict[str, Any]]:
    done = cloud.segue("ingest", str(library))
    assert done.returncode != 0, "one of three files is no music, and the exit code says so"
    assert "NOT_AUDIO" in done.stdout + done.stderr
    return api.tracks()


def test_ingest_makes_every_good_file_playable_and_names_the_bad_one(
    ingested: dict[str, dict[str, Any]], api: Api
) -> None:
    assert {"tone 0", "tone 1"} <= set(ingested)
    status, uploads = api("GET", "/v1/uploads?limit=50")
    assert status == 200
    failed = [it for it in uploads["items"] if it["filename"] == "not music.mp3"]
    assert [it["status"] for it in failed] == ["failed"]
    assert failed[0]["reason"] == "NOT_AUDIO"


def test_ingest_again_uploads_nothing_twice(
    cloud: Cloud, api: Api, ingested: dict[str, dict[str, Any]], library: Path
) -> None:
    cloud.segue("ingest", str(library / "tone 0.wav"), str(library / "tone 1.wav"))
    assert set(api.tracks()) == set(ingested)


def _granted(api: Api, track: str, patience_s: float = 20) -> dict[str, Any]:
    """The grant; the projection of a fresh licence may take a moment."""
    deadline = time.monotonic() + patience_s
    while True:
        status, grant = api("POST", "/v1/plays", {"track_id": track})
        if status == 201:
            return grant
        assert time.monotonic() < deadline, (status, grant)
        time.sleep(0.3)


def test_audio_needs_a_valid_signature(api: Api, ingested: dict[str, dict[str, Any]]) -> None:
    grant = _granted(api, ingested["tone 0"]["id"])
    url = next(it["url"] for it in grant["manifests"] if it["protocol"] == "hls")
    assert urllib.request.urlopen(url).read().startswith(b"#EXTM3U")
    bare = url.partition("?")[0]
    signature = dict(urllib.parse.parse_qsl(grant["signature"]))
    tampered = {**signature, "Expires": str(int(signature["Expires"]) + 60)}
    expired = {**signature, "Expires": "1"}
    other = _granted(api, ingested["tone 1"]["id"])["signature"]
    for wrong in (
        bare,
        f"{bare}?{urllib.parse.urlencode(tampered)}",
        f"{bare}?{urllib.parse.urlencode(expired)}",
        f"{bare}?{other}",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(wrong)
        assert refused.value.code == 403, wrong


def test_play_is_adaptive_and_counted_once_in_bigquery(
    cloud: Cloud, ingested: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    report = tmp_path / "play.json"
    done = cloud.segue(
        "play", ingested["tone 0"]["id"], "--fast", "--report", str(report), timeout_s=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    play = json.loads(report.read_text())
    rows: list[Any] = []
    client = bigquery.Client(
        project="segue-dev",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{cloud.endpoints()['bigquery']}"},
    )
    for _ in range(60):
        query = (
            "SELECT user_id, ms_played FROM `segue-dev.segue_events.track_played_unique` "
            f"WHERE play_id = '{play['play_id']}'"
        )
        rows = list(client.query(query, retry=None).result(retry=None))
        if rows:
            break
        time.sleep(0.5)
    assert [row["ms_played"] for row in rows] == [SECONDS * 1000]


def test_play_appears_in_recently_played(api: Api, ingested: dict[str, dict[str, Any]]) -> None:
    track = ingested["tone 0"]["id"]
    deadline = time.monotonic() + 60
    while True:
        status, page = api("GET", "/v1/me/player/recently-played")
        assert status == 200
        if track in {item["track"]["id"] for item in page["items"]}:
            return
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_listener_outside_the_licence_is_told_why(
    api: Api, ingested: dict[str, dict[str, Any]], cloud: Cloud
) -> None:
    track = ingested["tone 1"]["id"]
    status, client = api(
        "POST", "/v1/clients",
        {"name": "abroad", "scopes": ["streaming"], "plan": "free", "territory": "NZ"},
    )  # fmt: skip
    assert status == 201
    listener = Api(Cloud(cloud.host, client["client_id"], client["client_secret"],
                         cloud.data_dir, cloud.process))  # fmt: skip
    grant = _granted(listener, track)
    rungs = {it["kbps"] for it in grant["renditions"]}
    assert max(rungs) == 160, "the free plan ends at 160 kbps"
    high = next(it["url"] for it in _granted(api, track)["renditions"] if it["kbps"] == 320)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{high.partition('?')[0]}?{grant['signature']}")
    assert refused.value.code == 403, "and its signature does not open the 320"
    status, body = listener("POST", "/v1/uploads", {"filename": "x", "size_bytes": 1})
    assert (status, body["error"]["reason"]) == (403, "INSUFFICIENT_SCOPE")


def test_track_without_a_licence_is_refused_by_name(cloud: Cloud, api: Api, tmp_path: Path) -> None:
    _tone(tmp_path / "unlicensed.wav", 440.0)
    done = cloud.segue("ingest", "--no-licence", str(tmp_path / "unlicensed.wav"))
    assert done.returncode == 0, done.stdout + done.stderr
    track = api.tracks()["unlicensed"]["id"]
    deadline = time.monotonic() + 20
    while True:
        status, body = api("POST", "/v1/plays", {"track_id": track})
        if body["error"]["reason"] != "TRACK_NOT_FOUND" or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    assert status == 403
    assert body["error"]["reason"] in {"NO_LICENCE", "NOT_LICENSED"}


def test_link_lets_a_person_listen_and_no_more(
    cloud: Cloud, api: Api, ingested: dict[str, dict[str, Any]]
) -> None:
    token = cloud.segue("link").stdout.strip().partition("#token=")[2]
    status, _ = api("POST", "/v1/plays", {"track_id": ingested["tone 0"]["id"]}, token=token)
    assert status == 201
    status, body = api("POST", "/v1/uploads", {"filename": "x", "size_bytes": 1}, token=token)
    assert (status, body["error"]["reason"]) == (403, "INSUFFICIENT_SCOPE")
