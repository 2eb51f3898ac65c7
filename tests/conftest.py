"""What every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real audio, feeds and listening data, where they are at hand; else the test is skipped."""
    path = Path(os.environ.get("SEGUE_DATA", ROOT.parent / "shared" / "data"))
    if not (path / "audio").is_dir():
        pytest.skip(f"needs the shared test data (looked in {path}; set SEGUE_DATA)")
    return path


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, a file's tests stay with one, and all journeys: they share a cloud."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests")
        group = path.parts[0] if path.parts[0] == "journeys" else str(path)
        item.add_marker(pytest.mark.xdist_group(group))
