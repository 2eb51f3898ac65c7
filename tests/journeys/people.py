"""People with accounts, the applications they allow, and music for them to find."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.journeys.cloud import Cloud

T = TypeVar("T")

REDIRECT = "http://127.0.0.1:8899/callback"
PASSWORD = "a long enough pass phrase"
SCOPES = (
    "user-read-private user-read-email user-library-read user-library-modify"
    " user-follow-read user-follow-modify user-read-recently-played user-top-read streaming"
    " playlist-read-private playlist-read-collaborative playlist-modify-public"
    " playlist-modify-private ugc-image-upload"
)

PICTURE = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqg"
    "tObDoKrarYqMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAIAAgDASIAAhEBAxEB/8QA"
    "FQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAA"
    "AAAABAX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCUAdYf/9k="
)
"""A red JPEG of 8 by 8 pixels, in base64."""


@dataclass
class Operator:
    """Who runs the cloud: makes users and registers applications."""

    cloud: Cloud
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.cloud.host, timeout=30)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.cloud.client_id,
            "client_secret": self.cloud.client_secret,
        }
        issued = self.http.post("/api/token", data=form).raise_for_status().json()
        self.http.headers["authorization"] = f"Bearer {issued['access_token']}"

    def user(self, name: str) -> "Person":
        """A new user, on the premium plan."""
        email = f"{name.lower().replace(' ', '.')}-{time.time_ns()}@example.com"
        asked = {
            "email": email,
            "display_name": name,
            "password": PASSWORD,
            "territory": "SE",
        }
        made = self.http.post("/v1/users", json=asked).raise_for_status().json()
        plan = {"plan": "premium"}
        self.http.post(f"/v1/users/{made['user_id']}/plans", json=plan).raise_for_status()
        return Person(self.cloud.host, made["user_id"], name, email)

    def application(self, *, public: bool = False, redirect: str = REDIRECT) -> dict[str, str]:
        """A registered application: `client_id`, and `client_secret` unless it is public."""
        asked = {
            "name": "A client from PyPI",
            "scopes": SCOPES.split(),
            "territory": "SE",
            "plan": "premium",
            "redirect_uris": [redirect],
            "public": public,
        }
        return self.http.post("/v1/clients", json=asked).raise_for_status().json()


@dataclass
class Person:
    """A user at a browser without JavaScript, who signs in and allows applications."""

    host: str
    user_id: str
    name: str
    email: str

    def allow(self, address: str) -> str:
        """Open an application's authorization page, sign in and allow it; where it leads back."""
        with httpx.Client(base_url=self.host, timeout=30) as browser:
            answer = browser.get(address)
            for _ in range(6):
                if answer.is_redirect:
                    target = answer.headers["location"]
                    if not target.startswith((self.host, "/")):
                        return target
                    answer = browser.get(target)
                elif 'action="/login"' in answer.text:
                    filled = {"email": self.email, "password": PASSWORD}
                    answer = browser.post("/login", data=_hidden(answer.text, "/login") | filled)
                else:
                    form = _hidden(answer.text, "/authorize") | {"decision": "allow"}
                    answer = browser.post("/authorize", data=form)
        raise AssertionError(f"no way back to the application: {answer.status_code} {answer.text}")

    def app_password(self, app: str) -> tuple[str, str]:
        """Sign in at the account page and make an app password; it, and the same as an API key."""
        with httpx.Client(base_url=self.host, timeout=30, follow_redirects=True) as browser:
            filled = {"email": self.email, "password": PASSWORD}
            form = _hidden(browser.get("/account").text, "/login") | filled
            form = _hidden(browser.post("/login", data=form).text, "/account/app-passwords")
            made = browser.post("/account/app-passwords", data=form | {"app": app}).text
        found = re.findall(r'id="(?:app-password|api-key)">([^<]+)<', made)
        assert len(found) == 2, made
        return unescape(found[0]), unescape(found[1])


def _hidden(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to `action`."""
    form = re.search(rf'<form method="post" action="{action}".*?</form>', html, re.S)
    assert form, html
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
    return {unescape(name): unescape(value) for name, value in found}


def library(cloud: Cloud, folder: Path) -> list[dict[str, Any]]:
    """At least three tracks of the demo library, playable in Sweden. Others that journeys before
    have left (without a licence, or artist) are left out."""
    operator = Operator(cloud)

    def playable() -> list[dict[str, Any]]:
        page = operator.http.get("/v1/tracks?limit=50&market=SE").raise_for_status().json()
        shown = [it for it in page["items"] if it["artists"] and it["is_playable"]]
        return [it for it in shown if "restrictions" not in it["album"]]

    if len(found := playable()) >= 3:
        return found
    for arguments in (("demo", str(folder), "--count", "3"), ("ingest", str(folder))):
        done = cloud.segue(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return until(playable, lambda it: len(it) >= 3)


def until(ask: Callable[[], T], good: Callable[[T], object], patience_s: float = 30) -> T:
    """What `ask` gives once it is `good`: events take a moment to arrive."""
    deadline = time.monotonic() + patience_s
    while True:
        found = ask()
        if good(found) or time.monotonic() > deadline:
            assert good(found), json.dumps(found, default=str)[:2000]
            return found
        time.sleep(0.3)
