import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter, Or
from google.cloud.firestore_v1.query import Query
from google.cloud.firestore_v1.types import firestore as types

from emulators.runtime.firestore.indexes import Indexes, IndexNeeded
from tests.emulators import stack


def _index(*fields: tuple[str, str], collection: str = "plays", scope: str = "COLLECTION"):
    parts = [
        {"fieldPath": path, "arrayConfig": how} if how == "CONTAINS" else
        {"fieldPath": path, "order": how}
        for path, how in fields
    ]  # fmt: skip
    return stack.resource(
        "gcp:firestore/index:Index",
        repr((fields, collection, scope)),
        collection=collection,
        fields=parts,
        queryScope=scope,
    )


def _field(collection: str, field: str, indexes: list[dict]):
    return stack.resource(
        "gcp:firestore/field:Field",
        f"{collection}.{field}",
        collection=collection,
        field=field,
        indexConfig={"indexes": indexes},
    )


INDEXES = Indexes.from_graph(
    stack.graph(
        _index(("user", "ASCENDING"), ("at", "DESCENDING"), ("__name__", "DESCENDING")),
        _index(("kind", "ASCENDING"), ("at", "DESCENDING")),
        _index(("tags", "CONTAINS"), ("at", "DESCENDING")),
        _index(("user", "ASCENDING"), ("at", "DESCENDING"), scope="COLLECTION_GROUP"),
        _field("plays", "blob", []),
        _field(
            "plays", "shared", [{"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}]
        ),
    )
)  # fmt: skip


class Parent:
    """Stands where a collection reference would; a query needs only its id to be built."""

    id = "plays"
    parent = None
    _client = None


def _plays() -> Query:
    return Query(Parent())  # type: ignore[arg-type]


def _where(query: Query, field: str, op: str, value: object) -> Query:
    return query.where(filter=FieldFilter(field, op, value))


def _check(query: Query) -> None:
    structured = query._to_protobuf()
    request = types.RunQueryRequest(structured_query=structured)
    INDEXES.check("RunQuery", types.RunQueryRequest.serialize(request))


DOWN = firestore.Query.DESCENDING

SERVED = {
    "everything": _plays(),
    "one order": _plays().order_by("at"),
    "range on one field": _where(_where(_plays(), "at", ">", 1), "at", "<", 9),
    "equalities merge": _where(_where(_plays(), "user", "==", "u"), "track", "==", "t"),
    "equality and in": _where(_where(_plays(), "user", "==", "u"), "track", "in", ["t", "s"]),
    "composite": _where(_plays(), "user", "==", "u").order_by("at", direction=DOWN),
    "composite turned": _where(_plays(), "user", "==", "u").order_by("at"),
    "composite with range": _where(_where(_plays(), "user", "==", "u"), "at", ">", 1),
    "composites merge": _where(_where(_plays(), "user", "==", "u"), "kind", "==", "k").order_by(
        "at", direction=DOWN
    ),
    "array and order": _where(_plays(), "tags", "array_contains", "x").order_by(
        "at", direction=DOWN
    ),
    "order by an equal field": _where(_plays(), "user", "==", "u").order_by("user"),
    "order by name": _where(_plays(), "user", "==", "u").order_by("__name__"),
}


@pytest.mark.parametrize("name", SERVED)
def test_query_is_served(name):
    _check(SERVED[name])


REFUSED = {
    "no such composite": _where(_plays(), "track", "==", "t").order_by("at"),
    "one equality too many": _where(
        _where(_plays(), "user", "==", "u"), "track", "==", "t"
    ).order_by("at"),
    "two orders": _plays().order_by("at").order_by("track"),
    "direction mixed up": _where(_plays(), "user", "==", "u").order_by("at").order_by("track"),
    "exempt field": _where(_plays(), "blob", "==", 1),
    "one alternative unserved": _plays().where(
        filter=Or([FieldFilter("user", "==", "u"), FieldFilter("track", "==", "t")])
    ).order_by("at", direction=DOWN),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_query_needs_an_index_that_is_not_declared(name):
    with pytest.raises(IndexNeeded, match=r"requires an index"):
        _check(REFUSED[name])


def _group(query: Query) -> Query:
    return query._copy(all_descendants=True)


def test_collection_group_query_needs_an_index_for_groups():
    _check(_group(_where(_plays(), "shared", "==", 1)))
    _check(_group(_where(_plays(), "user", "==", "u").order_by("at", direction=DOWN)))
    with pytest.raises(IndexNeeded, match="collection group plays"):
        _check(_group(_where(_plays(), "user", "==", "u")))
