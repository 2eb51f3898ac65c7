"""Firestore through Google's own clients, on Google's emulator behind the local cloud's ports."""

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.services.firestore.client import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import firestore as types
from google.cloud.firestore_v1.types import write as write_types

from emulators.endpoints import Endpoints
from tests.emulators import stack

USER, VIEWER, STRANGER = stack.account("user"), stack.account("viewer"), stack.account("stranger")


def _graph():
    return stack.graph(
        stack.resource("gcp:firestore/database:Database", "default", name="(default)"),
        stack.resource(
            "gcp:firestore/index:Index",
            "plays",
            collection="plays",
            fields=[
                {"fieldPath": "user", "order": "ASCENDING"},
                {"fieldPath": "at", "order": "DESCENDING"},
            ],
        ),
        stack.resource(
            "gcp:firestore/field:Field",
            "sessions",
            collection="sessions",
            field="expires_at",
            ttlConfig={},
        ),
        stack.project_role(USER, "roles/datastore.user"),
        stack.project_role(VIEWER, "roles/datastore.viewer"),
    )


@dataclasses.dataclass
class Cloud:
    endpoints: Endpoints
    emulator: stack.Process
    proxy: stack.Process

    def wait_healthy(self) -> None:
        stack.wait_healthy(self.endpoints.health["firestore"])

    def status(self) -> dict:
        return stack.get(self.endpoints.health["firestore"], "/_health")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("firestore")


@pytest.fixture(scope="module")
def cloud(folder: Path) -> Iterator[Cloud]:
    ends = stack.endpoints([USER, VIEWER, STRANGER])
    stack.write_run(folder, _graph(), ends)
    emulator = stack.emulator("firestore", ends.firestore_emulator, folder)
    proxy = stack.child("firestore", folder, FIRESTORE_TTL_EVERY_S="0.5")
    with stack.started(emulator), stack.started(proxy):
        cloud = Cloud(ends, emulator, proxy)
        cloud.wait_healthy()
        yield cloud


