"""Deals in, plays allowed, takedowns everywhere: through the whole local cloud."""

import time
import urllib.request
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.cloud import Cloud
from tests.journeys.test_upload_to_ear import Api
from tests.shared.ddex.messages import header, message, purge, recording

ISRC = "SEABC2699999"


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    return Api(cloud)


@pytest.fixture(scope="module")
def track(cloud: Cloud, api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A track of ours that carries the ISRC and that nothing licenses."""
    file = tmp_path_factory.mktemp("rights") / "under licence.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, 44_100, 0, "NONE", ""))
        sound.writeframes(bytes(range(250)) * 2 * 44_100)
    done = cloud.segue("ingest", "--no-licence", str(file))
    assert done.returncode == 0, done.stderr
    id = api.tracks()["under licence"]["id"]
    request = urllib.request.Request(
        f"{api.host}/v1/catalog/tracks/{id}",
        f'{{"isrc": "{ISRC}"}}'.encode(),
        {
            "Authorization": f"Bearer {api.token}",
            "Content-Type": "application/json",
            "If-Match": "*",
        },
        method="PATCH",
    )
    assert urllib.request.urlopen(request).status == 200
    return id


def sent(cloud: Cloud, folder: Path, data: bytes) -> str:
    """What `segue rights import` says of a message."""
    file = folder / "message.xml"
    file.write_bytes(data)
    done = cloud.segue("rights", "import", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plays(api: Api, track: str) -> tuple[int, Any]:
    return api("POST", "/v1/plays", {"track_id": track})


def test_a_message_lets_play_and_a_purge_ends_it_everywhere(
    cloud: Cloud, api: Api, track: str, tmp_path: Path
) -> None:
    def now() -> str:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    status, refused = plays(api, track)
    assert (status, refused["error"]["decision"]["reason"]) == (403, "NO_LICENCE")
    told = message(head=header(now()), recordings=[recording(isrc=ISRC)])
    assert "imported" in sent(cloud, tmp_path, told)
    deadline = time.monotonic() + 20
    while (status := plays(api, track)[0]) != 201:
        assert time.monotonic() < deadline, "the track never became playable"
        time.sleep(0.2)
    answer = cloud.segue("rights", "explain", track, "--in", "SE", "--plan", "free").stdout
    assert "YES: a licence covers it" in answer
    assert "everywhere; from 2026-01-01 00:00:00 local time; without end" in answer

    assert "purged" in sent(cloud, tmp_path, purge(now()))
    acknowledged = time.monotonic()
    while plays(api, track)[0] == 201:
        assert time.monotonic() < acknowledged + 5, "it still plays 5 s after the purge"
        time.sleep(0.05)
    status, refused = plays(api, track)
    assert (status, refused["error"]["decision"]["reason"]) == (403, "NO_LICENCE")
    assert "no licence covers this track at all" in cloud.segue("rights", "explain", track).stdout
