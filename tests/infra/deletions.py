"""Every single entry of `infra/services.py`, deleted in turn."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from infra.services import Deployable
from shared.events import topic_of


@dataclass(frozen=True, slots=True)
class Deletion:
    """`deployable` without one entry. A complaint must name the deployable and `thing`."""

    field: str
    thing: str
    deployable: Deployable

    def __str__(self) -> str:
        return f"{self.deployable.name}.{self.field} without {self.thing}"


def deletions(deployable: Deployable) -> Iterator[Deletion]:
    """Each entry of each field, deleted; what is complained about is the thing's own name."""
    for field, named in (
        ("publishes", topic_of),
        ("consumes", topic_of),
        ("listens", topic_of),
        ("schedules", lambda it: it.name),
        ("runs", str),
    ):
        entries = getattr(deployable, field)
        for at, entry in enumerate(entries):
            rest = (*entries[:at], *entries[at + 1 :])
            yield Deletion(field, named(entry), replace(deployable, **{field: rest}))
    for at, route in enumerate(deployable.routes):
        rest = (*deployable.routes[:at], *deployable.routes[at + 1 :])
        yield Deletion("routes", route.removesuffix("*"), replace(deployable, routes=rest))
    for field in ("buckets", "datasets", "secrets", "env"):
        entries = getattr(deployable, field)
        for key in entries:
            rest = {name: value for name, value in entries.items() if name != key}
            yield Deletion(field, key, replace(deployable, **{field: rest}))
    if deployable.firestore:
        yield Deletion("firestore", "datastore.user", replace(deployable, firestore=False))
    if deployable.finalizes:
        yield Deletion("finalizes", "finalizes", replace(deployable, finalizes=None))
