"""A token request (RFC 6749 §3.2) read from its header and form, without a guess."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from shared.errors import Invalid

MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A client's request with its form. `client_secret` None: it claims to be public."""

    form: Mapping[str, str]
    client_id: str
    client_secret: str | None


class BadCredentials(Invalid):
    """No client, or not that client: OAuth answers it with 401."""

    code = "invalid_client"


def parse(authorization: str | None, content_type: str, body: bytes) -> ClientRequest:
    """The request, with client authentication by Basic header or by form, never both.

    Raises:
        BadCredentials: no client, or a malformed header.
        Invalid: code invalid_request (RFC 6749 §5.2).
    """
    form = parse_form(content_type, body)
    if authorization is not None:
        if "client_secret" in form:
            raise Invalid("two ways of client authentication", code="invalid_request")
        client_id, secret = _basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise Invalid("two different clients", code="invalid_request")
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if not client_id or secret == "":
        raise BadCredentials("client authentication is missing")
    return ClientRequest(form, client_id, secret)


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form, each given once.

    Raises:
        Invalid: code invalid_request.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Invalid("the body is not a form", code="invalid_request")
    try:
        return unique_fields(body.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Invalid("the form is malformed", code="invalid_request") from error


def unique_fields(encoded: str) -> dict[str, str]:
    """The fields of a query or form, each given once, in text that UTF-8 can carry.

    Raises:
        Invalid: code invalid_request.
    """
    try:
        pairs = parse_qsl(
            encoded, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
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
