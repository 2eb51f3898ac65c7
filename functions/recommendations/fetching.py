"""Pages and feeds from the open internet, and from nowhere else.

Names are resolved here, every address must be global, and the connection goes to the address that
was checked: a name that answers differently the second time gains nothing. Each redirect is
checked in the same way. Size, time and the number of redirects are capped; nothing is unpacked.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from shared.errors import Invalid, TooLarge, Unavailable

MOST_BYTES = 2 << 20
MOST_REDIRECTS = 4
TIMEOUT_S = 10.0
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched; `url` is where it was at last."""

    url: str
    data: bytes
    content_type: str


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, by the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(it[4][0]) for it in found]


class Fetcher:
    """Fetches pages. `transport` is how requests are sent, for tests."""

    def __init__(
        self, resolve: Resolve = resolved, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._resolve = resolve
        self._transport = transport

    async def __call__(self, url: str) -> Page:
        """The page at `url`.

        Raises:
            Invalid: no http(s) address (INVALID_URL), or one inside (ADDRESS_REFUSED), too many
                redirects (TOO_MANY_REDIRECTS), or an error answer (NOT_FETCHED).
            TooLarge: above `MOST_BYTES`.
            Unavailable: no answer in time (code NOT_REACHED).
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for _ in range(MOST_REDIRECTS + 1):
                    found = await self._once(url)
                    if isinstance(found, Page):
                        return found
                    url = found
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            message = f"{urlsplit(url).hostname} did not answer: {type(error).__name__}"
            raise Unavailable(message, code="NOT_REACHED") from error
        raise Invalid(f"more than {MOST_REDIRECTS} redirects", code="TOO_MANY_REDIRECTS")

    async def _once(self, url: str) -> Page | str:
        """The page, or where it went."""
        scheme, host, port, path = _parts(url)
        address = await self._checked(host, port)
        literal = f"[{address}]" if ":" in address else address
        headers = {
            "host": host if port == _PORTS[scheme] else f"{host}:{port}",
            "accept-encoding": "identity",
            "user-agent": "Segue/1 (+articles)",
        }
        client = httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_S, trust_env=False)
        async with (
            client,
            client.stream(
                "GET",
                f"{scheme}://{literal}:{port}{path}",
                headers=headers,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return urljoin(url, response.headers["location"])
            if response.status_code != 200:
                raise Invalid(f"{host} answered {response.status_code}", code="NOT_FETCHED")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Invalid("it came packed though that was not asked", code="NOT_FETCHED")
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > MOST_BYTES:
                    raise TooLarge(f"more than {MOST_BYTES} bytes")
            return Page(url, bytes(data), response.headers.get("content-type", ""))

    async def _checked(self, host: str, port: int) -> str:
        try:
            addresses = list(await self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise Invalid(f"no such host: {host[:100]}", code="ADDRESS_REFUSED") from error
        if not addresses or not all(is_global(it) for it in addresses):
            raise Invalid(f"{host[:100]} is not on the open internet", code="ADDRESS_REFUSED")
        return addresses[0]


def is_global(address: str) -> bool:
    """Whether an address is one of the open internet, IPv4 within IPv6 seen through."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found.teredo is not None or found in ipaddress.ip_network("64:ff9b::/96"):
            return False
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


def _parts(url: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid("not an address", code="INVALID_URL") from error
    if parts.scheme not in _PORTS or not parts.hostname or len(url) > 2000:
        raise Invalid("give an http or https address", code="INVALID_URL")
    if parts.username or parts.password:
        raise Invalid("an address with a password is not fetched", code="INVALID_URL")
    if port not in (None, 80, 443):
        raise Invalid("only ports 80 and 443 are fetched from", code="ADDRESS_REFUSED")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path
