"""Requests that mean harm or nonsense: each is refused by name, and the server goes on."""

import asyncio

import httpx
import pytest

from tests.emulators.storage.rig import IMAGES, Cloud, upload

OBJECTS = f"/storage/v1/b/{IMAGES}/o"
UPLOAD = f"/upload/storage/v1/b/{IMAGES}/o"
JSON = {"content-type": "application/json"}


def _multipart(metadata: bytes) -> dict:
    content = b"--b\r\n\r\n" + metadata + b"\r\n--b\r\n\r\ndata\r\n--b--"
    return {"content": content, "headers": {"content-type": "multipart/related; boundary=b"}}


@pytest.mark.parametrize(
    ("method", "target", "more", "status"),
    [
        ("GET", f"{OBJECTS}?maxResults=-1", {}, 400),
        ("GET", f"{OBJECTS}?maxResults=many", {}, 400),
        ("GET", f"{OBJECTS}?pageToken=%25%25", {}, 400),
        ("GET", f"{OBJECTS}?matchGlob=[", {}, 400),
        ("GET", f"{OBJECTS}?matchGlob={'{a,' * 500}", {}, 400),
        ("GET", f"{OBJECTS}/a?generation=99999999999999999999", {}, 400),
        ("GET", f"{OBJECTS}/a?ifGenerationMatch=x", {}, 400),
        ("GET", f"{OBJECTS}/%ff", {}, 400),
        ("GET", f"{OBJECTS}/", {}, 404),
        ("GET", "/storage/v1/nothing", {}, 404),
        ("GET", "/", {}, 404),
        ("TRACE", f"{OBJECTS}/a", {}, 404),
        ("PATCH", f"{OBJECTS}/a", {"content": b"[1]", "headers": JSON}, 400),
        ("PATCH", f"{OBJECTS}/a", {"content": b'{"a":' * 5000, "headers": JSON}, 400),
        ("PATCH", f"{OBJECTS}/a", {"json": {"metadata": "text"}}, 400),
        ("PATCH", f"{OBJECTS}/a", {"json": {"metadata": {"k": 1}}}, 400),
        ("PATCH", f"{OBJECTS}/a", {"json": {"contentType": 7}}, 400),
        ("PATCH", f"{OBJECTS}/a", {"json": {"temporaryHold": "yes"}}, 400),
        ("PATCH", f"{OBJECTS}/a", {"json": {"customTime": "tomorrow"}}, 400),
        ("PATCH", f"{OBJECTS}/a", {"content": b" " * 9_000_000, "headers": JSON}, 413),
        ("POST", f"{OBJECTS}/a/compose", {"json": {}}, 400),
        ("POST", f"{OBJECTS}/b/compose", {"json": {"sourceObjects": [{"name": 1}]}}, 400),
        ("POST", f"{OBJECTS}/b/compose", {"json": {"sourceObjects": ["a"]}}, 400),
        ("POST", f"{OBJECTS}/b/compose", {"json": {"sourceObjects": 5}}, 400),
        ("POST", UPLOAD, {}, 400),
        ("POST", f"{UPLOAD}?uploadType=media", {"content": b"x"}, 400),
        ("POST", f"{UPLOAD}?uploadType=multipart", {"content": b"x"}, 400),
        ("POST", f"{UPLOAD}?uploadType=multipart", _multipart(b"not json"), 400),
        ("POST", f"{UPLOAD}?uploadType=multipart", _multipart(b'{"name": 5}'), 400),
        ("POST", f"{UPLOAD}?uploadType=multipart", _multipart(b'{"name": "\\ud800"}'), 400),
        ("POST", f"{UPLOAD}?uploadType=multipart", _multipart(b'{"name":"n","crc32c":1}'), 400),
        ("POST", f"{UPLOAD}?uploadType=resumable&name=r", {"content": b"{"}, 400),
        ("PUT", f"{UPLOAD}?upload_id=../../x", {"content": b"x"}, 404),
        ("POST", "/batch/storage/v1", {"content": b"x"}, 400),
        ("GET", f"/{IMAGES}/a?X-Goog-Signature=00", {}, 400),
        ("PUT", f"/{IMAGES}/b", {"headers": {"x-goog-content-length-range": "a"}}, 400),
        ("POST", f"/{IMAGES}/b", {}, 405),
        ("POST", "/storage/v1/b", {"json": {"name": "../../etc"}}, 400),
        ("POST", "/storage/v1/b", {"json": {"name": 5}}, 400),
    ],
)
async def test_nonsense_is_refused_by_name(
    cloud: Cloud, method: str, target: str, more: dict, status: int
) -> None:
    await upload(cloud.operator, IMAGES, "a")
    path, _, query = target.partition("?")
    url = cloud.operator.base_url.copy_with(raw_path=f"{path}?{query}".encode())
    answer = await cloud.operator.request(method, url, **more)
    assert answer.status_code == status, answer.text
    assert answer.text
    assert (await cloud.operator.get(f"{OBJECTS}/a")).status_code == 200
    assert (await cloud.operator.get(f"{OBJECTS}/b")).status_code == 404


async def test_metadata_cannot_forge_response_headers(cloud: Cloud) -> None:
    resource = {
        "contentType": "text/plain\r\nset-cookie: a=b",
        "contentDisposition": 'attachment; filename="ü"\n\nbody',
        "metadata": {"k": "v\r\nx-forged: 1", "bad key:": "x", "ümlaut": "x"},
    }
    await upload(cloud.operator, IMAGES, "a")
    await cloud.operator.patch(f"{OBJECTS}/a", json=resource)
    answer = await cloud.public.get(f"/{IMAGES}/a")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "x-forged" not in answer.headers
    assert answer.content == b"data"
    assert (await cloud.operator.get(f"{OBJECTS}/a")).json()["metadata"] == resource["metadata"]


async def test_a_half_open_upload_blocks_nobody(cloud: Cloud) -> None:
    url = httpx.URL(cloud.public_url)
    idle = [await asyncio.open_connection(url.host, url.port) for _ in range(30)]
    for _, writer in idle:
        writer.write(b"POST /upload/storage/v1/b/x/o HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n")
        await writer.drain()
    async with asyncio.timeout(5):
        assert (await upload(cloud.operator, IMAGES, "b")).status_code == 200
    for _, writer in idle:
        writer.close()
