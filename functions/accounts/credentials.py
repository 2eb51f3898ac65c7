"""A token request (RFC 6749 §3.2) read from its header and form, without a guess."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from shared.errors import Invalid

MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What the client asks for. `scope` None: everything it has."""

    grant_type: str
    client_id: str
    client_secret: str
    scope: str | None


class BadCredentials(Invalid):
    """No client, or not that client: OAuth answers it with 401."""

    code = "invalid_client"


def parse(authorization: str | None, content_type: str, body: bytes) -> TokenRequest:
    """The request, with client authentication by Basic header or by form, never both.

    Raises:
        BadCredentials: no client authentication, or a malformed one.
        Invalid: code invalid_request (RFC 6749 §5.2).
    """
    form = _form(content_type, body)
    grant_type = form.get("grant_type")
    if not grant_type:
        raise Invalid("grant_type is missing", code="invalid_request")
    if authorization is not None:
        if "client_secret" in form:
            raise Invalid("two ways of client authentication", code="invalid_request")
        client_id, secret = _basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise Invalid("two different clients", code="invalid_request")
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if not client_id or not secret:
        raise BadCredentials("client authentication is missing")
    return TokenRequest(grant_type, client_id, secret, form.get("scope"))


def _form(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Invalid("the body is not a form", code="invalid_request")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise Invalid("the form is malformed", code="invalid_request") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Invalid("a parameter is given twice", code="invalid_request")
    return form


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    try:
        if kind.lower() != "basic":
            raise ValueError(kind)
        client_id, _, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
        # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (Base64Error, ValueError) as error:
        raise BadCredentials("the Authorization header is malformed") from error
