"""The whole of accounts over documents in memory, and people and applications that use it."""

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from fastapi import FastAPI
from joserfc.jwk import ECKey

from functions.accounts.mail import Letter
from functions.accounts.main import Settings, build
from functions.accounts.signing import Signer
from functions.accounts.surroundings import Surroundings
from shared.events import MailQueued
from shared.gcp.memory import MemoryDocuments
from tests.web import AUDIENCE, PUBLIC_URL, PUSHER, Clock, Published, Pushes

SECRET = "operator secret: ü&%"
WEBHOOK_SECRET = "whsec_test"
PASSWORD = "correct horse battery"
EMAIL = "ada@example.com"
CALLBACK = "https://app.example/callback"
KEY = ECKey.generate_key("P-256").as_pem(private=True).decode()
SIGNER = Signer.from_pem(KEY)


def pkce() -> tuple[str, str]:
    """(verifier, challenge)"""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Letters:
    """A relay that keeps what it takes; `broken` makes it refuse."""

    taken: list[Letter] = field(default_factory=list)
    broken: Exception | None = None
    is_on: bool = True

    async def send(self, letter: Letter) -> None:
        if self.broken is not None:
            raise self.broken
        self.taken.append(letter)

    def link(self, to: str = EMAIL) -> str:
        """Path and query of the link in the last letter to `to`."""
        text = next(it.text for it in reversed(self.taken) if it.to == to)
        found = re.search(r"https?://[^/\s]+(/account/\S+)", text)
        assert found, text
        return found[1]

    def to(self, address: str) -> list[str]:
        """The subjects of what was sent there."""
        return [it.subject for it in self.taken if it.to == address]


@dataclass
class Service:
    """Accounts as deployed. `clock` None: the time of this machine."""

    clock: Clock | None = None
    public_url: str = PUBLIC_URL
    key: str = KEY
    other_key: str = ""
    collections: dict[str, MemoryDocuments[Any]] = field(default_factory=dict)
    published: Published = field(default_factory=Published)
    pushes: Pushes = field(default_factory=Pushes)
    letters: Letters = field(default_factory=Letters)
    built: FastAPI | None = None

    def collection(self, name: str, cls: type, what: str) -> MemoryDocuments[Any]:
        return self.collections.setdefault(name, MemoryDocuments(cls, what))

    def app(self) -> FastAPI:
        """One more instance over the same documents, if called again."""
        settings = Settings(
            google_cloud_project="project",
            public_url=self.public_url,
            jwt_signing_key=self.key,
            jwt_other_key=self.other_key,
            bootstrap_client_secret=SECRET,
            billing_webhook_secret=WEBHOOK_SECRET,
            service_key="mark",
            app_password_key=base64.urlsafe_b64encode(b"k" * 32).decode(),
            default_territory="SE",
            oidc_certs_url="https://unused",
            service_audience=AUDIENCE,
            push_identity=PUSHER,
            smtp_host="unused",
            smtp_port=0,
            smtp_security="none",
            smtp_username="",
            smtp_password="",
            mail_from="Segue <no-reply@segue.test>",
        )
        around = Surroundings(self.public_url, **({"now": self.clock} if self.clock else {}))
        return build(
            settings, self.collection, self.published, around, self.pushes.caller(),
            self.letters, on_stop=[],
        )  # fmt: skip

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """Pub/Sub pushes what was queued, once each."""
        queued = [it for it in self.published.events if isinstance(it, MailQueued)]
        self.published.events[:] = [it for it in self.published.events if it not in queued]
        for event in queued:
            assert (await self.pushes.push(client, event)).status_code == 204

    @asynccontextmanager
    async def browser(self, app: FastAPI | None = None) -> AsyncIterator["Person"]:
        """A new browser, without cookies."""
        if app is None:
            self.built = app = self.built or self.app()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=self.public_url) as client:
            yield Person(client)


@dataclass
class Person:
    """Someone at a browser, who fills in the forms that pages show."""

    client: httpx.AsyncClient

    async def submit(
        self,
        path: str,
        *,
        page: httpx.Response | None = None,
        action: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> httpx.Response:
        """Open the page at `path`, fill `fields` in, and send its form. No redirect is followed."""
        shown = page or await self.client.get(path, follow_redirects=True)
        action = action or path.partition("?")[0]
        hidden = hidden_fields(shown.text, action)
        return await self.client.post(action, data={**hidden, **fields}, headers=headers)

    async def sign_up(self, email: str = EMAIL, **changes: str) -> httpx.Response:
        form = {"email": email, "name": "Ada", "password": PASSWORD, "country": "SE", **changes}
        return await self.submit("/signup", **form)

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
        return await self.submit("/login", email=email, password=password)

    async def authorize(self, decision: str = "allow", **query: str) -> httpx.Response:
        """Ask on behalf of an application, and decide if asked; the redirect to it."""
        path = "/authorize?" + urlencode(query)
        shown = await self.client.get(path)
        if shown.status_code != 200:
            return shown
        return await self.submit(path, page=shown, decision=decision)

    async def token(self, **form: str) -> httpx.Response:
        return await self.client.post("/api/token", data=form)


@dataclass(frozen=True)
class Application:
    """A registered client."""

    client_id: str
    client_secret: str | None
    redirect_uri: str = CALLBACK

    @property
    def credentials(self) -> dict[str, str]:
        if self.client_secret is None:
            return {"client_id": self.client_id}
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    def asks(self, scope: str = "user-read-private", **more: str) -> dict[str, str]:
        return {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": scope,
            "state": "xyz",
            **more,
        }


async def operator(client: httpx.AsyncClient) -> dict[str, str]:
    """The operator's Authorization header."""
    form = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": SECRET}
    issued = (await client.post("/api/token", data=form)).json()["access_token"]
    return {"authorization": f"Bearer {issued}"}


async def register(client: httpx.AsyncClient, **changes: Any) -> Application:
    """A confidential application that may ask for everything of users."""
    asked = {
        "name": "Example App",
        "scopes": ["user-read-private", "user-read-email", "user-account", "streaming"],
        "territory": "SE",
        "redirect_uris": [CALLBACK],
        **changes,
    }
    made = await client.post("/v1/clients", json=asked, headers=await operator(client))
    assert made.status_code == 201, made.text
    uris = asked["redirect_uris"]
    return Application(
        made.json()["client_id"], made.json().get("client_secret"), uris[0] if uris else ""
    )


async def signed_in_tokens(
    person: Person, application: Application, scope: str = "user-read-private"
) -> dict[str, Any]:
    """What the application gets after the person, who is signed in, has allowed it."""
    verifier, challenge = pkce()
    asks = application.asks(scope, code_challenge=challenge, code_challenge_method="S256")
    code = answer_of(await person.authorize(**asks))["code"]
    issued = await person.token(
        grant_type="authorization_code",
        code=code,
        redirect_uri=application.redirect_uri,
        code_verifier=verifier,
        **application.credentials,
    )
    assert issued.status_code == 200, issued.text
    return issued.json()


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of the redirect to an application."""
    assert response.status_code == 303, (response.status_code, response.text)
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def reason_of(response: httpx.Response) -> str:
    """The stable code of a refusal: `reason` on our own routes, `code` on the Web API's."""
    error = response.json()["error"]
    return error.get("reason") or error["code"]


def hidden_fields(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the first form with that action."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', html, re.S)
    assert form, f"no form to {action} in:\n{html}"
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
    return {unescape(name): unescape(value) for name, value in found}
