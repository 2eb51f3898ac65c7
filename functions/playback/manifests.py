"""Manifests in which every address is absolute and signed, for players that cannot add a query.

Our own players append the grant's signature to whatever a manifest names. A speaker or a cast
receiver follows addresses as they stand, so here the signature is written into each. Pure.

    aac-96.mp4                    https://edge/audio/ID/base/aac-96.mp4?URLPrefix=…&Signature=…
    base/aac-96.m3u8              https://host/v1/plays/manifests/audio/ID/base/aac-96.m3u8?…
    <BaseURL>aac-96.mp4</BaseURL> <BaseURL>https://edge/…?URLPrefix=…&amp;Signature=…</BaseURL>
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from urllib.parse import urljoin
from xml.sax.saxutils import escape, unescape

from shared.errors import Forbidden, Invalid, NotFound

_SIGNATURE = re.compile(
    r"URLPrefix=([A-Za-z0-9_-]+={0,2})&Expires=[0-9]{1,12}&KeyName=[A-Za-z0-9_-]{1,63}"
    r"&Signature=[A-Za-z0-9_-]{27}="
)
_PATH = re.compile(r"audio/[0-9A-Za-z]{22}/(?:[a-z0-9-]+/)?[a-z0-9-]+\.(?:m3u8|mpd)")
_URI = re.compile(r'URI="([^"]*)"')
_BASE = re.compile(r"<BaseURL>([^<]*)</BaseURL>")


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest at an edge: `base` is the edge's address, `path` the object's name there."""

    base: str
    path: str
    signature: str

    @property
    def url(self) -> str:
        return f"{self.base}/{self.path}?{self.signature}"


def source_of(path: str, query: str, edges: frozenset[str]) -> Source:
    """The manifest that `path` asks for with the signature `query`, from the edge that it is for.

    Whether the signature holds is the edge's to say, which has all live keys; here it only has to
    be one for this path, at one of our own `edges` (addresses without a closing slash).

    Raises:
        NotFound: no manifest has such a name.
        Forbidden: CDN_SIGNATURE_MALFORMED, CDN_PREFIX_MISMATCH.
    """
    if not _PATH.fullmatch(path):
        raise NotFound("no manifest has that name", code="MANIFEST_NOT_FOUND")
    found = _SIGNATURE.fullmatch(query)
    if found is None:
        raise Forbidden("the signature is malformed", code="CDN_SIGNATURE_MALFORMED")
    try:
        prefix = urlsafe_b64decode(found[1]).decode("ascii")
    except ValueError as error:
        raise Forbidden("the URLPrefix is malformed", code="CDN_SIGNATURE_MALFORMED") from error
    base, folder, _ = prefix.partition("/audio/")
    if base not in edges or not folder or not f"{base}/{path}".startswith(prefix):
        raise Forbidden("the URLPrefix does not cover this", code="CDN_PREFIX_MISMATCH")
    return Source(base, path, query)


def absolute(text: str, source: Source, manifests: str) -> str:
    """The manifest `text` of `source` with absolute, signed addresses; `manifests` is the address
    below which further manifests are asked for.

    Raises:
        Invalid: it names what is not below its own folder (code MANIFEST_INVALID).
    """
    own = f"{source.base}/{source.path}"
    folder = own.rpartition("/")[0] + "/"

    def signed(uri: str) -> str:
        address = urljoin(own, uri)
        if not uri or not address.startswith(folder) or "?" in uri or "#" in uri:
            raise Invalid(f"the manifest names {uri!r}", code="MANIFEST_INVALID")
        if address.endswith(".m3u8"):
            address = f"{manifests}/{address.removeprefix(source.base + '/')}"
        return f"{address}?{source.signature}"

    if source.path.endswith(".mpd"):
        return _BASE.sub(
            lambda found: f"<BaseURL>{escape(signed(unescape(found[1])))}</BaseURL>", text
        )
    lines = [
        _URI.sub(lambda found: f'URI="{signed(found[1])}"', line)
        if line.startswith("#")
        else signed(line)
        if line
        else line
        for line in text.splitlines()
    ]
    return "\n".join([*lines, ""])
