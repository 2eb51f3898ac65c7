"""What a source archive's code uses, read from its syntax trees without running any of it.

Only what `main.py` reaches by imports counts, wherever in a module the import stands.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from shared.events import ALL

EVENTS = {event.__name__: event for event in ALL}
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "websocket"})


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of the deployable's `Settings`: the variable that fills it, its type's name."""

    variable: str
    type: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Uses:
    """What one deployable's code does with what surrounds it.

    `settings` are by variable, `environ` other variables read by name; `publishes`, `consumes` and
    `listens` (over a subscription of each instance's own) are event classes; `routes` are public
    path templates, `tasks` scheduled names.
    """

    settings: Mapping[str, Setting]
    environ: frozenset[str]
    publishes: frozenset[type]
    consumes: frozenset[type]
    listens: frozenset[type]
    tasks: frozenset[str]
    routes: frozenset[str]
    firestore: bool
    bigquery: bool
    runs_jobs: bool
    launches: bool


class Unreadable(Exception):
    """The code does something whose effect cannot be told from its text; names the place."""


Modules = Mapping[str, ast.Module]


def reached(files: Mapping[str, str], entry: str = "main") -> dict[str, ast.Module]:
    """The modules of an archive (path -> text) that module `entry` imports, itself included."""
    paths = {_module(path): path for path in files if path.endswith(".py")}
    found: dict[str, ast.Module] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found or name not in paths:
            continue
        found[name] = ast.parse(files[paths[name]], paths[name])
        waiting += [target for _, target in imports(found[name])]
        waiting += [target.rpartition(".")[0] for _, target in imports(found[name])]
    return found


@cache
def imports(tree: ast.AST) -> tuple[tuple[str, str], ...]:
    """(name in the module, what it stands for), e.g. ("storage", "shared.gcp.storage")."""
    found: list[tuple[str, str]] = []
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            found += [(alias.asname or alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(it.asname or it.name, f"{node.module}.{it.name}") for it in node.names]
    return tuple(found)


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """As `ast.walk`, but for what only a type checker sees."""
    found = [tree]
    for node in found:
        found += [it for it in ast.iter_child_nodes(node) if not _for_types_only(it)]
    return tuple(found)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def uses(modules: Modules) -> Uses:
    """What the reached modules use.

    Raises:
        Unreadable: tasks are not a dict of literal names, given in place or bound to a name.
    """
    own = {name: tree for name, tree in modules.items() if name.startswith("functions.")}
    targets = {target for tree in modules.values() for _, target in imports(tree)}
    return Uses(
        settings={it.variable: it for tree in own.values() for it in _settings(tree)},
        environ=frozenset(name for tree in own.values() for name in _environ(tree)),
        publishes=frozenset(event for tree in own.values() for event in _made(tree)),
        consumes=frozenset(event for tree in own.values() for event in _handled(tree, own)),
        listens=frozenset(event for tree in own.values() for event in _listened(tree)),
        tasks=frozenset(name for at in own for name in _tasks(at, own)),
        routes=frozenset(
            path for tree in own.values() for path in (*_routes(tree), *_documents(tree))
        ),
        firestore=any(target.startswith("shared.gcp.firestore") for target in targets),
        bigquery=any(target.startswith("shared.gcp.bigquery") for target in targets),
        runs_jobs="google.cloud.run_v2.JobsClient" in targets,
        launches=any(target.startswith("shared.gcp.templates") for target in targets),
    )


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _settings(tree: ast.Module) -> Iterator[Setting]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    variable = field.target.id.upper()
                    yield Setting(variable, ast.unparse(field.annotation), field.value is not None)


def _environ(tree: ast.Module) -> Iterator[str]:
    for node in nodes(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            key: ast.expr | None = node.slice
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.get":
            key = node.args[0]
        else:
            continue
        if isinstance(key, ast.Constant):
            yield str(key.value)


def _events(tree: ast.Module) -> dict[str, type]:
    return {
        name: EVENTS[target.rpartition(".")[2]]
        for name, target in imports(tree)
        if target.startswith("shared.events") and target.rpartition(".")[2] in EVENTS
    }


def _made(tree: ast.Module) -> Iterator[type]:
    """Whoever makes an event publishes it; nobody else has a reason to make one."""
    known = _events(tree)
    for node in nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            yield known[node.func.id]


def _handled(tree: ast.Module, own: Modules) -> Iterator[type]:
    """The keys of dicts from event class to handler.

    In `{kind.event: … for kind in KINDS}` they are what the kinds, wherever they stand, are made
    with.
    """
    known = _events(tree)
    for node in nodes(tree):
        if isinstance(node, ast.Dict):
            yield from (known[k.id] for k in node.keys if isinstance(k, ast.Name) and k.id in known)
        elif isinstance(node, ast.DictComp) and ast.unparse(node.key).endswith(".event"):
            for each in own.values():
                yield from _given(each)


def _listened(tree: ast.Module) -> Iterator[type]:
    """The events that a `Listener(…)` is made for."""
    known = _events(tree)
    for node in nodes(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Listener":
            named = (it.id for it in node.args if isinstance(it, ast.Name))
            yield from (known[it] for it in named if it in known)


def _given(tree: ast.Module) -> Iterator[type]:
    """Event classes that something is made with."""
    known = _events(tree)
    for node in nodes(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in ("isinstance", "decode"):
            for value in (*node.args, *(it.value for it in node.keywords)):
                if isinstance(value, ast.Name) and value.id in known:
                    yield known[value.id]


def _tasks(module: str, own: Modules) -> Iterator[str]:
    """The keys of the dict that `tasks(caller, …)` is given."""
    tree = own[module]
    if ("tasks", "shared.web.push.tasks") not in set(imports(tree)):
        return
    for node in nodes(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "tasks"):
            continue
        name = ast.unparse(node.args[1]).rpartition(".")[2]
        found = [it for each in own.values() for it in _bound(each, name)]
        given = [node.args[1]] if isinstance(node.args[1], ast.Dict) else found
        keys = [key for it in given if isinstance(it, ast.Dict) for key in it.keys]
        if not keys or not all(isinstance(key, ast.Constant) for key in keys):
            raise Unreadable(f"{module}: give tasks(...) a dict of literal names")
        yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


def _bound(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """What is bound to `name`: by assignment, as an attribute, or as an argument of that name."""
    for node in nodes(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            yield node.value
        elif isinstance(node, ast.Assign):
            if any(ast.unparse(it).rpartition(".")[2] == name for it in node.targets):
                yield node.value
        elif (
            isinstance(node, ast.AnnAssign)
            and node.value is not None
            and ast.unparse(node.target).rpartition(".")[2] == name
        ):
            yield node.value


def _documents(tree: ast.Module) -> Iterator[str]:
    """Where `create_app("name", …)` serves the OpenAPI document of what it makes."""
    for node in nodes(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "create_app"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield f"/v1/openapi/{node.args[0].value}.json"


def _routes(tree: ast.Module) -> Iterator[str]:
    """Paths of `@router.get("/…")` and its like; those under /_ are not public."""
    for node in nodes(tree):
        for decorator in getattr(node, "decorator_list", []):
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Attribute)
                and decorator.func.attr in _VERBS
                and decorator.args
                and isinstance(decorator.args[0], ast.Constant)
            ):
                path = str(decorator.args[0].value)
                if not path.startswith("/_"):
                    yield path
