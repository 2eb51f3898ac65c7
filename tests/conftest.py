"""What every test may use."""

import os
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
JOURNEYS = "tests/journeys/"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real audio, feeds and listening data, where they are at hand; else the test is skipped."""
    path = Path(os.environ.get("SEGUE_DATA", ROOT.parent / "shared" / "data"))
    if not (path / "audio").is_dir():
        pytest.skip(f"needs the shared test data (looked in {path}; set SEGUE_DATA)")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys first: they take longest, and with several workers one of them takes all."""
    items.sort(key=lambda item: not item.nodeid.startswith(JOURNEYS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """A file's tests stay with one worker, and all journeys: they share a cloud."""

    def _split_scope(self, nodeid: str) -> str:
        return JOURNEYS if nodeid.startswith(JOURNEYS) else nodeid.partition("::")[0]
