"""Which queries need a composite index, and whether the graph declares one.

The emulator answers any query; the service refuses those without an index. The rules kept here:
equalities alone are served by merging single-field indexes; an inequality or an order on another
field than the equalities' needs composite indexes that end in that order, and together hold every
equality; a collection-group query needs every field indexed for collection groups.

Source: https://cloud.google.com/firestore/docs/query-data/index-overview
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from google.cloud.firestore_v1.types import firestore as types
from google.cloud.firestore_v1.types import query as query_types

from emulators.graph import Graph

_RunQueryRequest = types.RunQueryRequest.pb()
_RunAggregationQueryRequest = types.RunAggregationQueryRequest.pb()
_Query = query_types.StructuredQuery
_EQUAL = {
    _Query.FieldFilter.Operator.EQUAL,
    _Query.FieldFilter.Operator.IN,
    _Query.FieldFilter.Operator.ARRAY_CONTAINS,
    _Query.FieldFilter.Operator.ARRAY_CONTAINS_ANY,
}
_ARRAY = {
    _Query.FieldFilter.Operator.ARRAY_CONTAINS,
    _Query.FieldFilter.Operator.ARRAY_CONTAINS_ANY,
}
_IS_NULL_OR_NAN = {_Query.UnaryFilter.Operator.IS_NULL, _Query.UnaryFilter.Operator.IS_NAN}
_NAME = "__name__"
_OR = _Query.CompositeFilter.Operator.OR
_DESCENDING = _Query.Direction.DESCENDING

Part = tuple[str, str]
"""A field and how it is indexed: "ASCENDING", "DESCENDING" or "CONTAINS"."""


class IndexNeeded(Exception):
    """The service would refuse the query; says which index to declare."""


@dataclass(frozen=True, slots=True)
class Index:
    collection: str
    group: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`composite` by the graph; `group_fields` are (collection, field) with single-field indexes
    for collection groups; `exempt` (collection, field) have no single-field index at all."""

    composite: tuple[Index, ...] = ()
    group_fields: frozenset[tuple[str, str]] = frozenset()
    exempt: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def from_graph(cls, graph: Graph) -> "Indexes":
        composite = tuple(
            Index(
                resource["collection"],
                resource.get("queryScope", "COLLECTION") == "COLLECTION_GROUP",
                tuple(_part(field) for field in resource["fields"]),
            )
            for resource in graph.all("gcp:firestore/index:Index")
        )
        group: set[tuple[str, str]] = set()
        exempt: set[tuple[str, str]] = set()
        for resource in graph.all("gcp:firestore/field:Field"):
            config = resource.get("indexConfig")
            if config is None:
                continue
            key = (resource["collection"], resource["field"])
            declared = config.get("indexes") or []
            if not declared:
                exempt.add(key)
            if any(index.get("queryScope") == "COLLECTION_GROUP" for index in declared):
                group.add(key)
        return cls(composite, frozenset(group), frozenset(exempt))

    def check(self, method: str, request: bytes) -> None:
        """Let a RunQuery or RunAggregationQuery request through.

        Raises:
            IndexNeeded: the graph declares no index that serves it.
        """
        if method == "RunQuery":
            query = _RunQueryRequest.FromString(request).structured_query
        else:
            aggregation = _RunAggregationQueryRequest.FromString(request)
            query = aggregation.structured_aggregation_query.structured_query
        if not query.from_ or query.HasField("find_nearest"):
            return
        source = query.from_[0]
        for need in needs(query):
            self._serve(source.collection_id, source.all_descendants, need)

    def _serve(self, collection: str, group: bool, need: "Need") -> None:
        if not need.order and len(need.equal) <= 1 and not group:
            self._single(collection, need.equal)
            return
        if need.merges_singles and not group:
            self._single(collection, need.equal | set(need.order))
            return
        if need.merges_singles and all(
            (collection, field) in self.group_fields for field in need.fields
        ):
            return
        held: set[Part] = set()
        for index in self.composite:
            if index.collection == collection and index.group == group:
                held |= need.served_by(index) or set()
                if held >= need.equal and need.served_by(index) is not None:
                    return
        parts = [*sorted(need.equal), *need.order]
        if not parts:
            return
        scope = "collection group" if group else "collection"
        raise IndexNeeded(
            f"The query requires an index that the program does not declare: {scope} "
            f"{collection}, fields " + ", ".join(f"{field} {how}" for field, how in parts)
        )

    def _single(self, collection: str, parts: Iterable[Part]) -> None:
        for field, _ in parts:
            if (collection, field) in self.exempt:
                raise IndexNeeded(
                    f"The query requires an index, but {collection}.{field} is exempt from indexing"
                )


