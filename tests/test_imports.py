"""Imports point down, and nowhere in a circle (docs/decisions, style guide: Shape)."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("shared", "functions", "infra", "emulators", "clients/python/segue")
DEPLOYABLES = sorted(path.parent.name for path in (ROOT / "functions").glob("*/__init__.py"))
PURE = ("shared.gcp", "shared.web")
"""What a domain may not touch of `shared`: the rest of it is pure."""


def module_of(path: Path) -> str:
    relative = path.relative_to(ROOT / "clients" / "python" if "clients" in path.parts else ROOT)
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {module_of(path): path for path in paths}


def named_in(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


@cache
def imports(module: str) -> frozenset[str]:
    """The modules that `module` names in imports, ours resolved to the module they are."""
    tree = ast.parse(modules()[module].read_text())
    found: set[str] = set()
    for base, name in named_in(tree):
        submodule = f"{base}.{name}"
        found.add(submodule if submodule in modules() else base)
    return frozenset(found - {module})


def importers(*packages: str) -> list[str]:
    return [
        module
        for module in modules()
        if any(module == package or module.startswith(package + ".") for package in packages)
    ]


def assert_none(importing: list[str], *forbidden: str) -> None:
    """No module of `importing` names anything in the packages `forbidden`."""
    assert importing
    found = [
        f"{module} imports {name}"
        for module in importing
        for name in imports(module)
        if any(name == package or name.startswith(package + ".") for package in forbidden)
    ]
    assert not found, "\n".join(found)


def test_every_module_is_seen():
    assert {"shared.ids", "shared.web.app", "functions.catalog.main", "segue"} <= set(modules())
    assert imports("functions.rights.api") >= {"functions.rights.domain", "fastapi", "shared.ids"}


@pytest.mark.parametrize("deployable", DEPLOYABLES)
def test_no_deployable_imports_another(deployable: str):
    others = [f"functions.{other}" for other in DEPLOYABLES if other != deployable]
    assert_none(importers(f"functions.{deployable}"), *others)


def test_shared_imports_nothing_above_it():
    assert_none(importers("shared"), "functions", "infra", "emulators", "segue")


def test_web_and_gcp_do_not_know_each_other():
    assert_none(importers("shared.web"), "shared.gcp")
    assert_none(importers("shared.gcp"), "shared.web")


def test_events_and_leaves_are_pure():
    leaves = [module for module in importers("shared") if not module.startswith(PURE)]
    assert_none(leaves, *PURE)


@pytest.mark.parametrize("module", [m for m in modules() if m.endswith(".domain")])
def test_a_domain_imports_the_standard_library_and_pure_modules_only(module: str):
    package = module.rpartition(".")[0]
    for name in reached_within(module, package):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or top in ("shared", "functions"), f"{module}: {name}"
        assert not name.startswith(PURE), f"{module} reaches {name}"


def reached_within(module: str, package: str) -> set[str]:
    """What `module` imports, and what the modules of its own package that it imports do."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        for name in imports(todo.pop()):
            if name not in seen:
                seen.add(name)
                if name.startswith(package + ".") and name in modules():
                    todo.append(name)
    return seen


def test_infra_and_emulators_stand_on_what_is_below_them():
    assert_none(importers("infra"), "functions", "emulators", "segue", *PURE)
    assert_none(importers("emulators"), "functions", "segue")


def test_clients_import_nothing_of_the_system():
    assert_none(importers("segue"), "shared", "functions", "infra", "emulators")


def test_the_system_imports_nothing_that_only_tests_or_benchmarks_need():
    everything = list(modules())
    assert_none(everything, "tests", "benchmarks", "pytest", "hypothesis", "shared.gcp.memory")


def test_no_two_modules_import_each_other():
    """Nor more than two in a ring: modules are read from the bottom up."""
    ours = set(modules())
    state: dict[str, int] = {}
    trail: list[str] = []

    def visit(module: str) -> None:
        state[module] = 1
        trail.append(module)
        for name in sorted(imports(module) & ours):
            if state.get(name) == 1:
                ring = trail[trail.index(name) :]
                raise AssertionError(" → ".join([*ring, name]))
            if name not in state:
                visit(name)
        trail.pop()
        state[module] = 2

    for module in sorted(ours):
        if module not in state:
            visit(module)


def test_only_main_reads_the_environment_in_a_deployable():
    readers = [
        module
        for module in importers("functions")
        if "os.environ" in modules()[module].read_text() and not module.endswith((".main", ".job"))
    ]
    assert not readers
