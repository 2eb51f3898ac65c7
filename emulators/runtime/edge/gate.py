"""A service's own address: who may invoke it, as Cloud Run asks IAM before every request."""

from collections.abc import Mapping
from typing import Protocol

from emulators.graph import Graph
from emulators.iam import Denied
from emulators.runtime.edge.asgi import Receive, Scope, Send, header, refuse
from emulators.runtime.edge.forwarded import by_cloud_run
from emulators.runtime.edge.proxy import Malformed, Proxy, check_framing
from emulators.runtime.edge.websocket import Tunnel

INVOKE = "run.routes.invoke"


class Bindings(Protocol):
    """Who may do what: `emulators.iam.Policy`."""

    def check(self, member: str, permission: str, kind: str, name: str) -> None: ...


class Tokens(Protocol):
    """Whom an ID token proves: `emulators.oidc.Issuer`."""

    def email_of(self, token: str, audience: str) -> str: ...


class Gate:
    """The gate of `service`; `audiences` are those a token may be made for."""

    def __init__(
        self,
        service: str,
        audiences: tuple[str, ...],
        bindings: Bindings,
        tokens: Tokens,
        proxy: Proxy,
        tunnel: Tunnel,
    ) -> None:
        self._service = service
        self._audiences = audiences
        self._bindings = bindings
        self._tokens = tokens
        self._proxy = proxy
        self._tunnel = tunnel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_framing(scope["headers"])
        except Malformed as error:
            close = [(b"connection", b"close")]
            return await refuse(scope, send, 400, "MALFORMED_REQUEST", str(error), close)
        try:
            self._bindings.check(self._caller(scope), INVOKE, "service", self._service)
        except Denied as error:
            return await refuse(scope, send, 403, "FORBIDDEN", str(error))
        headers = by_cloud_run(scope)
        if scope["type"] == "websocket":
            return await self._tunnel(self._service, scope, receive, send, headers)
        return await self._proxy(self._service, scope, receive, send, headers, [])

    def _caller(self, scope: Scope) -> str:
        """The IAM member that the request's ID token proves, else "allUsers".

        Cloud Run looks at X-Serverless-Authorization first. A bearer token that is not an ID
        token for this service proves nobody: a public service may have tokens of its own.
        """
        for name in (b"x-serverless-authorization", b"authorization"):
            scheme, _, token = (header(scope["headers"], name) or b"").partition(b" ")
            if scheme.lower() != b"bearer":
                continue
            for audience in self._audiences:
                try:
                    email = self._tokens.email_of(token.decode("latin-1").strip(), audience)
                except ValueError:
                    continue
                kind = "serviceAccount" if email.endswith(".gserviceaccount.com") else "user"
                return f"{kind}:{email}"
        return "allUsers"


def audiences_of(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The audiences of every Cloud Run service and function in `graph`, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for service in graph.all("gcp:cloudrunv2/service:Service"):
        custom = service.get("customAudiences") or ()
        found[service["name"]] = (service["uri"], *custom)
    for function in graph.all("gcp:cloudfunctionsv2/function:Function"):
        config = function.get("serviceConfig") or {}
        own = (function.get("url"), config.get("uri"))
        found[function["name"]] = tuple(dict.fromkeys(filter(None, own)))
    return found
