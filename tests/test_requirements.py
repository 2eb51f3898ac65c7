"""Each deployable's requirements.txt lists exactly what its entry point reaches, as pinned."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENTRY_POINTS = {
    "accounts": ("functions.accounts.main", "shared.web.serve"),
    "catalog": ("functions.catalog.main", "shared.web.serve"),
    "events": ("functions.events.main", "shared.web.serve"),
    "insights": ("functions.insights.main", "shared.web.serve"),
    "library": ("functions.library.main", "shared.web.serve"),
    "playback": ("functions.playback.main", "shared.web.serve"),
    "playlists": ("functions.playlists.main", "functions.playlists.job", "shared.web.serve"),
    "recommendations": ("functions.recommendations.main", "shared.web.serve"),
    "recommendations-batch": ("functions.recommendations.batch",),
    "realtime": ("functions.realtime.main",),
    "rights": ("functions.rights.main", "shared.web.serve"),
    "subsonic": ("functions.subsonic.main", "shared.web.serve"),
    "warmer": ("functions.warmer.main", "shared.web.serve"),
    "royalties": ("functions.royalties.main", "functions.royalties.job", "shared.web.serve"),
    "search": ("functions.search.main", "functions.search.job", "shared.web.serve"),
    "social": ("functions.social.main", "shared.web.serve"),
    "transcode": ("functions.transcode.main", "functions.transcode.job"),
}
PINS = {"recommendations-batch": "recommendations/requirements-batch.txt"}
"""Where two deployables share a folder and not their libraries."""
SERVED_BY = {"transcode": {"functions-framework"}}
"""What runs the entry point from outside."""


def test_every_deployable_is_tested():
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/__init__.py")}
    assert set(ENTRY_POINTS) - PINS.keys() == folders


@pytest.mark.parametrize("deployable", ENTRY_POINTS)
def test_requirements_are_exactly_what_is_reached(deployable: str):
    entries = [name for name in ENTRY_POINTS[deployable] if path_of(name) is not None]
    if len(entries) < len(ENTRY_POINTS[deployable]):
        pytest.skip(f"{deployable} has no entry point yet")
    reached = {distribution_of(name) for name in third_party(*entries)}
    assert set(pins(deployable)) == reached | SERVED_BY.get(deployable, set())


@pytest.mark.parametrize("deployable", ENTRY_POINTS)
def test_pins_are_exact_and_those_of_the_whole_project(deployable: str):
    whole = dict(
        line.strip().split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if re.match(r"[a-z0-9]", line)
    )
    for name, version in pins(deployable).items():
        assert whole[name] == version, f"{name} is {whole.get(name)} in requirements.txt"


def pins(deployable: str) -> dict[str, str]:
    """Distribution → version, extras dropped."""
    path = PINS.get(deployable, f"{deployable}/requirements.txt")
    lines = (ROOT / "functions" / path).read_text().splitlines()
    found: dict[str, str] = {}
    for line in lines:
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-z0-9-]+)(\[[a-z,]+\])?==([0-9][0-9a-z.]*)", line)
        assert match, f"not an exact pin: {line!r}"
        found[match[1]] = match[3]
    return found


def third_party(*entries: str) -> set[str]:
    """Every foreign module that the entry points reach through our own, dotted as far as named."""
    seen: set[str] = set()
    todo = list(entries)
    foreign: set[str] = set()
    while todo:
        module = todo.pop()
        path = path_of(module)
        if module in seen or path is None:
            continue
        seen.add(module)
        todo += [module.rpartition(".")[0]] if "." in module else []
        for name, submodule in named_in(path):
            top = name.partition(".")[0]
            if top in ("functions", "shared"):
                todo += [name, f"{name}.{submodule}"]
            elif top not in sys.stdlib_module_names:
                dotted = f"{name}.{submodule}"
                foreign.add(dotted if dotted in providers() else name)
    return foreign


def path_of(module: str) -> Path | None:
    stem = ROOT.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def named_in(path: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def distribution_of(module: str) -> str:
    """The distribution that provides `module`: `google.cloud.storage.retry` → google-cloud-storage.

    Namespace packages are shared by many, so the longest known prefix decides.
    """
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        owner = providers().get(".".join(parts[:length]))
        if owner is not None:
            return owner
    raise AssertionError(f"{module} is installed by nobody")


@cache
def providers() -> dict[str, str]:
    """Regular packages and modules of everything installed → the distribution they are from."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        for file in distribution.files or ():
            if file.suffix == ".py" and ".." not in file.parts:
                parts = file.with_suffix("").parts
                dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found.setdefault(dotted, name)
            elif file.suffix == ".so":
                found.setdefault(".".join((*file.parts[:-1], file.name.partition(".")[0])), name)
    return found
