"""Audio endpoints besides the front door, and signing keys while one replaces the other."""

import itertools
import json
from collections.abc import Mapping
from functools import partial

import pytest

from emulators.evaluate import evaluate
from emulators.graph import Graph
from emulators.runtime.edge import urlmap
from emulators.runtime.edge.urlmap import BucketBackend
from emulators.supervisor import edge_ports
from infra.program import program
from infra.services import DEPLOYABLES
from tests.infra.graphs import PAGE, SECRETS, evaluated

KEY = "gcp:compute/backendBucketSignedUrlKey:BackendBucketSignedUrlKey"
OTHER = "b3RoZXIgc2l4dGVlbiBieQ=="
DELIVERED = tuple(it for it in DEPLOYABLES if it.name in ("playback", "warmer"))


def graph(**changes: str) -> Graph:
    overlay = {**SECRETS, **{f"segue:{name}": value for name, value in changes.items()}}
    return evaluate("prod", overlay, partial(program, DELIVERED, PAGE))


def keys(made: Graph) -> dict[tuple[str, str], tuple[str, str]]:
    """(bucket, key's name) → (what Pulumi knows it by, its value)."""
    return {(it["backendBucket"], it["name"]): (it.urn, it["keyValue"]) for it in made.all(KEY)}


def environment(made: Graph, service: str, location: str) -> Mapping[str, str]:
    (found,) = [
        it for it in made.all("gcp:cloudrunv2/service:Service")
        if (it["name"], it["location"]) == (service, location)
    ]  # fmt: skip
    envs = found["template"]["containers"][0]["envs"]
    return {it["name"]: it.get("value") for it in envs}


def test_every_edge_is_an_address_with_a_cache_and_the_keys_of_its_own() -> None:
    made = evaluated("dev")
    edges = urlmap.load_edges(made)
    assert set(edges) == {"eu", "us"}
    front = {it.name: it for it in urlmap.load(made).backends}["segue-audio"]
    assert isinstance(front, BucketBackend)
    for name, served in edges.items():
        (backend,) = served.backends
        assert isinstance(backend, BucketBackend)
        assert (backend.name, backend.bucket) == (f"segue-audio-{name}", front.bucket)
        assert backend.keys == front.keys
        allowed = dict(backend.response_headers)["Access-Control-Allow-Origin"]
        assert allowed == "https://dev.segue.example"
        domains = [
            it["managed"]["domains"]
            for it in made.all("gcp:compute/managedSslCertificate:ManagedSslCertificate")
        ]
        assert [f"edge-{name}.dev.segue.example"] in domains


def test_services_and_page_are_told_of_the_edges() -> None:
    made = graph()
    told = json.loads(environment(made, "playback", "europe-west1")["EDGES"])
    assert [it["url"] for it in told] == [
        "https://edge-eu.segue.example", "https://edge-us.segue.example",
    ]  # fmt: skip
    web = {it.name: it for it in urlmap.load(made).backends}["segue-web"]
    policy = dict(web.response_headers)["Content-Security-Policy"]
    sources = policy.partition("connect-src ")[2].split()
    assert {it["url"] for it in told} <= set(sources)


def test_every_region_warms_from_where_it_is() -> None:
    made = graph()
    for region, job in (("europe-west1", "warm-edges"), ("us-east1", "warm-edges-us-east1")):
        assert environment(made, "warmer", region)["REGION"] == region
        (found,) = [it for it in made.all("gcp:cloudscheduler/job:Job") if it["name"] == job]
        assert found["region"] == region
        assert f".{region}.run.app/_tasks/warm-edges" in found["httpTarget"]["uri"]


def test_an_edge_of_a_region_without_services_is_the_primarys() -> None:
    made = graph(edges="asia=asia-northeast1@35.7,139.7:50")
    (told,) = json.loads(environment(made, "warmer", "us-east1")["EDGES"])
    assert told["region"] == "europe-west1"


def test_a_rotated_key_is_added_signed_with_and_dropped_and_none_is_ever_replaced() -> None:
    signing = SECRETS["segue:cdnSigningKey"]
    before = graph()
    both = graph(cdnOtherKeyName="audio-2", cdnOtherSigningKey=OTHER)
    swapped = graph(
        cdnKeyName="audio-2", cdnSigningKey=OTHER,
        cdnOtherKeyName="audio-1", cdnOtherSigningKey=signing,
    )  # fmt: skip
    after = graph(cdnKeyName="audio-2", cdnSigningKey=OTHER)
    steps = [before, both, swapped, after]
    signs_with = [environment(it, "playback", "us-east1")["CDN_KEY_NAME"] for it in steps]
    assert signs_with == ["audio-1", "audio-1", "audio-2", "audio-2"]
    names = [{name for _, name in keys(it)} for it in steps]
    assert names == [{"audio-1"}, {"audio-1", "audio-2"}, {"audio-1", "audio-2"}, {"audio-2"}]
    for one, other in itertools.pairwise(steps):
        for which in keys(one).keys() & keys(other).keys():
            assert keys(one)[which] == keys(other)[which]
    for it in steps:  # whatever signs is known everywhere, at every step
        buckets = {bucket for bucket, _ in keys(it)}
        assert len(buckets) == 3
        live = environment(it, "playback", "us-east1")["CDN_KEY_NAME"]
        assert all((bucket, live) in keys(it) for bucket in buckets)


@pytest.mark.parametrize("text", ["", "eu=europe-west1@50.45,3.82:100 us=us-east1@33.2,-80:1"])
def test_every_edge_has_a_port_here(text: str) -> None:
    ports = edge_ports(text)
    assert list(ports) == [it.partition("=")[0] for it in text.split()]
    assert len(set(ports.values())) == len(ports)


def test_an_api_path_that_no_service_has_is_refused_by_one_and_not_by_the_pages_bucket() -> None:
    front = urlmap.load(evaluated("dev"))
    asked = ("/v1/shows/1", "/v1/search", "/v1/tracks/1", "/index.html")
    names = [front.match("any", path).name for path in asked]
    assert names == ["segue-catalog", "segue-search", "segue-catalog", "segue-web"]
