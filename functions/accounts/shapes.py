"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    ANY,
    COUNT,
    ERROR,
    ID,
    INSTANT,
    OAUTH_ERROR,
    PUBLIC_USER,
    TEXT,
    URL,
    YES_NO,
    Answers,
    Form,
    many,
    mapping,
    nullable,
    record,
    word,
)

_TOKEN = record(
    "Token",
    {"access_token": TEXT, "token_type": word("Bearer"), "expires_in": COUNT, "scope": TEXT},
    {"refresh_token": TEXT},
)
_METADATA = record(
    "ServerMetadata",
    {
        "issuer": URL,
        "authorization_endpoint": URL,
        "token_endpoint": URL,
        "jwks_uri": URL,
        "scopes_supported": many(TEXT),
        "response_types_supported": many(TEXT),
        "grant_types_supported": many(TEXT),
        "code_challenge_methods_supported": many(TEXT),
    },
)
_KEYS = record("Keys", {"keys": many(record(None, {"kty": TEXT, "kid": TEXT}))})
_CLIENT = record("Client", {"client_id": ID}, {"client_secret": TEXT})
_DEVICE_CODE = record(
    "DeviceCode",
    {
        "device_code": TEXT,
        "user_code": TEXT,
        "verification_uri": URL,
        "verification_uri_complete": URL,
        "expires_in": COUNT,
        "interval": COUNT,
    },
)
_PLAN = record(
    "PlanPeriod",
    {"plan": TEXT, "starts_at": INSTANT, "ends_at": nullable(INSTANT), "cause": TEXT},
)
_USER = {
    **PUBLIC_USER,
    "title": "PrivateUser",
    "properties": {
        **PUBLIC_USER["properties"],
        "account_id": TEXT,
        "email": TEXT,
        "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "product": word("open", "premium"),
        "explicit_content": record(None, {"filter_enabled": YES_NO, "filter_locked": YES_NO}),
    },
}
_DEVICE = record("Device", {"id": ID, "name": TEXT, "type": TEXT, "added_at": INSTANT})
_APP_PASSWORD = record(
    "AppPassword",
    {"id": ID, "name": TEXT, "created_at": INSTANT, "last_used_at": nullable(INSTANT)},
)
_NEW_APP_PASSWORD = {
    **_APP_PASSWORD,
    "title": "NewAppPasswordSecret",
    "properties": {
        **_APP_PASSWORD["properties"],
        "username": TEXT,
        "password": TEXT,
        "api_key": TEXT,
    },
}
_CLIENT_AUTH = ("client_id", "client_secret")
_ABOUT_TOKEN = Form(("token",), ("token_type_hint", *_CLIENT_AUTH))
_ENDPOINT_ERRORS: Answers = {400: OAUTH_ERROR, 401: OAUTH_ERROR, 429: OAUTH_ERROR}

ANSWERS: Mapping[str, Answers | None] = {
    "POST /api/token": {
        "request": Form(
            ("grant_type",),
            (
                *_CLIENT_AUTH,
                "scope",
                "code",
                "redirect_uri",
                "code_verifier",
                "refresh_token",
                "device_code",
            ),
        ),
        200: _TOKEN,
        **_ENDPOINT_ERRORS,
    },
    "POST /oauth/revoke": {"request": _ABOUT_TOKEN, 200: ANY, **_ENDPOINT_ERRORS},
    "POST /oauth/introspect": {
        "request": _ABOUT_TOKEN,
        200: record("Introspection", {"active": YES_NO}),
        **_ENDPOINT_ERRORS,
    },
    "POST /oauth/device_authorization": {
        "request": Form((), (*_CLIENT_AUTH, "scope")),
        200: _DEVICE_CODE,
        **_ENDPOINT_ERRORS,
    },
    "POST /oauth/app-password": {
        "request": Form((), ("username", "token", "salt", "api_key")),
        200: {
            **_TOKEN,
            "title": "AppPasswordToken",
            "properties": {**_TOKEN["properties"], "user_id": ID, "username": TEXT, "plan": TEXT},
        },
        400: OAUTH_ERROR,
    },
    "GET /oauth/jwks.json": {200: _KEYS},
    "GET /.well-known/oauth-authorization-server": {200: _METADATA},
    "POST /v1/clients": {201: _CLIENT},
    "POST /v1/users": {201: record("NewUserId", {"user_id": ID})},
    "POST /v1/users/{user_id}/plans": {
        201: record("Plans", {"user_id": ID, "plans": many(_PLAN)}),
        404: ERROR,
    },
    "GET /v1/users/{user_id}": {200: PUBLIC_USER, 404: ERROR},
    "GET /v1/me": {200: _USER},
    "PATCH /v1/me": {200: _USER},
    "DELETE /v1/me": {204: None},
    "PUT /v1/me/password": {204: None},
    "GET /v1/me/export": {
        200: record(
            "Export",
            {
                "exported_at": INSTANT,
                "account": ANY,
                "sessions": many(ANY),
                "consents": mapping(ANY),
                "app_passwords": many(_APP_PASSWORD),
            },
        )
    },
    "GET /v1/me/sessions": {200: record("Sessions", {"items": many(ANY)})},
    "DELETE /v1/me/sessions": {204: None},
    "DELETE /v1/me/sessions/{session_id}": {204: None, 404: ERROR},
    "GET /v1/me/devices": {200: record("Devices", {"devices": many(_DEVICE)})},
    "POST /v1/me/devices": {201: _DEVICE},
    "DELETE /v1/me/devices/{device_id}": {204: None, 404: ERROR},
    "GET /v1/me/app-passwords": {200: record("AppPasswords", {"items": many(_APP_PASSWORD)})},
    "POST /v1/me/app-passwords": {201: _NEW_APP_PASSWORD, 409: ERROR},
    "DELETE /v1/me/app-passwords/{password_id}": {204: None},
    "POST /v1/billing/events": {
        200: record("Received", {"received": YES_NO, "applied": YES_NO}),
        404: ERROR,
    },
    # Pages for people.
    "GET /authorize": None,
    "POST /authorize": None,
    "GET /device": None,
    "POST /device": None,
    "GET /login": None,
    "POST /login": None,
    "GET /signup": None,
    "POST /signup": None,
    "POST /logout": None,
    "GET /account": None,
    "POST /account/profile": None,
    "POST /account/password": None,
    "POST /account/email": None,
    "POST /account/email/again": None,
    "POST /account/email/keep": None,
    "GET /account/forgot": None,
    "POST /account/forgot": None,
    "GET /account/reset": None,
    "POST /account/reset": None,
    "GET /account/confirm": None,
    "POST /account/confirm": None,
    "POST /account/app-passwords": None,
    "POST /account/app-passwords/remove": None,
    "POST /account/end-session": None,
    "POST /account/sign-out-everywhere": None,
    "POST /account/export": None,
    "POST /account/delete": None,
}
