"""OAuth 2.0's rules, by Authlib, between loading and acting.

Authlib's authorization server is synchronous and asks for what it needs through methods; our
documents are asynchronous. But what a request can ask for is known from its parameters. So the
caller loads those `Facts` first, Authlib decides over them without any input or output, and what
it wants changed comes back as `Effects` for the caller to carry out, atomically.

What Authlib leaves to the server is decided here: PKCE by S256 only and required of public clients,
exact redirect URIs that are always given (RFC 9700), and `iss` in every answer (RFC 9207).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.base import invalid_error_characters
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE, DeviceCodeGrant

from functions.accounts import domain
from functions.accounts.codes import AuthorizationCode, DeviceCode
from functions.accounts.domain import Client
from functions.accounts.sessions import Family, is_current
from functions.accounts.users import User
from shared.errors import Invalid

GRANT_TYPES = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    DEVICE_CODE_GRANT_TYPE,
)
MAX_PARAMETER_CHARS = 2000
_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]


class OAuthRefused(Exception):
    """A refusal in OAuth's words. `location`: where an authorization error is sent; None where
    the redirect URI cannot be trusted, so that a person must be told instead."""

    def __init__(
        self, error: str, description: str, status: int = 400, location: str | None = None
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.location = location


@dataclass(frozen=True, slots=True)
class Facts:
    """What a request may be about, as it was found. `slow_down`: a device polls too often."""

    client: Client
    at: datetime
    code: AuthorizationCode | None = None
    family: Family | None = None
    device: DeviceCode | None = None
    user: User | None = None
    slow_down: bool = False


@dataclass(slots=True)
class Effects:
    """What is to be done for the answer to become true."""

    scopes: tuple[str, ...] = ()
    user: User | None = None
    offline: bool = False
    code: AuthorizationCode | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A valid authorization request, for a person to decide on."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None


class _Client(ClientMixin):
    def __init__(self, client: Client) -> None:
        self.it = client

    def get_client_id(self) -> str:
        return self.it.client_id

    def get_default_redirect_uri(self) -> Any:
        return None  # every request names its redirect URI

    def get_allowed_scope(self, scope: Any) -> Any:
        granted = domain.consentable_scopes(self.it, scope)
        return None if granted is None else " ".join(granted)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.it.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return domain.proves(self.it, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return self.it.public == (method == "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.it.redirect_uris)

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == "client_credentials":
            return not self.it.public
        if grant_type == "authorization_code":
            return bool(self.it.redirect_uris)
        return self.it.client_id != domain.OPERATOR


class _Code:
    """An authorization code with Authlib's names."""

    code_challenge_method = "S256"

    def __init__(self, code: AuthorizationCode) -> None:
        self.it = code
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str:
        return self.it.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.it.scopes)


class _Family:
    """A refresh token with Authlib's names."""

    def __init__(self, family: Family) -> None:
        self.it = family

    def check_client(self, client: _Client) -> bool:
        return self.it.client_id == client.it.client_id

    def get_scope(self) -> str:
        return " ".join(self.it.scopes)


class _Device:
    """A device code with Authlib's names."""

    def __init__(self, device: DeviceCode, at: datetime) -> None:
        self.it = device
        self._at = at

    def get_client_id(self) -> str:
        return self.it.client_id

    def get_scope(self) -> str:
        return " ".join(self.it.scopes)

    def get_user_code(self) -> str:
        return self.it.user_code

    def is_expired(self) -> bool:
        return self.it.expires_at <= self._at or self.it.status == "redeemed"


class _Pkce(CodeChallenge):
    """S256 or nothing; and nothing only for clients that prove themselves by a secret."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's own way

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        data = grant.request.payload.data
        challenge, method = data.get("code_challenge"), data.get("code_challenge_method")
        if challenge and method != "S256":
            raise InvalidRequestError("code_challenge_method must be S256")
        if not challenge and grant.request.client.it.public:
            raise InvalidRequestError("a public client needs code_challenge (PKCE, S256)")


class _AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
    server: "_Server"

    def query_authorization_code(self, code: str, client: Any) -> _Code | None:
        found = self.server.facts.code
        if found is None or found.client_id != client.it.client_id:
            return None
        if found.session_id is not None or found.expires_at <= self.server.facts.at:
            return None
        return _Code(found)

    def authenticate_user(self, authorization_code: _Code) -> User | None:
        return self.server.facts.user

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        self.server.effects.code = authorization_code.it


class _RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: "_Server"

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        family = self.server.facts.family
        if family is None or family.revoked_at is not None:
            return None
        if family.expires_at <= self.server.facts.at or not is_current(family, refresh_token):
            return None
        return _Family(family)

    def authenticate_user(self, refresh_token: _Family) -> User | None:
        return self.server.facts.user

    def revoke_old_credential(self, refresh_token: Any) -> None:
        pass  # rotation is one write, by the caller


class _ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS


class _DeviceCodeGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
    server: "_Server"

    def query_device_credential(self, device_code: str) -> _Device | None:
        device = self.server.facts.device
        return None if device is None else _Device(device, self.server.facts.at)

    def query_user_grant(self, user_code: str) -> tuple[User | None, bool] | None:
        device, user = self.server.facts.device, self.server.facts.user
        if device is None or device.status == "pending":
            return None
        return user, device.status == "approved" and user is not None

    def should_slow_down(self, credential: _Device) -> bool:
        return self.server.facts.slow_down


class _Server(AuthorizationServer):
    """Authlib's server for one request."""

    def __init__(self, facts: Facts, auth_method: str) -> None:
        super().__init__()
        self.facts = facts
        self.effects = Effects()
        self._method = auth_method
        self.register_grant(_AuthorizationCodeGrant, [_Pkce(required=True)])
        self.register_grant(_RefreshTokenGrant)
        self.register_grant(_ClientCredentialsGrant)
        self.register_grant(_DeviceCodeGrant)
        generator: Any = self._decide
        self.register_token_generator("default", generator)

    def query_client(self, client_id: str) -> Any:
        return _Client(self.facts.client) if client_id == self.facts.client.client_id else None

    def authenticate_client(self, request: Any, methods: Any, endpoint: str = "token") -> _Client:
        if self._method not in methods:
            raise InvalidClientError(status_code=401)
        request.auth_method = self._method
        return _Client(self.facts.client)

    def validate_requested_scope(self, scope: str | None) -> None:
        pass  # each grant's own rule decides

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        pass  # the caller does, once the code or the old token is used up

    def _decide(
        self, *, grant_type: str, client: _Client, user: User | None, scope: str | None, **_: Any
    ) -> dict[str, Any]:
        if user is None:
            try:
                self.effects.scopes = domain.granted_scopes(client.it, scope)
            except Invalid as error:
                raise InvalidScopeError() from error
        else:
            self.effects.scopes = tuple((scope or "").split())
            self.effects.offline = True
        self.effects.user = user
        return {}


