"""A local cloud's folder is its own, and wiped only by who holds it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.data_dir import Unusable, claimed
from emulators.tree import ROOT

HOLD = """
import sys
from pathlib import Path
from emulators.data_dir import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_folder_is_made_and_let_go(tmp_path: Path):
    for _ in range(2):
        with claimed(tmp_path / "a" / "b") as folder:
            (folder / "run").mkdir(exist_ok=True)


def test_folder_of_a_running_cloud_is_neither_shared_nor_wiped(tmp_path: Path):
    folder = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        (folder / "kept").write_text("")
        try:
            with (
                pytest.raises(Unusable, match=f"in use by process {other.pid}"),
                claimed(folder, fresh=True),
            ):
                pass
        finally:
            other.kill()
    assert (folder / "kept").exists()
    # A killed cloud leaves nothing that the next one has to wait for.
    with claimed(folder, fresh=True):
        assert not (folder / "kept").exists()


def test_what_is_no_clouds_is_never_wiped(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(Unusable, match="holds other files"), claimed(tmp_path, fresh=True):
        pass
    assert [it.name for it in tmp_path.iterdir()] == ["thesis.tex"]


def test_fresh_follows_no_link_out_of_the_folder(tmp_path: Path):
    (outside := tmp_path / "music").mkdir()
    (outside / "song.flac").write_text("")
    with claimed(tmp_path / "data"):
        (tmp_path / "data" / "demo").symlink_to(outside)
    with claimed(tmp_path / "data", fresh=True):
        pass
    assert (outside / "song.flac").exists()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Unusable, match=r"no data can be kept in .*file"),
        claimed(tmp_path / "file" / "data"),
    ):
        pass
    assert os.listdir(tmp_path) == ["file"]
