"""The authorization endpoint: a person decides what an application may do (RFC 6749 §3.1)."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request, Response

from functions.accounts import codes
from functions.accounts.accounts import Accounts
from functions.accounts.browser import PageError, Pages, Visitor
from functions.accounts.codes import AuthorizationCode
from functions.accounts.credentials import unique_fields
from functions.accounts.domain import hash_secret
from functions.accounts.protocol import (
    Consent,
    Facts,
    OAuthRefused,
    answer_uri,
    decide_authorization,
)
from functions.accounts.redirects import origin_of
from functions.accounts.scopes import USER_SCOPES
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.users import User

MAX_QUERY_CHARS = 8000
_OURS = ("csrf", "decision")


def routes(pages: Pages, accounts: Accounts, store: Store, around: Surroundings) -> APIRouter:
    """`/authorize`: GET shows the consent page or answers at once, POST is the decision."""
    router = APIRouter()

    async def checked(asked: Mapping[str, str]) -> Consent:
        client = await store.clients.find(asked.get("client_id", ""))
        if client is None:
            raise PageError(
                400, "Unknown application", "The application that sent you here is not registered."
            )
        return decide_authorization(Facts(client, around.now()), asked, around.issuer)

    async def decided(visitor: Visitor, asked: Mapping[str, str], decision: str | None) -> Response:
        try:
            consent = await checked(asked)
        except OAuthRefused as error:
            if error.location is None:
                raise PageError(
                    400,
                    "This link is not right",
                    f"The application sent a request that we cannot trust: {error.description}.",
                ) from error
            return pages.redirect(visitor, error.location)
        if visitor.user is None:
            # PKCE, state and all travel along; nothing is kept for people who never sign in.
            where = "/authorize?" + urlencode(asked)
            return pages.redirect(visitor, "/login?" + urlencode({"next": where}))
        if decision is None and (
            asked.get("show_dialog") == "true" or not await remembered(visitor.user, consent)
        ):
            return ask(visitor, consent, asked)
        if decision not in (None, "allow"):
            refusal = {"error": "access_denied", "error_description": "the person said no"}
            return pages.redirect(visitor, where_to(consent, refusal))
        code = await grant(visitor.user, consent)
        return pages.redirect(visitor, where_to(consent, {"code": code}))

    async def remembered(user: User, consent: Consent) -> bool:
        if consent.client.trusted:
            return True
        if consent.client.public:
            # Anyone can pretend to be a public client, so nobody is let in unseen (RFC 6749 §10.2).
            return False
        known = await accounts.consented(user.user_id, consent.client.client_id)
        return known is not None and known.issuperset(consent.scopes)

    def ask(visitor: Visitor, consent: Consent, asked: Mapping[str, str]) -> Response:
        parts = urlsplit(consent.redirect_uri)
        return pages.page(
            visitor,
            "consent.html",
            form_targets=(origin_of(consent.redirect_uri),),
            client=consent.client,
            scopes=[USER_SCOPES[scope] for scope in consent.scopes],
            asked=asked,
            destination=parts.netloc or f"the app {parts.scheme}",
            again="/authorize?" + urlencode(asked),
        )

    def where_to(consent: Consent, answer: dict[str, str]) -> str:
        return answer_uri(consent.redirect_uri, around.issuer, consent.state, **answer)

    async def grant(user: User, consent: Consent) -> str:
        code, now = around.new_secret(), around.now()
        await accounts.consent(user.user_id, consent.client.client_id, consent.scopes)
        await store.codes.create(
            hash_secret(code),
            AuthorizationCode(
                consent.client.client_id,
                user.user_id,
                consent.redirect_uri,
                consent.scopes,
                consent.code_challenge,
                issued_at=now,
                expires_at=now + codes.CODE_LIFETIME,
                forget_at=now + codes.CODE_MEMORY,
            ),
        )
        return code

    @router.get("/authorize")
    async def show(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            query = request.scope["query_string"].decode("latin-1")
            if len(query) > MAX_QUERY_CHARS:
                raise PageError(400, "This link is not right", "It is too long.")
            return await decided(visitor, unique_fields(query), None)

        return await pages.serve(request, work)

    @router.post("/authorize")
    async def decide(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            if visitor.user is None:
                raise PageError(403, "You are signed out", "Go back to the app and start again.")
            asked = {name: value for name, value in form.items() if name not in _OURS}
            return await decided(visitor, asked, form.get("decision", "deny"))

        return await pages.serve(request, work)

    return router