@dataclass(frozen=True, slots=True)
class Need:
    """What one conjunction asks for: equalities in any order, then an order."""

    equal: frozenset[Part]
    order: tuple[Part, ...]

    @property
    def merges_singles(self) -> bool:
        """Whether single-field indexes do: equalities only, or one field only."""
        return not self.order or (not self.equal and len(self.order) == 1)

    @property
    def fields(self) -> set[str]:
        return {field for field, _ in (*self.equal, *self.order)}

    def served_by(self, index: Index) -> set[Part] | None:
        """The equalities that `index` holds, if it ends in the order wanted (either way round)."""
        parts = tuple(part for part in index.parts if part[0] != _NAME)
        cut = len(parts) - len(self.order)
        if cut < 0 or parts[cut:] not in (self.order, _turned(self.order)):
            return None
        wanted = {(field, "CONTAINS" if how == "CONTAINS" else "") for field, how in self.equal}
        held = {(field, "CONTAINS" if how == "CONTAINS" else "") for field, how in parts[:cut]}
        if not held <= wanted:
            return None
        return {part for part in self.equal if part[0] in {field for field, _ in held}}


def needs(query: Any) -> list[Need]:
    """One `Need` for each alternative of a raw StructuredQuery's filter."""
    where = query.where if query.HasField("where") else None
    found: list[Need] = []
    for conjunction in _alternatives(where):
        equal: set[Part] = set()
        unequal: list[str] = []
        for field, how in conjunction:
            if how == "RANGE":
                if field not in unequal:
                    unequal.append(field)
            else:
                equal.add((field, how))
        order: list[Part] = [
            (o.field.field_path, "DESCENDING" if o.direction == _DESCENDING else "ASCENDING")
            for o in query.order_by
        ]
        ordered = {field for field, _ in order}
        last = order[-1][1] if order else "ASCENDING"
        order += [(field, last) for field in unequal if field not in ordered]
        fixed = {field for field, how in equal if how != "CONTAINS"}
        kept = [part for part in order if part[0] != _NAME and part[0] not in fixed]
        equal = {part for part in equal if part[0] != _NAME}
        found.append(Need(frozenset(equal), tuple(kept)))
    return found


def _alternatives(where: Any) -> list[list[tuple[str, str]]]:
    """A filter as alternatives of conjunctions of (field, "EQUAL" | "CONTAINS" | "RANGE")."""
    if where is None:
        return [[]]
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            inner = [_alternatives(f) for f in where.composite_filter.filters]
            if where.composite_filter.op == _OR:
                return [conjunction for some in inner for conjunction in some]
            return [[leaf for part in parts for leaf in part] for parts in product(*inner)]
        case "field_filter":
            op, field = where.field_filter.op, where.field_filter.field.field_path
            how = "CONTAINS" if op in _ARRAY else "ASCENDING" if op in _EQUAL else "RANGE"
            return [[(field, how)]]
        case "unary_filter":
            unary = where.unary_filter
            how = "ASCENDING" if unary.op in _IS_NULL_OR_NAN else "RANGE"
            return [[(unary.field.field_path, how)]]
    return [[]]


def _turned(order: Sequence[Part]) -> tuple[Part, ...]:
    other = {"ASCENDING": "DESCENDING", "DESCENDING": "ASCENDING"}
    return tuple((field, other.get(how, how)) for field, how in order)


def _part(field: Mapping[str, Any]) -> Part:
    if field.get("arrayConfig"):
        return field["fieldPath"], "CONTAINS"
    return field["fieldPath"], field.get("order") or "ASCENDING"
