"""A source archive holds what its deployable reaches, is named by it, and runs from it alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.archives import unpack
from emulators.graph import Graph, Resource
from emulators.verify.keeping import content_hash
from infra.packaging import SourceArchive, archive
from infra.services import DEPLOYABLES, Deployable


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout in miniature: one deployable, one other, shared code, and litter."""
    for path, text in {
        "functions/__init__.py": "",
        "functions/one/__init__.py": "",
        "functions/one/main.py": "create = 1",
        "functions/one/requirements.txt": "fastapi==1",
        "functions/one/__pycache__/main.cpython-311.pyc": "litter",
        "functions/one/.hidden": "litter",
        "functions/other/main.py": "not ours",
        "shared/__init__.py": "",
        "shared/web/serve.py": "serve = 1",
        "infra/services.py": "not ours",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


ONE = Deployable(name="one", kind="api")


def names(packed: SourceArchive) -> set[str]:
    return {name for name, _ in (*packed.files, *packed.texts)}


def test_archive_holds_the_deployable_and_shared_and_nothing_else(tree: Path) -> None:
    assert names(archive(ONE, tree)) == {
        "Dockerfile",
        "main.py",
        "requirements.txt",
        "functions/__init__.py",
        "functions/one/__init__.py",
        "functions/one/main.py",
        "shared/__init__.py",
        "shared/web/serve.py",
    }


def test_function_has_no_dockerfile_and_a_job_starts_its_own_module(tree: Path) -> None:
    function = archive(Deployable(name="one", kind="function"), tree)
    assert "Dockerfile" not in names(function)
    assert "from functions.one.main import one" in dict(function.texts)["main.py"]
    job = archive(Deployable(name="one-long", kind="job", folder="one"), tree)
    assert "from functions.one.job import main" in dict(job.texts)["main.py"]
    assert job.object_name.startswith("one-long-")


def test_hash_follows_every_byte_and_name(tree: Path) -> None:
    before = archive(ONE, tree).content_hash
    seen = {before}
    for name, path in archive(ONE, tree).files:
        kept = path.read_bytes()
        path.write_bytes(kept + b"#")
        changed = archive(ONE, tree).content_hash
        assert changed not in seen, f"{name} changed and the hash did not"
        seen.add(changed)
        path.write_bytes(kept)
    (tree / "functions" / "one" / "main.py").rename(tree / "functions" / "one" / "named.py")
    assert archive(ONE, tree).content_hash not in seen


def test_hash_stays_when_nothing_of_the_archive_changes(tree: Path, tmp_path: Path) -> None:
    before = archive(ONE, tree).content_hash
    (tree / "functions" / "other" / "main.py").write_text("changed")
    (tree / "functions" / "one" / "__pycache__" / "main.cpython-311.pyc").write_text("changed")
    os.utime(tree / "functions" / "one" / "main.py", (1, 1))
    assert archive(ONE, tree).content_hash == before
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tree / "functions", elsewhere / "functions")
    shutil.copytree(tree / "shared", elsewhere / "shared")
    assert archive(ONE, elsewhere).content_hash == before


def test_bytes_do_not_slide_from_one_file_into_the_next() -> None:
    first = SourceArchive("x", (), (("a", "1"), ("b", "2")))
    second = SourceArchive("x", (), (("a", "1b"), ("", "2")))
    assert first.content_hash != second.content_hash


def source_of(graph: Graph, deployable: Deployable) -> Resource:
    type_ = "gcp:storage/bucketObject:BucketObject"
    return next(it for it in graph.all(type_) if it.name == f"{deployable.name}-source")


@pytest.mark.parametrize("deployable", DEPLOYABLES, ids=lambda it: it.name)
def test_hash_of_the_program_is_that_of_what_it_holds(graph: Graph, deployable: Deployable) -> None:
    found = source_of(graph, deployable)
    assert found["name"] == f"{deployable.name}-{content_hash(found)}.zip"


IMPORT = """
import json, sys
import main
ours = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] in ("functions", "shared")]
print(json.dumps([f for f in ours if f]))
"""


@pytest.mark.parametrize("deployable", DEPLOYABLES, ids=lambda it: it.name)
def test_unpacked_archive_imports_without_a_checkout(
    graph: Graph, deployable: Deployable, tmp_path: Path
) -> None:
    folder = unpack(source_of(graph, deployable), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded
    assert [file for file in loaded if not file.startswith(str(folder))] == []