@pytest.fixture
def as_member(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    """A client of the library's own making, as a deployable's would be, for one identity."""

    def make(member: str = USER, kind: type = firestore.Client) -> Any:
        port = cloud.endpoints.callers[member].firestore
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        return kind(project=stack.PROJECT)

    return make


def _all(db: Any, *collections: str) -> dict[str, dict]:
    return {
        snapshot.reference.path: snapshot.to_dict()
        for collection in collections
        for snapshot in db.collection(collection).stream()
    }


def test_documents_are_set_read_merged_and_deleted(as_member):
    db = as_member()
    ref = db.collection("things").document("a")
    ref.set({"n": 1, "deep": {"x": 1, "y": 2}})
    ref.set({"deep": {"y": firestore.DELETE_FIELD, "z": 3}}, merge=True)
    ref.update({"n": firestore.Increment(4), "tags": firestore.ArrayUnion(["a", "b"])})
    assert ref.get().to_dict() == {"n": 5, "deep": {"x": 1, "z": 3}, "tags": ["a", "b"]}
    ref.delete()
    assert not ref.get().exists


def test_create_of_what_exists_and_stale_preconditions_are_refused(as_member):
    db = as_member()
    ref = db.collection("things").document("once")
    ref.create({"n": 1})
    with pytest.raises(exceptions.AlreadyExists):
        ref.create({"n": 2})
    stale = ref.get()
    ref.update({"n": 2})
    with pytest.raises(exceptions.FailedPrecondition):
        ref.update({"n": 3}, option=db.write_option(last_update_time=stale.update_time))
    assert ref.get().to_dict() == {"n": 2}


def test_transaction_reads_and_writes(as_member):
    db = as_member()
    ref = db.collection("things").document("tx")
    ref.set({"n": 1})

    @firestore.transactional
    def double(transaction):
        n = ref.get(transaction=transaction).get("n")
        transaction.update(ref, {"n": n * 2})

    double(db.transaction())
    assert ref.get().get("n") == 2


def test_listener_sees_changes(as_member):
    db = as_member()
    seen: list[list[str]] = []
    stirred = threading.Event()

    def on_snapshot(documents, changes, at) -> None:
        seen.append([d.id for d in documents])
        stirred.set()

    watch = db.collection("watched").on_snapshot(on_snapshot)
    assert stirred.wait(20)
    db.collection("watched").document("w1").set({})
    stack.wait_for(lambda: seen[-1] == ["w1"])
    watch.unsubscribe()


async def test_async_client_works(as_member):
    db = as_member(kind=firestore.AsyncClient)
    refs = [db.collection("many").document(str(n)) for n in range(40)]
    await asyncio.gather(*(ref.set({"n": n}) for n, ref in enumerate(refs)))
    got = [snapshot.to_dict()["n"] async for snapshot in db.collection("many").stream()]
    assert sorted(got) == list(range(40))
    db.close()


def test_viewer_reads_but_may_not_write(as_member):
    as_member().document("things/seen").set({"n": 1})
    viewer = as_member(VIEWER)
    assert viewer.document("things/seen").get().to_dict() == {"n": 1}
    with pytest.raises(exceptions.PermissionDenied, match=r"needs roles/datastore\.user"):
        viewer.document("things/seen").set({"n": 2})


def test_caller_without_a_role_reads_nothing(as_member):
    stranger = as_member(STRANGER)
    with pytest.raises(exceptions.PermissionDenied):
        stranger.document("things/seen").get()
    with pytest.raises(exceptions.PermissionDenied):
        list(stranger.collection("things").stream())
    with pytest.raises(exceptions.PermissionDenied):
        stranger.document("things/seen").set({})


def test_query_without_its_composite_index_is_refused_as_in_the_cloud(as_member):
    plays = as_member().collection("plays")
    mine = plays.where(filter=FieldFilter("user", "==", "u1"))
    assert mine.order_by("at", direction=firestore.Query.DESCENDING).get() == []
    assert mine.where(filter=FieldFilter("track", "==", "t1")).get() == []
    with pytest.raises(exceptions.FailedPrecondition, match="requires an index"):
        mine.order_by("track").get()


def test_request_over_the_emulators_limit_fails_at_once(as_member):
    with pytest.raises(exceptions.InvalidArgument, match="bytes"):
        as_member().document("things/big").set({str(n): "x" * 900_000 for n in range(6)})


def test_documents_past_their_ttl_go(as_member):
    db = as_member()
    now = datetime.now(UTC)
    db.document("sessions/old").set({"expires_at": now - timedelta(minutes=1)})
    db.document("users/u/sessions/nested").set({"expires_at": now - timedelta(minutes=1)})
    db.document("sessions/current").set({"expires_at": now + timedelta(minutes=5)})
    db.document("sessions/without").set({"n": 1})

    def left() -> set[str]:
        return {snapshot.id for snapshot in db.collection_group("sessions").stream()}

    stack.wait_for(lambda: left() == {"current", "without"})


# Durability


def _write_everything(db: Any) -> None:
    """Each kind of write, also through methods that the Python client does not use."""
    db.document("kept/full").set({"a": 1, "b": {"c": [1, 2.5, None, True, b"x"]}})
    db.document("kept/merged").set({"a": 1, "gone": 1})
    db.document("kept/merged").update({"b.c": 2, "gone": firestore.DELETE_FIELD, "`o d`.d": 1})
    db.document("kept/deleted").set({"a": 1})
    db.document("kept/deleted").delete()
    db.document("kept/counted").set({"n": 0})
    for _ in range(10):
        db.document("kept/counted").update({"n": firestore.Increment(1)})
    db.document("kept/stamped").set({"at": firestore.SERVER_TIMESTAMP, "most": 3})
    db.document("kept/stamped").update({"most": firestore.Maximum(9)})
    db.document("kept/list").set({"l": firestore.ArrayUnion([1, 2, 3])})
    db.document("kept/list").update({"l": firestore.ArrayRemove([2, 1.0])})
    batch = db.batch()
    batch.set(db.document("kept/b1"), {"n": 1})
    batch.update(db.document("kept/b1"), {"n": firestore.Increment(5)})
    batch.delete(db.document("kept/none"))
    batch.commit()
    bulk = db.bulk_writer()
    for n in range(30):
        bulk.set(db.document(f"bulk/{n}"), {"n": n})
    bulk.close()
    bulk = db.bulk_writer()  # one that was flushed sends nothing more
    for n in range(0, 30, 3):
        bulk.delete(db.document(f"bulk/{n}"))
    bulk.close()


def _write_by_other_methods(port: int) -> None:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    client = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))
    root = f"projects/{stack.PROJECT}/databases/(default)/documents"

    def document(name: str, **numbers: int) -> dict:
        fields = {key: {"integer_value": value} for key, value in numbers.items()}
        return {"name": f"{root}/other/{name}", "fields": fields}

    client.create_document(
        types.CreateDocumentRequest(
            parent=root,
            collection_id="other",
            document_id="made",
            document={"fields": document("", a=1)["fields"]},
        )
    )
    for name in ("changed", "removed"):
        client.update_document(types.UpdateDocumentRequest(document=document(name, a=1, b=1)))
    client.update_document(
        types.UpdateDocumentRequest(
            document=document("changed", a=2), update_mask={"field_paths": ["a", "b"]}
        )
    )
    client.delete_document(types.DeleteDocumentRequest(name=f"{root}/other/removed"))
    turn = threading.Semaphore(0)
    tokens: list[bytes] = [b""]

    def requests():
        yield types.WriteRequest(database=root.removesuffix("/documents"))
        for name in ("w1", "w2"):
            turn.acquire()
            yield types.WriteRequest(
                stream_token=tokens[-1],
                writes=[write_types.Write(update=document(name, a=7))],
            )
        turn.acquire()

    # On a stream the emulator takes the database from here; without it, its own default project.
    database = (("google-cloud-resource-prefix", root.removesuffix("/documents")),)
    responses = client.write(requests(), metadata=database)
    for number, response in enumerate(responses):
        tokens.append(response.stream_token)
        turn.release()
        if number == 2:
            break
    responses.cancel()
    channel.close()


