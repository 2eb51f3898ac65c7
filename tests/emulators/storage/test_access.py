"""Identity by port, IAM by the program's bindings, and what an anonymous caller may do."""

import json
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2 import service_account

from emulators.runtime.storage.cloud import signing_keys
from tests.emulators.storage.rig import IMAGES, MASTERS, Cloud, upload

SESSION = f"/upload/storage/v1/b/{MASTERS}/o?uploadType=resumable&name=a"


def _reason(answer: httpx.Response) -> str:
    return answer.json()["error"]["message"]


async def test_a_creator_creates_but_neither_reads_nor_overwrites(cloud: Cloud) -> None:
    assert (await upload(cloud.catalog, MASTERS, "a")).status_code == 200
    read = await cloud.catalog.get(f"/storage/v1/b/{MASTERS}/o/a")
    again = await upload(cloud.catalog, MASTERS, "a", b"other")
    listed = await cloud.catalog.get(f"/storage/v1/b/{MASTERS}/o")
    assert [answer.status_code for answer in (read, again, listed)] == [403, 403, 403]
    assert "needs roles/storage.objectViewer on bucket segue-masters" in _reason(read)
    assert "storage.objects.delete" in _reason(again)
    assert (await cloud.operator.get(f"/{MASTERS}/a")).content == b"data"


async def test_a_viewer_reads_but_changes_nothing(cloud: Cloud) -> None:
    await upload(cloud.operator, MASTERS, "a")
    path = f"/storage/v1/b/{MASTERS}/o/a"
    assert (await cloud.transcode.get(path)).status_code == 200
    assert (await cloud.transcode.get(path, params={"alt": "media"})).content == b"data"
    refused = [
        await upload(cloud.transcode, MASTERS, "b"),
        await cloud.transcode.delete(path),
        await cloud.transcode.patch(path, json={"contentType": "x/y"}),
        await cloud.transcode.post(f"{path}/rewriteTo/b/{MASTERS}/o/b", json={}),
        await cloud.transcode.post(f"{path}/compose", json={"sourceObjects": [{"name": "a"}]}),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)


async def test_a_binding_on_one_bucket_says_nothing_of_another(cloud: Cloud) -> None:
    assert (await upload(cloud.catalog, IMAGES, "a")).status_code == 403


async def test_who_may_not_list_is_not_told_what_is_missing(cloud: Cloud) -> None:
    missing = f"/storage/v1/b/{MASTERS}/o/missing"
    assert (await cloud.catalog.get(missing)).status_code == 403
    assert (await cloud.transcode.get(missing)).status_code == 404


async def test_an_anonymous_caller_reads_public_buckets_only(cloud: Cloud) -> None:
    await upload(cloud.operator, IMAGES, "cover.jpg")
    await upload(cloud.operator, MASTERS, "master")
    public = await cloud.public.get(f"/{IMAGES}/cover.jpg")
    assert (public.status_code, public.content) == (200, b"data")
    assert public.headers["cache-control"] == "public, max-age=3600"
    private = await cloud.public.get(f"/{MASTERS}/master")
    assert private.status_code == 403
    assert "<Code>AccessDenied</Code>" in private.text
    as_json = await cloud.public.get(f"/storage/v1/b/{MASTERS}/o/master")
    assert as_json.status_code == 401
    assert (await upload(cloud.public, IMAGES, "x")).status_code == 401
    assert (await cloud.public.delete(f"/{IMAGES}/cover.jpg")).status_code == 403


async def test_a_session_is_opened_by_who_may_create_and_used_by_who_holds_it(
    cloud: Cloud,
) -> None:
    assert (await cloud.transcode.post(SESSION)).status_code == 403
    assert (await cloud.public.post(SESSION)).status_code == 401
    opened = await cloud.catalog.post(SESSION)
    location = opened.headers["location"]
    assert location.startswith(f"{cloud.public_url}/upload/storage/v1/")
    assert (await cloud.public.put(location, content=b"from outside")).status_code == 200
    assert (await cloud.transcode.get(f"/{MASTERS}/a")).content == b"from outside"


async def test_signed_urls_work_for_who_may_do_what_they_say(cloud: Cloud) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    emails = [f"{name}@segue.iam.gserviceaccount.com" for name in ("transcode", "catalog")]
    path = cloud.setting.state / "keys" / "service-accounts.json"
    path.parent.mkdir()
    path.write_text(json.dumps(dict.fromkeys(emails, public.decode())))
    await upload(cloud.operator, MASTERS, "a")

    def sign(email: str) -> str:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        info = {"client_email": email, "private_key": pem.decode(), "token_uri": "https://x"}
        credentials = service_account.Credentials.from_service_account_info(info)
        client = storage.Client(project="p", credentials=credentials)
        return (
            client.bucket(MASTERS)
            .blob("a")
            .generate_signed_url(
                version="v4", expiration=timedelta(minutes=5), api_access_endpoint=cloud.public_url
            )
        )

    assert set(signing_keys(cloud.setting.state)()) == set(emails)
    allowed = await cloud.public.get(sign(emails[0]))
    assert (allowed.status_code, allowed.content) == (200, b"data")
    refused = await cloud.public.get(sign(emails[1]))
    assert refused.status_code == 403
    assert "needs roles/storage.objectViewer" in refused.text


async def test_calls_of_a_batch_are_checked_one_by_one(cloud: Cloud) -> None:
    await upload(cloud.operator, MASTERS, "a")
    call = "--b\r\nContent-Type: application/http\r\n\r\n{} /storage/v1/b/{}/o/a HTTP/1.1\r\n\r\n"
    body = call.format("GET", MASTERS) + call.format("DELETE", MASTERS) + "--b--"
    answer = await cloud.transcode.post(
        "/batch/storage/v1",
        content=body.encode(),
        headers={"content-type": "multipart/mixed; boundary=b"},
    )
    assert "HTTP/1.1 200 OK" in answer.text
    assert "HTTP/1.1 403 Forbidden" in answer.text


@pytest.mark.parametrize(
    "path",
    [f"/{MASTERS}/../{IMAGES}/a", f"/{MASTERS}/..%2f..%2fkeys", "/%00/a", "/storage/v1/b/%ff/o"],
)
async def test_path_tricks_lead_nowhere(cloud: Cloud, path: str) -> None:
    url = httpx.URL(cloud.public_url).copy_with(raw_path=path.encode())
    assert (await cloud.public.get(url)).status_code in (400, 403, 404)
