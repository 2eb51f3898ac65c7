"""Pages of the mails that we send: a forgotten password, an address to confirm.

A link opens a page with a button: programs that look at links before people do use nothing up.
"""

from fastapi import APIRouter, Request, Response

from functions.accounts.browser import PageError, Pages, Visitor
from functions.accounts.mailboxes import Mailboxes
from functions.accounts.proofs import LinkDead
from functions.accounts.surroundings import address_of
from shared.errors import Conflict, Invalid


def routes(pages: Pages, mailboxes: Mailboxes) -> APIRouter:
    """`/account/forgot`, `/account/reset` and `/account/confirm`."""
    router = APIRouter()

    @router.get("/account/forgot")
    async def forgot_page(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            if not mailboxes.is_on:
                raise _off()
            email = visitor.user.email if visitor.user else ""
            return pages.page(visitor, "forgot.html", email=email, problem="")

        return await pages.serve(request, work)

    @router.post("/account/forgot")
    async def forgot(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            email = form.get("email", "")
            try:
                await mailboxes.ask_reset(email, address_of(request))
            except Invalid as error:
                if error.code == "MAIL_OFF":
                    raise _off() from error
                return pages.page(
                    visitor, "forgot.html", 400, email=email[:254], problem=error.message
                )
            return pages.page(visitor, "forgot_sent.html", email=email.strip())

        return await pages.serve(request, work)

    @router.get("/account/reset")
    async def reset_page(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            return await reset_form(visitor, request.query_params.get("token", ""))

        return await pages.serve(request, work)

    @router.post("/account/reset")
    async def reset(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            token = form.get("token", "")
            try:
                await mailboxes.reset(token, form.get("password", ""))
            except LinkDead:
                return pages.page(visitor, "link_dead.html", 410, again=True)
            except Invalid as error:
                return await reset_form(visitor, token, 400, problem=error.message)
            # Nobody is signed in by it: the new password is asked for once more.
            gone = Visitor(visitor.form_key, visitor.is_new)
            return await pages.sign_out(pages.page(gone, "reset_done.html"), visitor)

        return await pages.serve(request, work)

    async def reset_form(
        visitor: Visitor, token: str, status: int = 200, *, problem: str = ""
    ) -> Response:
        try:
            email, _ = await mailboxes.find(token, "reset")
        except LinkDead:
            return pages.page(visitor, "link_dead.html", 410, again=True)
        return pages.page(visitor, "reset.html", status, token=token, email=email, problem=problem)

    @router.get("/account/confirm")
    async def confirm_page(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            token = request.query_params.get("token", "")
            try:
                email, owner = await mailboxes.find(token, "confirm")
            except LinkDead:
                return pages.page(visitor, "link_dead.html", 410, again=False)
            return pages.page(visitor, "confirm.html", token=token, email=email, owner=owner)

        return await pages.serve(request, work)

    @router.post("/account/confirm")
    async def confirm(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            try:
                changed = await mailboxes.confirm(form.get("token", ""))
            except LinkDead:
                return pages.page(visitor, "link_dead.html", 410, again=False)
            except Conflict as error:
                raise PageError(409, "That address is in use", error.message + ".") from error
            return pages.page(visitor, "confirm_done.html", email=changed.email)

        return await pages.serve(request, work)

    return router


def _off() -> PageError:
    return PageError(
        404,
        "This service sends no email",
        "So a password cannot be set anew here. Ask those who run it.",
    )
