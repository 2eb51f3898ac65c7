"""The program runs without CLI or cloud, and what it may not do is refused by name."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest
from pulumi_gcp import projects, pubsub, secretmanager, storage

from emulators.evaluate import EvaluationError, evaluate
from emulators.graph import Graph
from emulators.stack import NoStack, stack_config
from emulators.tree import ROOT
from infra.program import program
from infra.services import DEPLOYABLES
from tests.infra.graphs import SECRETS, evaluated


def run(declare: Callable[[], object]) -> Graph:
    return evaluate("dev", SECRETS, lambda: declare() and None)


def topic(name: str = "t", **more) -> pubsub.Topic:
    return pubsub.Topic(name, project="p", name=name, **more)


def test_inputs_arrive_resolved_with_ints_camel_case_and_secrets_marked() -> None:
    def declare() -> None:
        first = topic(labels={"snake_case": "kept"})
        pubsub.Subscription(
            "s",
            project="p",
            name="s",
            topic=first.id,
            ack_deadline_seconds=20,
            push_config={"push_endpoint": pulumi.Output.format("https://x/{0}", first.name)},
        )
        secretmanager.SecretVersion("v", secret="s", secret_data=pulumi.Output.secret("hush"))

    graph = run(declare)
    (subscription,) = graph.all("gcp:pubsub/subscription:Subscription")
    assert subscription["topic"] == "projects/p/topics/t"
    assert subscription["ackDeadlineSeconds"] == 20
    assert isinstance(subscription["ackDeadlineSeconds"], int)
    assert subscription["pushConfig"] == {"pushEndpoint": "https://x/t"}
    (first,) = graph.all("gcp:pubsub/topic:Topic")
    assert first["labels"] == {"snake_case": "kept"}
    assert subscription.after == (first.urn,)
    (version,) = graph.all("gcp:secretmanager/secretVersion:SecretVersion")
    assert version["secretData"] == "hush"
    assert graph.secrets == (f"{version.urn}#secretData",)


def test_what_is_protected_and_waited_for_is_known() -> None:
    def declare() -> None:
        first = topic(opts=pulumi.ResourceOptions(protect=True))
        topic("u", opts=pulumi.ResourceOptions(depends_on=[first]))

    first, second = run(declare).all("gcp:pubsub/topic:Topic")
    assert (first.protected, second.protected) == (True, False)
    assert second.after == (first.urn,)


def test_computed_values_are_told_from_inputs() -> None:
    (it,) = run(topic).all("gcp:pubsub/topic:Topic")
    assert it.computed == ("id",)
    assert it.inputs == {"project": "p", "name": "t"}


REFUSED = {
    "an output that nobody models": (
        lambda: topic(name="t", kms_key_name=storage.Bucket("b", location="EU", name="b").url),
        r"topic:Topic::t#kmsKeyName is unknown: model its source",
    ),
    "an output put into a string": (
        lambda: topic(kms_key_name=f"key of {topic('other').name}"),
        r"topic:Topic::t#kmsKeyName is an Output put into a string",
    ),
    "one name twice": (lambda: (topic(), topic()), r"topic:Topic::t is registered twice"),
    "a question to the cloud": (
        lambda: topic(labels={"n": projects.get_project_output(filter="x").id}),
        r"gcp:projects/getProject:getProject: the program must not ask the cloud",
    ),
    "a resource that exists already": (
        lambda: pubsub.Topic.get("old", "projects/p/topics/old"),
        r"gcp:pubsub/topic:Topic old: get\(\) is not for the program",
    ),
    "an argument that does not exist": (lambda: topic(nonsense=1), r"nonsense"),
    "an argument left out": (lambda: storage.Bucket("b", name="b"), r"location"),
    "configuration left out": (
        lambda: pulumi.Config("segue").require("absent"),
        r"segue:absent",
    ),
}


@pytest.mark.parametrize(("declare", "complaint"), REFUSED.values(), ids=REFUSED)
def test_program_that_cannot_be_trusted_is_refused(declare, complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        run(declare)


def test_evaluation_after_a_refused_one_is_not_touched_by_it() -> None:
    with pytest.raises(EvaluationError):
        run(lambda: (topic(), topic()))
    assert len(run(topic).resources) == 1


def test_evaluations_leave_no_trace_in_the_pickler() -> None:
    """The SDK wraps it once for every dynamic resource: after some hundred, recursion ends it."""
    before = pickle._Pickler._batch_setitems  # type: ignore[attr-defined]
    evaluated("dev")
    assert pickle._Pickler._batch_setitems is before  # type: ignore[attr-defined]


def test_environment_with_a_name_that_nothing_fills_is_refused() -> None:
    odd = replace(DEPLOYABLES[0], env={**DEPLOYABLES[0].env, "X": "{nothing}"})
    with pytest.raises(EvaluationError, match=r"accounts: nothing fills 'nothing'"):
        evaluated("dev", (odd, *DEPLOYABLES[1:]))


def test_unknown_stack_and_missing_secret_are_named() -> None:
    with pytest.raises(NoStack, match="no stack 'nope'"):
        evaluate("nope", SECRETS)
    with pytest.raises(EvaluationError, match="jwtSigningKey"):
        evaluate("dev", {})


def test_page_that_is_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="run `make page`"):
        evaluate("dev", SECRETS, lambda: program(page=tmp_path))


def test_stack_configuration_is_plain_text() -> None:
    config = stack_config("prod")
    assert config["segue:protect"] == "true"
    assert config["segue:regions"] == "europe-west1,us-east1"
    assert not any("Secret" in key or "Key" in key for key in config)


def test_graph_comes_back_as_it_was_written(tmp_path: Path) -> None:
    graph = evaluated("dev")
    graph.dump(tmp_path / "graph.json")
    assert Graph.load(tmp_path / "graph.json") == graph
    assert (tmp_path / "graph.json").stat().st_mode & 0o077 == 0


def test_graph_is_the_same_to_the_byte_whatever_the_hash_seed(tmp_path: Path) -> None:
    made = []
    for seed in ("0", "1"):
        out = tmp_path / f"{seed}.json"
        code = (
            "import sys; from pathlib import Path; from tests.infra.graphs import evaluated\n"
            "evaluated('prod').dump(Path(sys.argv[1]))"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(out)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        made.append(out.read_bytes())
    assert made[0] == made[1]
    assert len(json.loads(made[0])["resources"]) > 200
