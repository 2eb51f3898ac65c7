"""Settings: a frozen dataclass filled from the environment, by `main.py` alone."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class MissingSetting(Exception):
    """The environment lacks a variable that a deployable needs. Names every missing one."""


def load(settings: type[T], environ: Mapping[str, str]) -> T:
    """Fill dataclass `settings` from `environ`: field `public_url` from `PUBLIC_URL`.

    Fields are `str`, `int` or `float`; a field with a default may be absent.

    Raises:
        MissingSetting: a field without a default has no variable, or one is not a number.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        name = field.name.upper()
        text = environ.get(name)
        if text is None:
            if field.default is dataclasses.MISSING:
                problems.append(f"{name} is not set")
            continue
        try:
            values[field.name] = {int: int, float: float}.get(field.type, str)(text)  # type: ignore[call-overload]
        except ValueError:
            problems.append(f"{name} is not a number: {text!r}")
    if problems:
        raise MissingSetting(f"{settings.__qualname__}: " + "; ".join(problems))
    return settings(**values)


def names(settings: type) -> tuple[str, ...]:
    """The variables that `settings` reads and must be given (those without a default)."""
    return tuple(
        field.name.upper()
        for field in dataclasses.fields(settings)
        if field.default is dataclasses.MISSING
    )
