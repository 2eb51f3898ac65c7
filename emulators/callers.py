"""Who asks the control server's APIs, whether it may, and Google's error body where it may not."""

import json
from dataclasses import dataclass

from aiohttp import web

from emulators.iam import OPERATOR, Denied, Policy
from emulators.metadata import ACCESS_AUDIENCE
from emulators.oidc import Issuer

_KINDS: dict[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    409: web.HTTPConflict,
}


@dataclass(frozen=True, slots=True)
class Callers:
    """They show an access token of the metadata server, or the operator's own."""

    policy: Policy
    issuer: Issuer
    operator_token: str

    def member(self, request: web.Request) -> str:
        """The member who asks.

        Raises:
            web.HTTPUnauthorized: no token, or one that is not ours.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise problem(401, "UNAUTHENTICATED", "needs an access token")
        if token == self.operator_token:
            return OPERATOR
        try:
            return f"serviceAccount:{self.issuer.email_of(token, ACCESS_AUDIENCE)}"
        except ValueError as error:
            raise problem(401, "UNAUTHENTICATED", str(error)) from error

    def check(self, member: str, permission: str, kind: str, name: str) -> None:
        """Let `member` through.

        Raises:
            web.HTTPForbidden: no binding gives it `permission`; says which would.
        """
        try:
            self.policy.check(member, permission, kind, name)
        except Denied as error:
            raise problem(403, "PERMISSION_DENIED", str(error)) from error

    def allow(self, request: web.Request, permission: str, kind: str, name: str) -> None:
        """`check` whoever asks."""
        self.check(self.member(request), permission, kind, name)


def problem(status: int, code: str, message: str) -> web.HTTPException:
    """An answer of `status` with the body that Google's REST clients read."""
    body = json.dumps({"error": {"code": status, "status": code, "message": message}})
    return _KINDS[status](text=body, content_type="application/json")
