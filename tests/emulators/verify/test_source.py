"""What code uses is read from its text: from `main.py` on, through imports, without running it."""

import pytest

from emulators.verify.bucket_use import bucket_roles
from emulators.verify.source import Unreadable, reached, uses
from shared.events import TrackChanged, TrackPlayed


def files(**texts: str) -> dict[str, str]:
    """`functions__a__main` names functions/a/main.py."""
    made = {f"{name.replace('__', '/')}.py": text for name, text in texts.items()}
    return {"main.py": "from functions.a.main import create", **made}


def test_only_what_is_reached_counts_wherever_it_is_imported() -> None:
    modules = reached(
        files(
            functions__a__main="from functions.a import near\ndef f():\n    import shared.far",
            functions__a__near="from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from functions.a import typed",
            functions__a__typed="",
            functions__a__unused="",
            shared__far="",
        )
    )
    assert modules.keys() == {"main", "functions.a.main", "functions.a.near", "shared.far"}


def test_settings_events_tasks_routes_and_stores_are_seen() -> None:
    it = uses(
        reached(
            files(
                functions__a__main="""
import os
from shared.gcp import firestore
from shared.web.push import tasks
from functions.a import api, handlers
class Settings:
    one: str
    two: int = 3
tasks(caller, {"sweep": sweep})
os.environ["DIRECT"]
os.environ.get("ASKED", "")
""",
                functions__a__api="""
from shared.events import TrackChanged
def routes(router):
    @router.post("/v1/things")
    def make():
        return TrackChanged(event_id="x")
    @router.get("/_health")
    def health(): ...
""",
                functions__a__handlers="""
from shared.events import TrackPlayed
def handlers():
    return {TrackPlayed: on_track_played}
""",
                shared__gcp__firestore="",
            )
        )
    )
    assert {v: (s.type, s.optional) for v, s in it.settings.items()} == {
        "ONE": ("str", False),
        "TWO": ("int", True),
    }
    assert it.environ == {"DIRECT", "ASKED"}
    assert it.publishes == {TrackChanged}
    assert it.consumes == {TrackPlayed}
    assert it.tasks == {"sweep"}
    assert it.routes == {"/v1/things"}
    assert it.firestore
    assert not it.runs_jobs


@pytest.mark.parametrize(
    "bound",
    ["self.tasks = {'sweep': f}", "tasks: dict = {'sweep': f}", "Parts(tasks={'sweep': f})"],
)
def test_tasks_that_are_bound_to_a_name_elsewhere_are_found(bound: str) -> None:
    modules = reached(
        files(
            functions__a__main="from shared.web.push import tasks\n"
            "from functions.a import parts\ntasks(caller, parts.all.tasks)",
            functions__a__parts=bound,
        )
    )
    assert uses(modules).tasks == {"sweep"}


def test_tasks_that_cannot_be_read_are_refused() -> None:
    code = "from shared.web.push import tasks\ntasks(caller, by_name)"
    with pytest.raises(Unreadable, match=r"functions\.a\.main"):
        uses(reached(files(functions__a__main=code)))


def test_events_of_handlers_made_in_a_loop_are_those_that_the_kinds_are_made_with() -> None:
    modules = reached(
        files(
            functions__a__main="from functions.a import handlers",
            functions__a__handlers="from functions.a.kinds import KINDS\n"
            "def handlers():\n    return {kind.event: make(kind) for kind in KINDS}",
            functions__a__kinds="from shared.events import TrackChanged, TrackPlayed\n"
            "KINDS = [Kind('track', TrackChanged), Kind('play', event=TrackPlayed)]\n"
            "isinstance(x, int)",
        )
    )
    assert uses(modules).consumes == {TrackChanged, TrackPlayed}


BUCKET_CLASS = """
class Box:
    def __init__(self, bucket): ...
    def use(self):
        {what}
def _helper(blob): blob.patch()
"""


@pytest.mark.parametrize(
    ("what", "role"),
    [
        ("self.bucket.get_blob('a')", "objectViewer"),
        ("blob.download_to_filename('a')", "objectViewer"),
        ("blob.create_resumable_upload_session(if_generation_match=0)", "objectCreator"),
        ("blob.upload_from_filename('a', if_generation_match=0)", "objectCreator"),
        ("blob.upload_from_filename('a')", "objectUser"),
        ("blob.upload_from_filename('a', if_generation_match=n)", "objectUser"),
        ("blob.rewrite(other)", "objectUser"),
        ("_helper(blob)", "objectUser"),
    ],
)
def test_role_on_a_bucket_is_the_narrowest_that_the_code_needs(what: str, role: str) -> None:
    modules = reached(
        files(
            functions__a__main="from functions.a.box import Box\n"
            "def create():\n"
            "    box = Box(client.bucket(settings.things_bucket))\n"
            "    box.use()",
            functions__a__box=BUCKET_CLASS.format(what=what),
        )
    )
    assert bucket_roles(modules) == {"THINGS_BUCKET": f"roles/storage.{role}"}


def test_method_that_nobody_calls_needs_nothing() -> None:
    box = """
class Box:
    def read(self):
        self.bucket.get_blob("a")
    def write(self):
        self.bucket.blob("a").upload_from_string("b")
"""
    main = "from functions.a.box import Box\nfrom functions.a import {user}\n"
    main += "def create():\n    {user}.run(Box(settings.things_bucket))"
    for user, role in (("reader", "objectViewer"), ("writer", "objectUser")):
        modules = reached(
            files(
                functions__a__main=main.format(user=user),
                functions__a__box=box,
                functions__a__reader="def run(box):\n    box.read()",
                functions__a__writer="def run(box):\n    box.write()\n    box.read()",
            )
        )
        assert bucket_roles(modules) == {"THINGS_BUCKET": f"roles/storage.{role}"}


def test_bucket_that_nothing_is_done_with_is_refused() -> None:
    code = "class Box: ...\nBox(settings.things_bucket)"
    with pytest.raises(Unreadable, match="THINGS_BUCKET"):
        bucket_roles(reached(files(functions__a__main=code)))
