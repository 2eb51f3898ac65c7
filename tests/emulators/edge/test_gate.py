"""A service's own address: IAM before every request, and the limits of its instances."""

import asyncio
import json

import pytest

from emulators.runtime.edge.app import Limits
from tests.emulators.edge.rig import INVOKER, graph, resource, running

URI = "https://catalog-123456789012.europe-west1.run.app"


def bearer(rig, email: str = INVOKER, audience: str = "segue-catalog", now=None) -> str:
    return f"Bearer {rig.issuer.token(email, audience, now)}"


async def test_anonymous_caller_is_denied_and_told_what_is_missing(rig):
    status, _, body = await rig.get(rig.gates["catalog"] + "/_events/x")
    message = json.loads(body)["error"]["message"]
    assert status == 403
    assert message.startswith("denied: needs roles/run.invoker on service catalog")
    assert "allUsers" in message


@pytest.mark.parametrize("audience", ["segue-catalog", URI])
async def test_invoker_with_a_token_for_this_service_passes(rig, audience):
    url = rig.gates["catalog"] + "/_events/x"
    token = bearer(rig, audience=audience)
    status, _, body = await rig.request("POST", url, b"event", Authorization=token)
    told = json.loads(body)
    seen = dict(told["headers"])
    assert (status, told["path"], told["body_bytes"]) == (200, "/_events/x", 5)
    assert seen["authorization"] == token  # the service checks it too
    assert seen["x-forwarded-proto"] == "https"


async def test_tokens_that_prove_nothing(rig):
    good = bearer(rig)
    for why, token in {
        "another audience": bearer(rig, audience="segue-playback"),
        "expired": bearer(rig, now=1_000_000_000),
        "tampered": good[:-6] + "AAAAAA",
        "not a token": "Bearer nonsense",
        "empty": "Bearer ",
        "basic": "Basic dXNlcjpwYXNz",
    }.items():
        status, _, _ = await rig.get(rig.gates["catalog"] + "/", Authorization=token)
        assert status == 403, why


async def test_account_without_the_role_is_named(rig):
    token = bearer(rig, email="stranger@test-project.iam.gserviceaccount.com")
    status, _, body = await rig.get(rig.gates["catalog"] + "/", Authorization=token)
    assert status == 403
    assert b"serviceAccount:stranger@test-project" in body


async def test_serverless_authorization_leaves_the_other_header_to_the_service(rig):
    status, _, body = await rig.get(
        rig.gates["catalog"] + "/",
        Authorization="Bearer of-the-service-itself",
        X_Serverless_Authorization=bearer(rig),
    )
    assert status == 200
    assert ["authorization", "Bearer of-the-service-itself"] in json.loads(body)["headers"]


def public(**kwargs):
    everyone = resource(
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        "public",
        name="catalog",
        role="roles/run.invoker",
        member="allUsers",
    )
    return graph(extra=(everyone,), **kwargs)


async def test_public_service_needs_no_token(tmp_path):
    async with running(tmp_path, public()) as rig:
        assert (await rig.get(rig.gates["catalog"] + "/"))[0] == 200
        token = "Bearer of-the-service-itself"
        assert (await rig.get(rig.gates["catalog"] + "/", Authorization=token))[0] == 200


@pytest.mark.parametrize(("made", "status"), [(graph, 403), (public, 200)])
async def test_front_door_asks_iam_as_cloud_run_does(tmp_path, made, status):
    limits = Limits(wait_s=1.0)
    async with running(tmp_path, made(), limits) as rig:
        assert (await rig.get("/v1/uploads"))[0] == status


async def test_binding_of_one_service_opens_no_other(rig):
    token = bearer(rig, audience="https://transcode-123456789012.europe-west1.run.app")
    status, _, body = await rig.get(rig.gates["transcode"] + "/", Authorization=token)
    assert status == 403
    assert b"on service transcode" in body


async def test_requests_beyond_the_concurrency_wait_their_turn(tmp_path):
    catalog = {"template": {"maxInstanceRequestConcurrency": 3, "timeout": "10s"}}
    async with running(tmp_path, public(catalog=catalog), Limits(wait_s=5.0)) as rig:
        url = rig.gates["catalog"] + "/wait"
        asked = [asyncio.ensure_future(rig.get(url)) for _ in range(12)]
        await asyncio.sleep(0.2)
        assert rig.instance.running == 3
        rig.instance.release.set()
        assert {(await one)[0] for one in asked} == {200}
        assert rig.instance.most == 3


async def test_two_revisions_hold_twice_as_many(tmp_path):
    catalog = {"template": {"maxInstanceRequestConcurrency": 1, "timeout": "10s"}}
    async with running(tmp_path, public(catalog=catalog), Limits(wait_s=5.0)) as rig:
        rig.route(("r", rig.ports["one"], 100), ("r", rig.ports["two"], 100))
        asked = [asyncio.ensure_future(rig.get(rig.gates["catalog"] + "/wait")) for _ in range(4)]
        await asyncio.sleep(0.2)
        assert rig.instance.running == 2
        rig.instance.release.set()
        assert {(await one)[0] for one in asked} == {200}


async def test_waiting_too_long_is_429(tmp_path):
    catalog = {"template": {"maxInstanceRequestConcurrency": 1, "timeout": "10s"}}
    async with running(tmp_path, public(catalog=catalog), Limits(wait_s=0.2)) as rig:
        first = asyncio.ensure_future(rig.get(rig.gates["catalog"] + "/wait"))
        await asyncio.sleep(0.1)
        status, _, body = await rig.get(rig.gates["catalog"] + "/")
        assert (status, json.loads(body)["error"]["reason"]) == (429, "NO_AVAILABLE_INSTANCE")
        rig.instance.release.set()
        assert (await first)[0] == 200
        assert (await rig.get(rig.gates["catalog"] + "/"))[0] == 200


async def test_client_that_leaves_gives_its_place_back(tmp_path):
    catalog = {"template": {"maxInstanceRequestConcurrency": 1, "timeout": "10s"}}
    async with running(tmp_path, public(catalog=catalog), Limits(wait_s=2.0)) as rig:
        url = rig.gates["catalog"]
        asked = [asyncio.ensure_future(rig.get(url + "/wait")) for _ in range(3)]
        await asyncio.sleep(0.1)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert (await rig.get(url + "/"))[0] == 200


async def test_traffic_is_split_by_percent(tmp_path):
    async with running(tmp_path, public()) as rig:
        rig.route(("a", rig.ports["one"], 90), ("b", rig.ports["two"], 10), ("c", 1, 0))
        ports = [
            json.loads((await rig.get(rig.gates["catalog"] + "/"))[2])["port"] for _ in range(200)
        ]
        assert 2 <= ports.count(rig.ports["two"]) <= 50
        assert set(ports) == {rig.ports["one"], rig.ports["two"]}
        rig.route(("b", rig.ports["two"], 100))
        told = json.loads((await rig.get(rig.gates["catalog"] + "/"))[2])
        assert told["port"] == rig.ports["two"]
