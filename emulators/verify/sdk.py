"""Inputs against the SDK's own argument classes: unknown keys, wrong types, missing keys, at any
depth. The SDK itself refuses only unknown or missing arguments at the top."""

import collections.abc
import enum
import importlib
import inspect
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import pulumi
from pulumi import _types

from emulators.graph import Graph, Resource

_PREFIX = "gcp:"


def violations(graph: Graph) -> list[str]:
    """Each line: URN, path of the value, what is wrong with it."""
    return [line for it in graph.resources for line in check(it)]


def check(resource: Resource) -> list[str]:
    """As `violations`, for one resource. Resources of other providers pass."""
    if not resource.type.startswith(_PREFIX):
        return []
    arguments = arguments_class(resource.type)
    given = {key: it for key, it in resource.inputs.items() if it is not None}
    return [f"{resource.urn}: {line}" for line in _object(given, arguments, "")]


def accepts(type_: str, key: str) -> bool:
    """Whether resources of Pulumi type `type_` take input `key` (camelCase)."""
    return key in _types_of(arguments_class(type_))


@cache
def arguments_class(type_: str) -> type:
    """`gcp:pubsub/topic:Topic` -> `pulumi_gcp.pubsub.TopicArgs`."""
    module, _, name = type_.removeprefix(_PREFIX).partition(":")
    package = importlib.import_module(f"pulumi_gcp.{module.partition('/')[0]}")
    return getattr(package, f"{name}Args")


@cache
def _types_of(arguments: type) -> dict[str, Any]:
    return dict(_types.input_type_types(arguments))


@cache
def _required(arguments: type) -> frozenset[str]:
    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments.__init__).parameters.items()
    return frozenset(
        names[name]
        for name, parameter in parameters
        if name in names and parameter.default is inspect.Parameter.empty
    )


def _object(value: dict[str, Any], arguments: type, path: str) -> Iterator[str]:
    types = _types_of(arguments)
    for key, item in value.items():
        where = f"{path}.{key}".lstrip(".")
        if key not in types:
            yield f"{where} is not in {arguments.__name__}"
        elif item is not None:
            yield from _value(item, types[key], where)
    for key in _required(arguments) - value.keys():
        yield f"{f'{path}.{key}'.lstrip('.')} is missing ({arguments.__name__})"


def _value(value: Any, expected: Any, path: str) -> Iterator[str]:
    expected = _plain(expected)
    origin = typing.get_origin(expected)
    if expected is Any or isinstance(expected, typing.TypeVar):
        return
    if origin is typing.Union:
        branches = [list(_value(value, it, path)) for it in typing.get_args(expected)]
        if all(branches):
            yield branches[0][0]
    elif isinstance(expected, type) and _types.is_input_type(expected):
        if isinstance(value, dict):
            yield from _object(value, expected, path)
        else:
            yield f"{path} is {_name(value)}, not {expected.__name__}"
    elif origin in (collections.abc.Sequence, list):
        if isinstance(value, list):
            (item,) = typing.get_args(expected)
            for at, each in enumerate(value):
                yield from _value(each, item, f"{path}[{at}]")
        else:
            yield f"{path} is {_name(value)}, not a list"
    elif origin in (collections.abc.Mapping, dict):
        if isinstance(value, dict):
            for key, each in value.items():
                yield from _value(each, typing.get_args(expected)[1], f"{path}.{key}")
        else:
            yield f"{path} is {_name(value)}, not a mapping"
    elif not _fits(value, expected):
        yield f"{path} is {_name(value)}, not {getattr(expected, '__name__', expected)}"


def _plain(expected: Any) -> Any:
    """`Input[T]` and `Optional[T]` as T."""
    if typing.get_origin(expected) is not typing.Union:
        return expected
    members = [
        it
        for it in typing.get_args(expected)
        if it is not type(None)
        and typing.get_origin(it) not in (collections.abc.Awaitable, pulumi.Output)
        and it is not pulumi.Output
    ]
    return members[0] if len(members) == 1 else typing.Union[tuple(members)]  # noqa: UP007


def _fits(value: Any, expected: Any) -> bool:
    if expected is bool:
        return isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(expected, type) and issubclass(expected, pulumi.Asset | pulumi.Archive):
        archive = issubclass(expected, pulumi.Archive)
        return isinstance(value, dict) and ("files" in value) == archive
    if isinstance(expected, type) and issubclass(expected, enum.Enum):
        return value in {it.value for it in expected}
    return isinstance(value, expected) if isinstance(expected, type) else True


def _name(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}"
