"""The OpenAPI documents: served, kept in docs/api/, and true to each other."""

from typing import Any

import pytest

from tests.api_docs import APIS, FOLDER, difference, kept_at, served

NAMES = [it.name for it in APIS]


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return served()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_served_is_what_is_kept(documents: dict[str, Any], name: str):
    changed = difference(name, documents[name]["document"])
    assert not changed, f"make api-docs, and read what changed:\n{changed}"


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_described_and_nothing_else(documents: dict[str, Any], name: str):
    assert documents[name]["undescribed"] == []


def test_nothing_is_kept_that_is_not_served():
    assert {path.name for path in FOLDER.glob("*.json")} == {kept_at(name).name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_names_its_errors_and_its_scopes(documents: dict[str, Any], name: str):
    document = documents[name]["document"]
    # A service whom only tasks and events reach has no operation of its own.
    assert document["paths"] or not next(it for it in APIS if it.name == name).routes
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            where = f"{method} {path}"
            assert "default" in operation["responses"], where
            assert "422" not in operation["responses"], where
            if operation.get("security"):
                assert "401" in operation["responses"], where


def test_a_document_refers_to_nothing_that_it_lacks(documents: dict[str, Any]):
    def references(part: Any) -> list[str]:
        if isinstance(part, list):
            return [it for item in part for it in references(item)]
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [it for item in part.values() for it in references(item)]
        return []

    for name, it in documents.items():
        schemas = it["document"]["components"]["schemas"]
        for reference in references(it["document"]):
            assert reference.removeprefix("#/components/schemas/") in schemas, (name, reference)
