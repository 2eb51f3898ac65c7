"""Accounts over the Web API: profiles for everyone, and one's own account for its user."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from functions.accounts import domain, users
from functions.accounts.accounts import Accounts
from functions.accounts.app_access import AppAccess
from functions.accounts.introspection import Introspection
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings, address_of
from functions.accounts.users import Device, User
from functions.accounts.views import private_profile, public_profile
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Anyone = Annotated[Principal, Depends(requires())]
MayRegister = Annotated[Principal, Depends(requires("accounts:write"))]
Owner = Annotated[Principal, Depends(requires("user-account"))]
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Password = Annotated[str, Field(max_length=512)]
Territory = Annotated[str, Field(max_length=2)]


class NewClient(BaseModel):
    """A client to register. `public`: it cannot keep a secret, and must use PKCE."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: list[Annotated[str, Field(max_length=100)]] = Field(max_length=50)
    plan: str = Field(default="free", max_length=20)
    territory: Territory
    redirect_uris: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list, max_length=domain.MAX_REDIRECT_URIS
    )
    public: bool = False
    owns: list[Annotated[str, Field(max_length=110)]] = Field(
        default_factory=list, max_length=domain.MAX_OWNED
    )


class NewUser(BaseModel):
    """A user to make without the sign-up page."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    display_name: str = Field(max_length=200)
    password: Password
    territory: Territory


class NewPlan(BaseModel):
    """A plan in [now, ends_at)."""

    model_config = ConfigDict(extra="forbid")

    plan: str = Field(max_length=20)
    ends_at: AwareDatetime | None = None


class ProfileChange(BaseModel):
    """What of one's profile to change."""

    model_config = ConfigDict(extra="forbid")

    display_name: Annotated[str, Field(max_length=200)] | None = None
    territory: Territory | None = None
    explicit_filter: bool | None = None


class PasswordChange(BaseModel):
    """The present password, and the one to come."""

    model_config = ConfigDict(extra="forbid")

    current_password: Password
    new_password: Password


class Deletion(BaseModel):
    """Proof that it is the account's owner who wants it gone."""

    model_config = ConfigDict(extra="forbid")

    password: Password


class NewDevice(BaseModel):
    """A device to register."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    type: str = Field(max_length=20)


class NewAppPassword(BaseModel):
    """What the user will call it: mostly the client that it is for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)


def operator_routes(store: Store, accounts: Accounts, around: Surroundings) -> APIRouter:
    """`/v1/clients`, and users as an operator makes and changes them."""
    router = APIRouter()

    @router.post("/v1/clients")
    async def register(asked: NewClient, principal: MayRegister) -> Response:
        secret = None if asked.public else around.new_secret()
        client = domain.new_client(
            around.new_id(),
            secret,
            name=asked.name,
            scopes=asked.scopes,
            plan=asked.plan,
            territory=asked.territory,
            at=around.now(),
            redirect_uris=asked.redirect_uris,
            owns=asked.owns,
        )
        domain.may_delegate(principal.scopes, client.scopes)
        domain.may_share(principal.owns, client.owns)
        await store.clients.create(client)
        body = {"client_id": client.client_id, "client_secret": secret}
        if secret is None:
            del body["client_secret"]
        return answer(body, 201, _NO_STORE)

    @router.post("/v1/users")
    async def make_user(asked: NewUser, principal: MayRegister) -> Response:
        user = await accounts.sign_up(
            asked.email, asked.display_name, asked.password, asked.territory, None
        )
        return answer({"user_id": user.user_id}, 201, _NO_STORE)

    @router.post("/v1/users/{user_id}/plans")
    async def set_plan(user_id: str, asked: NewPlan, principal: MayRegister) -> Response:
        cause = f"{principal.client_id} {around.new_id()}"
        user = await accounts.set_plan(
            parse_id(user_id, "user id"), asked.plan, cause, around.now(), asked.ends_at
        )
        return answer({"user_id": user.user_id, "plans": user.plans}, 201, _NO_STORE)

    return router


