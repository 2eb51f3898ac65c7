"""Pages: signing in, signing up, signing out."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from functions.accounts.accounts import Accounts, WrongPassword
from functions.accounts.browser import STYLE, STYLE_PATH, Pages, Visitor, safe_next
from functions.accounts.countries import COUNTRIES
from functions.accounts.credentials import unique_fields
from functions.accounts.redirects import origin_of
from functions.accounts.store import Clients
from functions.accounts.surroundings import address_of
from shared.errors import Conflict, Invalid

_FIELDS = {
    "INVALID_EMAIL": "email",
    "EMAIL_TAKEN": "email",
    "INVALID_NAME": "name",
    "WEAK_PASSWORD": "password",
    "INVALID_TERRITORY": "country",
}


def routes(pages: Pages, accounts: Accounts, clients: Clients, default_country: str) -> APIRouter:
    """`/login`, `/signup`, `/logout` and the style sheet."""
    router = APIRouter()

    @router.get("/login")
    async def login_page(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            where = safe_next(request.query_params.get("next"))
            if visitor.user is not None:
                return pages.redirect(visitor, where)
            return await shown(visitor, where)

        return await pages.serve(request, work)

    @router.post("/login")
    async def login(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            where = safe_next(form.get("next"))
            email = form.get("email", "")
            try:
                user = await accounts.sign_in(email, form.get("password", ""), address_of(request))
            except WrongPassword as error:
                return await shown(visitor, where, 403, email=email, problem=error.message)
            response = await pages.sign_out(pages.redirect(visitor, where), visitor)
            return await pages.sign_in(response, request, user)

        return await pages.serve(request, work)

    async def shown(
        visitor: Visitor, where: str, status: int = 200, *, email: str = "", problem: str = ""
    ) -> Response:
        client_name, targets = await destination(clients, where)
        return pages.page(
            visitor,
            "login.html",
            status,
            form_targets=targets,
            next=where,
            email=email[:254],
            problem=problem,
            client_name=client_name,
        )

    @router.get("/signup")
    async def signup_page(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            where = safe_next(request.query_params.get("next"))
            return await empty(visitor, {"next": where, "country": default_country})

        return await pages.serve(request, work)

    @router.post("/signup")
    async def signup(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            form["next"] = safe_next(form.get("next"))
            try:
                user = await accounts.sign_up(
                    form.get("email", ""),
                    form.get("name", ""),
                    form.get("password", ""),
                    form.get("country", ""),
                    address_of(request),
                )
            except (Invalid, Conflict) as error:
                problems = {_FIELDS.get(error.code, "email"): error.message}
                return await empty(visitor, form, 409 if error.code == "EMAIL_TAKEN" else 400,
                                   problems)  # fmt: skip
            response = pages.redirect(visitor, form["next"])
            return await pages.sign_in(response, request, user)

        return await pages.serve(request, work)

    async def empty(
        visitor: Visitor,
        form: dict[str, str],
        status: int = 200,
        problems: dict[str, str] | None = None,
    ) -> Response:
        _, targets = await destination(clients, form["next"])
        return pages.page(
            visitor,
            "signup.html",
            status,
            form_targets=targets,
            form={name: form.get(name, "")[:254] for name in ("email", "name", "country")},
            next=form["next"],
            countries=COUNTRIES,
            problems={**dict.fromkeys(_FIELDS.values(), ""), **(problems or {})},
        )

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            where = safe_next(form.get("next"))
            target = "/login?" + urlencode({"next": where})
            return await pages.sign_out(pages.redirect(visitor, target), visitor)

        return await pages.serve(request, work)

    @router.get(STYLE_PATH, include_in_schema=False)
    async def style() -> Response:
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
        }
        return Response(STYLE, headers=headers, media_type="text/css; charset=utf-8")

    return router


async def destination(clients: Clients, where: str) -> tuple[str, tuple[str, ...]]:
    """The application that asked for the sign-in, and where its answer goes: browsers check
    redirects after a form, too. Nothing for an application or an address that we do not know."""
    path, _, query = where.partition("?")
    if path != "/authorize":
        return "", ()
    try:
        asked = unique_fields(query)
    except Invalid:
        return "", ()
    client = await clients.find(asked.get("client_id", ""))
    if client is None or asked.get("redirect_uri") not in client.redirect_uris:
        return "", ()
    return client.name, (origin_of(asked["redirect_uri"]),)
