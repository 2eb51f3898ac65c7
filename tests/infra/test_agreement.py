"""The program gives each deployable what its code uses; deleting any one entry is noticed."""

from itertools import zip_longest

import pytest

from emulators.evaluate import EvaluationError
from emulators.graph import Graph
from emulators.verify import agreement
from infra.services import DEPLOYABLES, Deployable
from tests.infra.deletions import Deletion, deletions
from tests.infra.graphs import STACKS, evaluated


@pytest.mark.parametrize("stack", STACKS)
def test_program_gives_each_deployable_exactly_what_its_code_uses(
    graphs: dict[str, Graph], stack: str
) -> None:
    assert agreement.violations(graphs[stack]) == []


def _refused_by_the_program(deletion: Deletion) -> bool:
    """Some deletions leave an entry that cannot be declared at all; those are tried alone."""
    return deletion.field in ("buckets", "datasets", "runs", "finalizes")


def _alone() -> list[Deletion]:
    return [it for d in DEPLOYABLES for it in deletions(d) if _refused_by_the_program(it)]


def _together() -> list[tuple[Deletion, ...]]:
    """The nth deletion of every deployable at once: they do not meet, and each must be named."""
    rounds = zip_longest(
        *([it for it in deletions(d) if not _refused_by_the_program(it)] for d in DEPLOYABLES)
    )
    return [tuple(it for it in each if it is not None) for each in rounds]


def _without(*gone: Deletion) -> tuple[Deployable, ...]:
    changed = {it.deployable.name: it.deployable for it in gone}
    return tuple(changed.get(it.name, it) for it in DEPLOYABLES)


@pytest.mark.parametrize("deletion", _alone(), ids=str)
def test_entry_that_others_refer_to_is_missed_by_name(deletion: Deletion) -> None:
    with pytest.raises(EvaluationError) as refused:
        evaluated("dev", _without(deletion))
    assert deletion.deployable.name in str(refused.value)
    assert deletion.thing in str(refused.value)


@pytest.mark.parametrize("gone", _together(), ids=lambda it: " + ".join(map(str, it)))
def test_every_deleted_entry_is_missed_by_name(gone: tuple[Deletion, ...]) -> None:
    found = agreement.violations(evaluated("dev", _without(*gone)))
    for deletion in gone:
        owner = f"{deletion.deployable.name}: "
        assert any(it.startswith(owner) and deletion.thing in it for it in found), (
            f"{deletion} went unnoticed among {found}"
        )


def test_every_kind_of_entry_is_deleted_by_these_tests() -> None:
    tried = {it.field for d in DEPLOYABLES for it in deletions(d)}
    assert tried == {
        "publishes", "consumes", "listens", "buckets", "datasets", "secrets", "env",
        "runs", "schedules", "finalizes", "routes", "firestore",
    }  # fmt: skip
