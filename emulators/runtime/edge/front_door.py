"""The front door: the global load balancer, on one plain HTTP port."""

from urllib.parse import urlsplit

from emulators.iam import Denied
from emulators.runtime.edge.asgi import VIA, Headers, Receive, Scope, Send, header, refuse
from emulators.runtime.edge.cdn import Cdn
from emulators.runtime.edge.forwarded import by_load_balancer
from emulators.runtime.edge.gate import INVOKE, Bindings
from emulators.runtime.edge.proxy import Malformed, Proxy, check_framing
from emulators.runtime.edge.templates import fill, of_client
from emulators.runtime.edge.urlmap import BucketBackend, ServiceBackend, UrlMap
from emulators.runtime.edge.websocket import Tunnel


class FrontDoor:
    """Rate limit, URL map, backend.

    The load balancer carries no identity of its own: with `bindings`, a service is reached only
    if everyone may invoke it, as Cloud Run asks behind the real one; without, IAM is the gates'.
    """

    def __init__(
        self,
        url_map: UrlMap,
        public_url: str,
        proxy: Proxy,
        tunnel: Tunnel,
        cdn: Cdn,
        region: str,
        bindings: Bindings | None = None,
    ) -> None:
        self._url_map = url_map
        self._proto = urlsplit(public_url).scheme
        self._proxy = proxy
        self._tunnel = tunnel
        self._cdn = cdn
        self._region = region
        self._bindings = bindings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_framing(scope["headers"])
            check_path(scope["path"])
        except Malformed as error:
            close: Headers = [(b"connection", b"close")]
            return await refuse(scope, send, 400, "MALFORMED_REQUEST", str(error), close)
        host = (header(scope["headers"], b"host") or b"").decode("latin-1")
        backend = self._url_map.match(host, scope["path"])
        client = (scope.get("client") or ("", 0))[0]
        status = backend.armor.verdict(client, headers=scope["headers"]) if backend.armor else 0
        if status:
            reason = "RATE_LIMITED" if status == 429 else "DENIED_BY_POLICY"
            return await refuse(scope, send, status, reason, "refused by the security policy")
        variables = of_client(scope, self._region)
        if isinstance(backend, BucketBackend):
            if scope["type"] == "websocket":
                return await refuse(scope, send, 400, "NO_WEBSOCKET", "a bucket speaks HTTP only")
            return await self._cdn(backend, scope, receive, send, variables)
        return await self._service(backend, scope, receive, send, variables)

    async def _service(
        self,
        backend: ServiceBackend,
        scope: Scope,
        receive: Receive,
        send: Send,
        variables: dict[str, str],
    ) -> None:
        if self._proxy.instances.limits(backend.service).internal:
            message = f"{backend.service} takes internal traffic only"
            return await refuse(scope, send, 404, "NOT_FOUND", message)
        if self._bindings is not None:
            try:
                self._bindings.check("allUsers", INVOKE, "service", backend.service)
            except Denied as error:
                return await refuse(scope, send, 403, "FORBIDDEN", str(error))
        headers = by_load_balancer(scope, self._proto, backend.request_headers, variables)
        if scope["type"] == "websocket":
            return await self._tunnel(backend.service, scope, receive, send, headers)
        back = [VIA, *fill(backend.response_headers, variables)]
        return await self._proxy(backend.service, scope, receive, send, headers, back)


def check_path(path: str) -> None:
    """Refuse a decoded path that climbs: a signed folder must not open its neighbour.

    Raises:
        Malformed: it has a "." or ".." segment, or is not a path.
    """
    if not path.startswith("/"):
        raise Malformed("the target is not a path")
    if "/." in path and not {".", ".."}.isdisjoint(path.split("/")):
        raise Malformed("the path has dot segments")
