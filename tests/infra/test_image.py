"""Images are built by the pickled provider, in Pulumi's own provider process, without our code."""

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from infra.image import CloudBuild, _pickler_kept

DIGEST = "sha256:" + "ab" * 32
IMAGE = "europe-west1-docker.pkg.dev/p/segue/catalog:0123456789abcdef"


@dataclass
class Builder:
    """Cloud Build's create and poll, as far as the provider knows them.

    Source: https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds
    """

    url: str
    states: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    built: list[dict[str, Any]] = field(default_factory=list)
    refuse: bool = False
    stumbles: int = 0


@pytest.fixture
def builder() -> Iterator[Builder]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            it.asked.append(("POST", self.path))
            if it.refuse:
                self.answer(403, {"error": {"message": "caller lacks cloudbuild.builds.create"}})
                return
            it.built.append(body)
            self.answer(200, {"metadata": {"build": {"id": "b-1"}}})

        def do_GET(self) -> None:
            it.asked.append(("GET", self.path))
            if it.stumbles:
                it.stumbles -= 1
                self.answer(503, {})
                return
            self.answer(200, it.states.pop(0) if len(it.states) > 1 else it.states[0])

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it = Builder(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield it
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The process in which the engine runs dynamic providers, in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH",)}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"],
        cwd=folder,
        env={**environment, "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.kill()


def inputs(builder: Builder, **more: Any) -> struct_pb2.Struct:
    return json_format.ParseDict(
        {
            "__provider": serialize_provider(CloudBuild()),
            "project": "p",
            "region": "europe-west1",
            "bucket": "p-source",
            "object": "catalog-0123456789abcdef.zip",
            "image": IMAGE,
            "builder": "segue-builder@p.iam.gserviceaccount.com",
            "api_endpoint": builder.url,
            "poll_s": 0.01,
            **more,
        },
        struct_pb2.Struct(),
    )


def create(provider: Any, builder: Builder) -> Any:
    return provider.Create(provider_pb2.CreateRequest(properties=inputs(builder)), timeout=60)


def test_image_is_built_from_the_archive_and_known_by_its_digest(
    provider: Any, builder: Builder
) -> None:
    done = {"status": "SUCCESS", "results": {"images": [{"digest": DIGEST}]}}
    builder.states = [{"status": "QUEUED"}, {"status": "WORKING"}, done]
    made = create(provider, builder)
    assert made.id == "b-1"
    repository = IMAGE.rpartition(":")[0]
    assert made.properties["reference"] == f"{repository}@{DIGEST}"
    builds = "/v1/projects/p/locations/europe-west1/builds"
    assert builder.asked == [("POST", builds), *[("GET", f"{builds}/b-1")] * 3]
    (build,) = builder.built
    assert build["source"] == {
        "storageSource": {"bucket": "p-source", "object": "catalog-0123456789abcdef.zip"}
    }
    assert build["images"] == [IMAGE]
    assert build["steps"][0]["args"] == ["build", "--tag", IMAGE, "."]
    assert build["serviceAccount"].endswith("/segue-builder@p.iam.gserviceaccount.com")


@pytest.mark.parametrize("status", ["FAILURE", "TIMEOUT", "CANCELLED", "INTERNAL_ERROR", "EXPIRED"])
def test_build_that_fails_says_which_image_why_and_where_to_look(
    provider: Any, builder: Builder, status: str
) -> None:
    detail = {"statusDetail": "step 0 failed", "logUrl": "https://console.cloud.google.com/b-1"}
    builder.states = [{"status": "WORKING"}, {"status": status, **detail}]
    with pytest.raises(grpc.RpcError) as failed:
        create(provider, builder)
    told = failed.value.details()
    assert f"Cloud Build {status} for {IMAGE}: step 0 failed https://console" in told


def test_refusal_of_the_api_is_told_with_its_reason(provider: Any, builder: Builder) -> None:
    builder.refuse = True
    with pytest.raises(grpc.RpcError) as failed:
        create(provider, builder)
    assert f"Cloud Build answered 403 for {IMAGE}" in failed.value.details()
    assert "caller lacks cloudbuild.builds.create" in failed.value.details()


def test_poll_that_stumbles_is_repeated(provider: Any, builder: Builder) -> None:
    builder.states = [{"status": "SUCCESS", "results": {"images": [{"digest": DIGEST}]}}]
    builder.stumbles = 2
    assert create(provider, builder).id == "b-1"
    assert len(builder.built) == 1


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [({}, []), ({"image": f"{IMAGE[:-1]}0"}, ["image"]), ({"object": "renamed.zip"}, [])],
)
def test_image_is_replaced_when_its_content_changes_only(
    provider: Any, builder: Builder, changed: dict, replaced: list[str]
) -> None:
    request = provider_pb2.DiffRequest(
        id="b-1", olds=inputs(builder), news=inputs(builder, **changed)
    )
    assert list(provider.Diff(request, timeout=60).replaces) == replaced


def test_pickled_provider_names_no_module_of_ours_and_is_always_the_same(tmp_path: Path) -> None:
    code = (
        "import base64, sys; from pulumi.dynamic.dynamic import serialize_provider\n"
        "from infra.image import CloudBuild\n"
        "sys.stdout.write(serialize_provider(CloudBuild()))"
    )
    root = str(Path(__file__).resolve().parents[2])
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(made) == 1


def test_serializing_often_leaves_the_pickler_as_it_was() -> None:
    """A test session, or a stack of many services, makes hundreds of images in one process."""
    before = serialize_provider(CloudBuild())
    pickler: Any = pickle._Pickler
    for _ in range(3):
        kept = pickler._batch_setitems, pickler.save_dict
        with _pickler_kept():
            assert serialize_provider(CloudBuild()) == before
        assert (pickler._batch_setitems, pickler.save_dict) == kept
