"""The account page: plan, profile, password, sessions, export, deletion."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from functions.accounts import users
from functions.accounts.accounts import Accounts, WrongPassword
from functions.accounts.app_access import AppAccess
from functions.accounts.browser import PageError, Pages, Visitor
from functions.accounts.countries import COUNTRIES
from functions.accounts.mailboxes import Mailboxes
from functions.accounts.surroundings import Surroundings, address_of
from functions.accounts.users import User
from shared.errors import Conflict, Invalid

Form = dict[str, str]
Action = Callable[[Request, Visitor, User, Form], Awaitable[Response]]


def routes(
    pages: Pages,
    accounts: Accounts,
    mailboxes: Mailboxes,
    access: AppAccess,
    around: Surroundings,
) -> APIRouter:
    """`/account` and what its forms do."""
    router = APIRouter()

    async def overview(
        visitor: Visitor, user: User, status: int = 200, *, done: str = "", problem: str = "",
        made: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        return pages.page(
            visitor,
            "account.html",
            status,
            person=user,
            plan=users.plan_at(user, around.now()),
            countries=COUNTRIES,
            sessions=await accounts.sessions(user),
            here=visitor.session_id,
            app_passwords=await access.list(user),
            made=made,
            mail_is_on=mailboxes.is_on,
            server=around.issuer,
            done=done,
            problem=problem,
            day=_day,
        )

    async def act(request: Request, action: Action) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            if visitor.user is None:
                raise PageError(403, "You are signed out", "Sign in, then try again.")
            try:
                return await action(request, visitor, visitor.user, form)
            except (WrongPassword, Invalid, Conflict) as error:
                message = (
                    "that is not your password"
                    if isinstance(error, WrongPassword)
                    else error.message
                )
                return await overview(visitor, visitor.user, 400, problem=message)

        return await pages.serve(request, work)

    @router.get("/account")
    async def show(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            if visitor.user is None:
                return pages.redirect(visitor, "/login?next=/account")
            return await overview(visitor, visitor.user)

        return await pages.serve(request, work)

    @router.post("/account/profile")
    async def profile(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            changed = await accounts.change_profile(
                user.user_id,
                name=form.get("name", ""),
                territory=form.get("country", ""),
                explicit=form.get("explicit_filter") == "on",
            )
            return await overview(visitor, changed, done="Your profile is saved.")

        return await act(request, action)

    @router.post("/account/password")
    async def password(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            changed = await accounts.change_password(
                user, form.get("current", ""), form.get("new", ""), address_of(request)
            )
            # Every session ended, this one too; this browser gets a new one.
            response = pages.redirect(visitor, "/account")
            return await pages.sign_in(response, request, changed)

        return await act(request, action)

    @router.post("/account/email")
    async def email(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            address = address_of(request)
            await accounts.reauthenticate(user, form.get("email_password", ""), address)
            changed = await mailboxes.ask_change(user, form.get("email", ""), address)
            done = f"We wrote to {changed.pending_email}: follow the link there to move."
            return await overview(visitor, changed, done=done)

        return await act(request, action)

    @router.post("/account/email/again")
    async def email_again(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            to = await mailboxes.ask_again(user, address_of(request))
            return await overview(visitor, user, done=f"The mail to {to} is on its way.")

        return await act(request, action)

    @router.post("/account/email/keep")
    async def keep_email(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            await mailboxes.keep_address(user.user_id)
            return pages.redirect(visitor, "/account")

        return await act(request, action)

    @router.post("/account/app-passwords")
    async def new_app_password(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            made = await access.create(user, form.get("app", ""))
            return await overview(visitor, user, made=made)

        return await act(request, action)

    @router.post("/account/app-passwords/remove")
    async def remove_app_password(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            await access.remove(user, form.get("password_id", ""))
            return pages.redirect(visitor, "/account")

        return await act(request, action)

    @router.post("/account/end-session")
    async def end_session(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            await accounts.end_session(user.user_id, form.get("session_id", ""))
            return pages.redirect(visitor, "/account")

        return await act(request, action)

    @router.post("/account/sign-out-everywhere")
    async def sign_out_everywhere(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            await accounts.sign_out_everywhere(user.user_id)
            return await pages.sign_out(pages.redirect(visitor, "/login"), visitor)

        return await act(request, action)

    @router.post("/account/export")
    async def export(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            kept = json.dumps(
                msgspec.to_builtins(await accounts.export(user)), indent=2, ensure_ascii=False
            )
            headers = {
                "content-disposition": 'attachment; filename="segue-account.json"',
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
            }
            return Response(kept, headers=headers, media_type="application/json")

        return await act(request, action)

    @router.post("/account/delete")
    async def delete(request: Request) -> Response:
        async def action(request: Request, visitor: Visitor, user: User, form: Form) -> Response:
            await accounts.delete(user, form.get("password", ""), address_of(request))
            gone = Visitor(visitor.form_key, visitor.is_new)
            return await pages.sign_out(pages.page(gone, "deleted.html"), gone)

        return await act(request, action)

    return router


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