class _Request(OAuth2Request):
    """A request whose parameters were read already. Transport security is the load balancer's."""

    def __init__(self, method: str, parameters: Mapping[str, str]) -> None:
        super().__init__(method, "https://segue.invalid/")
        self.payload = BasicOAuth2Payload(dict(parameters))  # type: ignore[assignment]
        self._form = dict(parameters)

    @property
    def form(self) -> dict[str, str]:
        return self._form


def decide_token(facts: Facts, form: Mapping[str, str], auth_method: str) -> Effects:
    """What a token request of the authenticated `facts.client` gets.

    `auth_method` is "none" for public clients.

    Raises:
        OAuthRefused: an error of RFC 6749 §5.2 or RFC 8628 §3.5.
    """
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise OAuthRefused("invalid_request", "grant_type is missing")
    if grant_type not in GRANT_TYPES:
        raise OAuthRefused("unsupported_grant_type", f"one of {', '.join(GRANT_TYPES)}")
    _check_parameters(form)
    server = _Server(facts, auth_method)
    request = _Request("POST", form)
    try:
        grant: Any = server.get_token_grant(request)
        grant.validate_token_request()
        grant.create_token_response()
    except OAuth2Error as error:
        raise _refusal(error) from error
    return server.effects


def decide_authorization(facts: Facts, parameters: Mapping[str, str], issuer: str) -> Consent:
    """What a person is asked to consent to.

    Raises:
        OAuthRefused: an error of RFC 6749 §4.1.2.1, with the redirect it is sent to, if any.
    """
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in facts.client.redirect_uris:
        # Told to the person: sending anyone to an unknown place is what attackers want.
        raise OAuthRefused("invalid_request", "the redirect URI is not one of this application's")

    def refused(error: OAuth2Error) -> OAuthRefused:
        refusal = _refusal(error)
        return OAuthRefused(
            refusal.error,
            refusal.description,
            location=answer_uri(
                redirect_uri,
                issuer,
                parameters.get("state"),
                error=refusal.error,
                error_description=refusal.description,
            ),
        )

    try:
        _check_parameters(parameters)
    except OAuthRefused as error:
        raise refused(InvalidRequestError("a parameter is too long or malformed")) from error
    request = _Request("GET", parameters)
    server = _Server(facts, "none")
    try:
        if parameters.get("request") or parameters.get("request_uri"):
            raise InvalidRequestError("request objects are not supported")
        if parameters.get("response_mode", "query") != "query":
            raise InvalidRequestError("response_mode is query")
        if parameters.get("response_type") is None:
            raise InvalidRequestError("response_type is missing")
        if parameters["response_type"] != "code":
            raise UnsupportedResponseTypeError(None)
        server.get_consent_grant(request)
    except OAuth2Error as error:
        raise refused(error) from error
    return Consent(
        facts.client,
        redirect_uri,
        tuple((request.scope or "").split()),
        parameters.get("state"),
        parameters.get("code_challenge") or None,
    )


def answer_uri(redirect_uri: str, issuer: str, state: str | None, **answer: str) -> str:
    """Where the browser is sent back to, with the answer, the client's state and our name."""
    parameters = list(answer.items())
    if state is not None:
        parameters.append(("state", state))
    return add_params_to_uri(redirect_uri, [*parameters, ("iss", issuer)])


def _check_parameters(parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        if len(name) > 100 or len(value) > MAX_PARAMETER_CHARS or "\x00" in value:
            raise OAuthRefused("invalid_request", "a parameter is too long or malformed")


def _refusal(error: OAuth2Error) -> OAuthRefused:
    description = error.get_error_description() or _DESCRIPTIONS.get(error.error or "", "")
    if isinstance(error, UnsupportedResponseTypeError):
        description = "response_type is code"
    if invalid_error_characters(description):
        description = "the request is malformed"
    status = 401 if isinstance(error, InvalidClientError) else 400
    return OAuthRefused(error.error or "invalid_request", description, status)


_DESCRIPTIONS = {
    "invalid_grant": "the code or token is unknown, expired, revoked, used up, or another's",
    "unauthorized_client": "this client may not use this grant",
    "authorization_pending": "the person has not decided yet",
    "slow_down": "poll less often: five seconds more between requests",
    "expired_token": "the device code has expired",
    "access_denied": "the person said no",
}
