"""Every text that a request may carry is bounded: pydantic then also refuses lone surrogates."""

import importlib
from typing import Any

import pytest
from pydantic import BaseModel

APIS = (
    "accounts",
    "catalog",
    "events",
    "insights",
    "library",
    "playback",
    "rights",
    "royalties",
    "social",
)
BOUNDS = {"maxLength", "pattern", "enum", "const", "format"}


def models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for name in APIS:
        module = importlib.import_module(f"functions.{name}.api")
        found += [
            item
            for item in vars(module).values()
            if isinstance(item, type) and issubclass(item, BaseModel) and item is not BaseModel
        ]
    return found


def unbounded(schema: Any, path: str = "") -> list[str]:
    """Paths of texts and lists in a JSON schema that nothing bounds."""
    if isinstance(schema, list):
        return [found for item in schema for found in unbounded(item, path)]
    if not isinstance(schema, dict):
        return []
    found = [path] if schema.get("type") == "string" and not BOUNDS & schema.keys() else []
    for key, item in schema.items():
        found += unbounded(item, f"{path}.{key}")
    return found


def test_models_are_found():
    names = {model.__name__ for model in models()}
    assert {"NewUpload", "NewLicence", "NewPlay", "NewClient", "PlayReport"} <= names


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_text_is_bounded(model: type[BaseModel]):
    assert unbounded(model.model_json_schema()) == []