def test_acknowledged_writes_outlive_the_emulator_and_the_proxy(cloud, as_member):
    db = as_member()
    _write_everything(db)
    _write_by_other_methods(cloud.endpoints.callers[USER].firestore)
    collections = ("kept", "bulk", "other")
    before = _all(db, *collections)
    assert before["kept/counted"] == {"n": 10}
    assert before["other/changed"] == {"a": 2}
    assert {"other/made", "other/w1", "other/w2"} <= set(before)
    assert len([name for name in before if name.startswith("bulk/")]) == 20

    cloud.emulator.kill()
    cloud.emulator.start()
    assert _all(db, *collections) == before, "after the emulator was killed"

    cloud.proxy.kill()
    cloud.proxy.start()
    cloud.wait_healthy()
    assert _all(db, *collections) == before, "after the proxy was killed"

    cloud.proxy.kill()
    cloud.emulator.kill()
    cloud.emulator.start()
    cloud.proxy.start()
    cloud.wait_healthy()
    assert _all(db, *collections) == before, "after both were killed"

    cloud.proxy.stop()
    cloud.emulator.stop()
    cloud.emulator.start()
    cloud.proxy.start()
    cloud.wait_healthy()
    db.document("kept/counted").update({"n": firestore.Increment(1)})
    assert db.document("kept/counted").get().to_dict() == {"n": 11}


def test_concurrent_increments_count_once_each_across_kills(cloud, as_member):
    """What was acknowledged is counted; what failed may count or not, but at most once."""
    db = as_member()
    ref = db.document("race/counter")
    ref.set({"n": 0})
    acknowledged, failed = [0] * 8, [0] * 8
    stop = threading.Event()

    def count(worker: int) -> None:
        while not stop.is_set():
            try:
                # No retry: a retried increment would be the client's own second one.
                ref.update({"n": firestore.Increment(1)}, retry=None, timeout=30)
                acknowledged[worker] += 1
            except exceptions.GoogleAPICallError:
                failed[worker] += 1

    with ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(count, n) for n in range(8)]
        stack.wait_for(lambda: sum(acknowledged) > 50)
        cloud.emulator.kill()
        cloud.emulator.start()
        so_far = sum(acknowledged)
        stack.wait_for(lambda: sum(acknowledged) > so_far + 50, 60)
        cloud.proxy.kill()
        cloud.proxy.start()
        so_far = sum(acknowledged)
        stack.wait_for(lambda: sum(acknowledged) > so_far + 50, 60)
        stop.set()
        for worker in workers:
            worker.result(60)
    n = ref.get().get("n")
    assert sum(acknowledged) <= n <= sum(acknowledged) + sum(failed)
    cloud.emulator.kill()
    cloud.emulator.start()
    assert ref.get().get("n") == n


def test_listener_goes_on_after_the_emulator_restarts(cloud, as_member):
    db = as_member()
    db.document("heard/before").set({"n": 1})
    seen: list[dict] = []
    watch = db.collection("heard").on_snapshot(
        lambda documents, changes, at: seen.append({d.id: d.to_dict() for d in documents})
    )
    stack.wait_for(lambda: seen and seen[-1] == {"before": {"n": 1}})
    cloud.emulator.kill()
    cloud.emulator.start()
    db.document("heard/after").set({"n": 2})
    stack.wait_for(lambda: seen[-1] == {"before": {"n": 1}, "after": {"n": 2}}, 60)
    watch.unsubscribe()


def test_calls_wait_while_the_emulator_restarts(cloud, as_member):
    db = as_member()
    cloud.emulator.kill()
    threading.Timer(1.0, cloud.emulator.start).start()
    db.document("kept/late").set({"n": 1}, retry=None, timeout=40)
    assert db.document("kept/late").get().to_dict() == {"n": 1}
