"""The player page's modules and its build, by Node."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.browser import DIST, MODULES, ROOT

HERE = Path(__file__).parent
WEB = ROOT / "clients" / "web"


@pytest.fixture
def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("needs Node: apt-get install nodejs npm")
    return path


@pytest.mark.parametrize("name", sorted(it.name for it in HERE.glob("*.test.mjs")))
def test_modules_keep_their_promises(node: str, name: str) -> None:
    done = subprocess.run(
        [node, "--test", str(HERE / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_build_gives_the_same_bytes_again(node: str, tmp_path: Path) -> None:
    if not (MODULES / "shaka-player").is_dir():
        pytest.skip("needs shaka-player: cd clients/web && npm ci")
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (copy / "node_modules").symlink_to(MODULES)

    def build() -> dict[str, bytes]:
        subprocess.run([node, "build.mjs"], cwd=copy, check=True, capture_output=True)
        dist = copy / "dist"
        return {
            path.relative_to(dist).as_posix(): path.read_bytes()
            for path in dist.rglob("*")
            if path.is_file()
        }

    first = build()
    assert build() == first
    for name, body in first.items():
        if name != "index.html":
            assert hashlib.sha256(body).hexdigest()[:12] in name
    # A change in a leaf renames what imports it, up to the page.
    leaf = copy / "src" / "format.js"
    leaf.write_text(leaf.read_text() + "\n// changed\n")
    changed = set(build()) - set(first)
    assert {re.sub(r"-[0-9a-f]{12}", "", name) for name in changed} >= {
        "assets/format.js",
        "assets/app.js",
    }
    assert first["index.html"] != (copy / "dist" / "index.html").read_bytes()


def test_page_names_nothing_from_elsewhere() -> None:
    if not DIST.is_dir():
        pytest.skip("needs the built player page: make page")
    page = (DIST / "index.html").read_text()
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        if address.startswith("#"):  # a place within the page
            continue
        assert (DIST / address.removeprefix("/")).is_file(), address
    assert "'unsafe" not in page
    for path in (WEB / "src").glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write", path.read_text()
        )


def test_lock_installs_from_the_registry_alone() -> None:
    lock = (WEB / "package-lock.json").read_text()
    assert re.findall(r'"resolved": "(?!https://registry\.npmjs\.org/)', lock) == []
    assert "hasInstallScript" not in re.sub(
        r'"node_modules/fsevents": \{.*?\n    \}', "", lock, flags=re.S
    )
