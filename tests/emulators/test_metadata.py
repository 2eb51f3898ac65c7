"""The metadata server, asked by google-auth as a process in the cloud asks it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from emulators.metadata import ACCESS_AUDIENCE, metadata_app
from emulators.oidc import Issuer
from emulators.ports import free_ports
from tests.emulators.tiny import PROJECT, email, tiny_graph

ASK = """
import json, google.auth
from google.auth.transport.requests import Request
from google.oauth2.id_token import fetch_id_token

credentials, project = google.auth.default()
request = Request()
credentials.refresh(request)
print(json.dumps({
    "project": project,
    "email": credentials.service_account_email,
    "access": credentials.token,
    "id": fetch_id_token(request, "https://page"),
}))
"""


@dataclass
class Server:
    issuer: Issuer
    ports: dict[str, int]

    def url(self, who: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[who]}{path}"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    issuer = Issuer.load(tmp_path)
    ports = dict(zip(("page", "runner"), free_ports(2), strict=True))
    emails = {port: email(name) for name, port in ports.items()}
    runner = web.AppRunner(metadata_app(tiny_graph(), issuer, emails))
    await runner.setup()
    for port in emails:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Server(issuer, ports)
    await runner.cleanup()


async def test_google_auth_finds_project_account_and_tokens(server: Server, tmp_path: Path) -> None:
    host = f"127.0.0.1:{server.ports['page']}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "CLOUDSDK_CONFIG": str(tmp_path),
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_ROOT": host,
            "GCE_METADATA_IP": host,
            "NO_PROXY": "127.0.0.1",
        },
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(child.communicate(), 60)
    told = json.loads(out)
    assert told["project"] == PROJECT
    assert told["email"] == email("page")
    assert server.issuer.email_of(told["access"], ACCESS_AUDIENCE) == email("page")
    assert server.issuer.email_of(told["id"], "https://page") == email("page")


async def test_each_port_is_its_own_account(server: Server) -> None:
    async with aiohttp.ClientSession(headers={"Metadata-Flavor": "Google"}) as http:
        path = "/computeMetadata/v1/instance/service-accounts/default/email"
        for who in server.ports:
            async with http.get(server.url(who, path)) as answer:
                assert await answer.text() == email(who)
                assert answer.headers["Metadata-Flavor"] == "Google"


async def test_no_port_speaks_for_another_account(server: Server) -> None:
    async with aiohttp.ClientSession(headers={"Metadata-Flavor": "Google"}) as http:
        accounts = "/computeMetadata/v1/instance/service-accounts"
        async with http.get(server.url("page", f"{accounts}/{email('page')}/token")) as answer:
            assert answer.status == 200
        async with http.get(server.url("page", f"{accounts}/{email('runner')}/token")) as answer:
            assert answer.status == 404


async def test_request_without_flavor_is_refused(server: Server) -> None:
    """What keeps a page in a browser, or a fetched URL, from reading tokens."""
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    async with aiohttp.ClientSession() as http, http.get(server.url("page", path)) as answer:
        assert answer.status == 403
        assert "access_token" not in await answer.text()


async def test_identity_token_needs_an_audience(server: Server) -> None:
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    async with (
        aiohttp.ClientSession(headers={"Metadata-Flavor": "Google"}) as http,
        http.get(server.url("page", path)) as answer,
    ):
        assert answer.status == 400
