"""What journeys begin with: the cloud, who runs it, and music in it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.cloud import Cloud, running_cloud
from tests.journeys.people import Operator, library


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A fresh cloud; or, for someone who writes a journey, the one that runs already on the data
    directory that SEGUE_RUNNING names."""
    if running := os.environ.get("SEGUE_RUNNING"):
        data_dir = Path(running)
        profile = json.loads((data_dir / "run" / "client.json").read_text())
        with subprocess.Popen(["sleep", "0"]) as process:
            yield Cloud(**profile, data_dir=data_dir, process=process)
        return
    with running_cloud(tmp_path_factory.mktemp("cloud") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def operator(cloud: Cloud) -> Operator:
    return Operator(cloud)


@pytest.fixture(scope="module")
def tracks(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The demo library, ingested and playable."""
    return library(cloud, tmp_path_factory.mktemp("demo"))
