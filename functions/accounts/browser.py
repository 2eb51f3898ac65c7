"""Browsers: who they belong to, forms that only our own pages can send, and pages.

A form is accepted when three things agree: the browser's `Origin` or `Sec-Fetch-Site` names us,
and the hidden field is the keyed hash of two cookies, one that every visitor has and one that the
signed-in have. A page of another site can neither read nor set them; signing in changes the second,
so a field fetched before is worth nothing after.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from functions.accounts import sessions
from functions.accounts.attempts import TooManyAttempts
from functions.accounts.credentials import parse_form
from functions.accounts.sessions import Browser
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings, address_of
from functions.accounts.users import User
from shared.errors import Invalid, SegueError
from shared.web.errors import status_of

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_bytes()
STYLE_PATH = f"/oauth/style-{hashlib.sha256(STYLE).hexdigest()[:12]}.css"
_NEXT = re.compile(r"/(authorize|device|account)?(\?[!-~]{0,8000})?")
_COOKIE = re.compile(r"[0-9A-Za-z_-]{20,100}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever uses the browser. `form_key` and `cookie` are its cookies; `user` is None while
    nobody is signed in."""

    form_key: str
    is_new: bool
    cookie: str = ""
    session_id: str = ""
    user: User | None = None

    @property
    def csrf(self) -> str:
        """What a form of ours carries in its hidden field."""
        return hmac.digest(self.form_key.encode(), self.cookie.encode(), "sha256").hex()


class PageError(Exception):
    """A page that says what is wrong, instead of the one that was asked for."""

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.message = message


class Pages:
    """Renders pages and reads forms."""

    def __init__(self, store: Store, around: Surroundings) -> None:
        self._store = store
        self._around = around
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
        prefix = "__Host-" if around.secure else ""
        self._session_cookie, self._form_cookie = f"{prefix}segue_session", f"{prefix}segue_form"

    async def serve(
        self, request: Request, work: Callable[[Visitor], Awaitable[Response]]
    ) -> Response:
        """What `work` answers the visitor, or a page about what went wrong."""
        visitor = await self.visitor(request)
        try:
            return await work(visitor)
        except PageError as error:
            return self.page(visitor, "error.html", error.status, error=error)
        except TooManyAttempts as error:
            shown = PageError(429, "Too many attempts", "Wait a few minutes, then try again.")
            response = self.page(visitor, "error.html", 429, error=shown)
            response.headers["retry-after"] = str(error.retry_after_s)
            return response
        except SegueError as error:
            status = status_of(error)
            message = error.message if status < 500 else "Try again in a moment."
            shown = PageError(status, "That did not work", message)
            return self.page(visitor, "error.html", status, error=shown)

    async def visitor(self, request: Request) -> Visitor:
        """Who is there. Cookies may hold anything."""
        form_key = request.cookies.get(self._form_cookie, "")
        is_new = not _COOKIE.fullmatch(form_key)
        if is_new:
            form_key = self._around.new_secret()
        cookie = request.cookies.get(self._session_cookie, "")
        if not _COOKIE.fullmatch(cookie):
            return Visitor(form_key, is_new)
        session_id = sessions.browser_id(cookie)
        browser = await self._store.sessions.browsers.find(session_id)
        user = await self._store.users.find(browser.user_id) if browser else None
        if browser is None or user is None or user.removed_at is not None:
            return Visitor(form_key, is_new)
        if not sessions.is_signed_in(browser, self._around.now(), user.valid_from):
            return Visitor(form_key, is_new)
        return Visitor(form_key, is_new, cookie, session_id, user)

    async def form(self, request: Request, visitor: Visitor) -> dict[str, str]:
        """The fields of a form that this visitor was shown by us.

        Raises:
            PageError: 400 not a form; 403 sent from elsewhere, or from a page that is too old.
        """
        try:
            form = parse_form(request.headers.get("content-type", ""), await request.body())
        except Invalid as error:
            raise PageError(400, "That did not work", error.message) from error
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        foreign = origin not in (None, self._around.issuer) or site != "same-origin"
        given = form.pop("csrf", "").encode()
        if foreign or not hmac.compare_digest(given, visitor.csrf.encode()):
            raise PageError(
                403,
                "This page is out of date",
                "For your safety nothing was done. Go back, load the page again, and retry.",
            )
        return form

    def page(
        self,
        visitor: Visitor,
        template: str,
        status: int = 200,
        *,
        form_targets: Iterable[str] = (),
        **context: Any,
    ) -> Response:
        """A page. Its forms may be sent to us, and may end at `form_targets` by redirect."""
        html = self._templates.get_template(template).render(
            csrf=visitor.csrf,
            user=visitor.user,
            style=STYLE_PATH,
            host=self._around.issuer.partition("://")[2],
            **context,
        )
        response = Response(html, status, media_type="text/html; charset=utf-8")
        return self._guarded(response, visitor, form_targets)

    def redirect(self, visitor: Visitor, location: str) -> Response:
        """303: go there with GET, whatever brought you here."""
        response = Response(status_code=303, headers={"location": location})
        return self._guarded(response, visitor, ())

    async def sign_in(self, response: Response, request: Request, user: User) -> Response:
        """Begin a session for this browser, always under a new cookie."""
        cookie, now = self._around.new_secret(), self._around.now()
        browser = Browser(
            sessions.browser_id(cookie),
            user.user_id,
            address_of(request),
            describe_agent(request.headers.get("user-agent", "")),
            started_at=now,
            expires_at=now + sessions.BROWSER_LIFETIME,
        )
        await self._store.sessions.begin_browser(browser)
        seconds = int(sessions.BROWSER_LIFETIME.total_seconds())
        self._set_cookie(response, self._session_cookie, cookie, seconds)
        return response

    async def sign_out(self, response: Response, visitor: Visitor) -> Response:
        """End the browser's session."""
        if visitor.session_id:
            await self._store.sessions.end_browser(visitor.session_id)
        self._set_cookie(response, self._session_cookie, "", 0)
        return response

    def _guarded(
        self, response: Response, visitor: Visitor, form_targets: Iterable[str]
    ) -> Response:
        actions = " ".join(["'self'", *form_targets])
        response.headers.update(
            {
                "content-security-policy": (
                    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
                    f"form-action {actions}; frame-ancestors 'none'; base-uri 'none'"
                ),
                "x-frame-options": "DENY",
                "x-content-type-options": "nosniff",
                # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
                "referrer-policy": "same-origin",
                "cross-origin-opener-policy": "same-origin",
                "permissions-policy": "camera=(), microphone=(), geolocation=()",
                "cache-control": "no-store",
            }
        )
        if self._around.secure:
            response.headers["strict-transport-security"] = "max-age=31536000"
        if visitor.is_new:
            self._set_cookie(response, self._form_cookie, visitor.form_key, 30 * 86400)
        return response

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self._around.secure,
            httponly=True,
            # Lax: people come to /authorize by a link on an application's page.
            samesite="lax",
        )


def safe_next(text: str | None) -> str:
    """Where to go after signing in: a page of ours, whatever was asked for."""
    return text if text and _NEXT.fullmatch(text) else "/account"


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac OS X", "Linux")


def describe_agent(agent: str) -> str:
    """ "Firefox on Linux", good enough to recognise one's own browser in a list."""
    name = next((name for mark, name in _BROWSERS if mark in agent), None)
    if name is None:
        name = "Safari" if "Safari/" in agent else "A browser"
    system = next((system for system in _SYSTEMS if system in agent), None)
    return f"{name} on {system}".replace("Mac OS X", "macOS") if system else name
