"""The page where a person enters the code that a speaker or a television shows (RFC 8628 §3.3)."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from functions.accounts import codes
from functions.accounts.attempts import Throttle
from functions.accounts.browser import PageError, Pages, Visitor
from functions.accounts.codes import DeviceCode
from functions.accounts.scopes import USER_SCOPES
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings, address_of
from functions.accounts.users import User
from shared.errors import Conflict, NotFound

_WRONG = "We do not know that code. It may have expired: look at your device again."


def routes(pages: Pages, store: Store, throttle: Throttle, around: Surroundings) -> APIRouter:
    """`/device`: GET asks for the code, POST first shows who asks, then takes the decision."""
    router = APIRouter()

    async def pending(user: User, text: str, address: str) -> tuple[str, str, DeviceCode] | None:
        """(user code, key, device code) of what was typed; guesses are counted."""
        await throttle.check("device", user.user_id, address)
        typed, now = codes.parse_user_code(text), around.now()
        claim = await store.user_codes.find(typed) if typed else None
        if typed and claim and claim.expires_at > now:
            device = await store.device_codes.find(claim.device_code_sha256)
            if device and device.status == "pending" and device.expires_at > now:
                return typed, claim.device_code_sha256, device
        await throttle.failed("device", user.user_id, address)
        return None

    def entry(visitor: Visitor, status: int = 200, text: str = "", problem: str = "") -> Response:
        return pages.page(visitor, "device.html", status, user_code=text[:20], problem=problem)

    @router.get("/device")
    async def show(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            text = request.query_params.get("user_code", "")
            shown = codes.parse_user_code(text)
            if visitor.user is None:
                where = "/device?" + urlencode({"user_code": shown}) if shown else "/device"
                return pages.redirect(visitor, "/login?" + urlencode({"next": where}))
            # Even a whole code from a link is only filled in: sending people such links is how
            # strangers' televisions get into accounts (RFC 8628 §5.4).
            return entry(visitor, text=codes.show_user_code(shown) if shown else "")

        return await pages.serve(request, work)

    @router.post("/device")
    async def decide(request: Request) -> Response:
        async def work(visitor: Visitor) -> Response:
            form = await pages.form(request, visitor)
            if visitor.user is None:
                raise PageError(403, "You are signed out", "Sign in, then enter the code again.")
            text = form.get("user_code", "")
            found = await pending(visitor.user, text, address_of(request))
            if found is None:
                return entry(visitor, 400, text, _WRONG)
            user_code, key, device = found
            decision = form.get("decision")
            if decision is None:
                return pages.page(
                    visitor,
                    "device_confirm.html",
                    user_code=codes.show_user_code(user_code),
                    client_name=device.client_name,
                    scopes=[USER_SCOPES[scope] for scope in device.scopes],
                )
            approved = decision == "allow"
            await settle(visitor.user.user_id, key, approved)
            return pages.page(
                visitor, "device_done.html", approved=approved, client_name=device.client_name
            )

        return await pages.serve(request, work)

    async def settle(user_id: str, key: str, approved: bool) -> None:
        now = around.now()

        def change(found: DeviceCode | None) -> DeviceCode:
            if found is None:
                raise NotFound("the code has expired", code="DEVICE_CODE_NOT_FOUND")
            return codes.decide(found, user_id, approved, now)

        after = await store.device_codes.update(key, change)
        if after is None or after.user_id != user_id:
            raise Conflict("the code was used already", code="ALREADY_DECIDED")

    return router