def routes(
    store: Store, accounts: Accounts, introspection: Introspection, around: Surroundings
) -> APIRouter:
    """`/v1/users/{id}`, `/v1/me` and what belongs to it."""
    router = APIRouter()

    async def user_of(principal: Principal) -> User:
        return await _user_of(store, principal)

    async def owner(principal: Principal, request: Request) -> User:
        return await _owner(store, introspection, principal, request)

    @router.get("/v1/me")
    async def me(principal: Anyone) -> Response:
        user = await user_of(principal)
        profile = private_profile(user, principal.scopes, around.issuer, around.now())
        return answer(profile, headers={"cache-control": "private, max-age=0"})

    @router.patch("/v1/me")
    async def change(asked: ProfileChange, principal: Owner, request: Request) -> Response:
        user = await accounts.change_profile(
            (await owner(principal, request)).user_id,
            name=asked.display_name,
            territory=asked.territory,
            explicit=asked.explicit_filter,
        )
        return answer(private_profile(user, principal.scopes, around.issuer, around.now()))

    @router.delete("/v1/me")
    async def delete(asked: Deletion, principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        await accounts.delete(user, asked.password, address_of(request))
        return Response(status_code=204)

    @router.put("/v1/me/password")
    async def password(asked: PasswordChange, principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        await accounts.change_password(
            user, asked.current_password, asked.new_password, address_of(request)
        )
        return Response(status_code=204)

    @router.get("/v1/me/export")
    async def export(principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        return answer(await accounts.export(user), headers=_NO_STORE)

    @router.get("/v1/me/sessions")
    async def list_sessions(principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        return answer({"items": await accounts.sessions(user)}, headers=_NO_STORE)

    @router.delete("/v1/me/sessions")
    async def end_all(principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        await accounts.sign_out_everywhere(user.user_id)
        return Response(status_code=204)

    @router.delete("/v1/me/sessions/{session_id}")
    async def end_one(session_id: str, principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        await accounts.end_session(user.user_id, parse_id(session_id, "session id"))
        return Response(status_code=204)

    @router.get("/v1/me/devices")
    async def list_devices(principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        return answer({"devices": [_device(it) for it in user.devices]}, headers=_NO_STORE)

    @router.post("/v1/me/devices")
    async def add_device(asked: NewDevice, principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        name = users.parse_name(asked.name)
        device = Device(around.new_id(), name, asked.type, around.now())
        await store.users.change(user.user_id, lambda it: users.add_device(it, device))
        return answer(_device(device), 201, _NO_STORE)

    @router.delete("/v1/me/devices/{device_id}")
    async def remove_device(device_id: str, principal: Owner, request: Request) -> Response:
        user = await owner(principal, request)
        id = parse_id(device_id, "device id")
        await store.users.change(user.user_id, lambda it: users.remove_device(it, id))
        return Response(status_code=204)

    @router.get("/v1/users/{user_id}")
    async def profile(user_id: str, principal: Anyone) -> Response:
        user = await store.users.find(user_id)
        if user is None or user.removed_at is not None:
            raise NotFound("no such user", code="USER_NOT_FOUND")
        return answer(
            public_profile(user, around.issuer), headers={"cache-control": "private, max-age=60"}
        )

    return router


def app_password_routes(store: Store, access: AppAccess, introspection: Introspection) -> APIRouter:
    """`/v1/me/app-passwords`."""
    router = APIRouter()

    @router.get("/v1/me/app-passwords")
    async def list_passwords(principal: Owner, request: Request) -> Response:
        user = await _owner(store, introspection, principal, request)
        return answer({"items": await access.list(user)}, headers=_NO_STORE)

    @router.post("/v1/me/app-passwords")
    async def make_password(asked: NewAppPassword, principal: Owner, request: Request) -> Response:
        user = await _owner(store, introspection, principal, request)
        return answer(await access.create(user, asked.name), 201, _NO_STORE)

    @router.delete("/v1/me/app-passwords/{password_id}")
    async def remove_password(password_id: str, principal: Owner, request: Request) -> Response:
        user = await _owner(store, introspection, principal, request)
        await access.remove(user, parse_id(password_id, "password id"))
        return Response(status_code=204)

    return router


async def _user_of(store: Store, principal: Principal) -> User:
    found = await store.users.find(principal.user_id)
    if found is None:
        raise Forbidden("this token is an application's, not a user's", code="USER_NEEDED")
    return users.alive(found)


async def _owner(
    store: Store, introspection: Introspection, principal: Principal, request: Request
) -> User:
    """The user, who must not have been signed out since the token was issued."""
    user = await _user_of(store, principal)
    claims = await introspection.claims(request.headers["authorization"].partition(" ")[2])
    if not await introspection.is_live(str(claims.get("sid")), user.user_id):
        raise Unauthenticated("the session has ended", code="SESSION_ENDED")
    return user


def _device(device: Device) -> dict[str, Any]:
    at: datetime = device.added_at
    return {"id": device.device_id, "name": device.name, "type": device.type, "added_at": at}
