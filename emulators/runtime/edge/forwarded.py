"""The headers that Google's front ends add on the way to a service."""

import secrets
from collections.abc import Iterable

from emulators.runtime.edge.asgi import VIA, Headers, Scope, header
from emulators.runtime.edge.proxy import end_to_end
from emulators.runtime.edge.templates import REGION_HEADER, Variables, fill

_REWRITTEN = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"via", b"expect", REGION_HEADER})
_BALANCER = b"127.0.0.1"


def by_load_balancer(
    scope: Scope, proto: str, templates: Iterable[tuple[str, str]], variables: Variables
) -> Headers:
    """The request's headers as the external load balancer hands them on.

    X-Forwarded-For ends in the client's and the balancer's address, whatever came before; custom
    request headers take the place of a client's own.
    """
    custom = fill(templates, variables)
    headers = end_to_end(scope["headers"], _REWRITTEN | {name for name, _ in custom})
    client = (scope.get("client") or ("", 0))[0].encode("ascii")
    before = header(scope["headers"], b"x-forwarded-for")
    chain = ([before] if before else []) + [client, _BALANCER]
    headers += [
        (b"x-forwarded-for", b",".join(chain)),
        (b"x-forwarded-proto", proto.encode("ascii")),
        VIA,
        *custom,
    ]
    return _traced(headers)


def by_cloud_run(scope: Scope) -> Headers:
    """The headers of a request that comes to a service's own address."""
    headers = end_to_end(scope["headers"], _REWRITTEN)
    client = (scope.get("client") or ("", 0))[0].encode("ascii")
    before = header(scope["headers"], b"x-forwarded-for")
    chain = ([before] if before else []) + [client]
    headers += [(b"x-forwarded-for", b",".join(chain)), (b"x-forwarded-proto", b"https")]
    return _traced(headers)


def _traced(headers: Headers) -> Headers:
    if header(headers, b"x-cloud-trace-context") is None:
        trace = f"{secrets.token_hex(16)}/{secrets.randbits(63)};o=0"
        headers.append((b"x-cloud-trace-context", trace.encode("ascii")))
    return headers
