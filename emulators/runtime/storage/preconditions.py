"""ifGenerationMatch and its kin: what must hold of the object before it is touched."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulators.runtime.storage.errors import BadRequest, NotModified, PreconditionFailed
from emulators.runtime.storage.records import StoredObject

_QUERY = {
    "ifGenerationMatch": "generation_match",
    "ifGenerationNotMatch": "generation_not_match",
    "ifMetagenerationMatch": "metageneration_match",
    "ifMetagenerationNotMatch": "metageneration_not_match",
    "ifMetaGenerationNotMatch": "metageneration_not_match",  # as the client's uploads spell it
}
_HEADERS = {
    "x-goog-if-generation-match": "generation_match",
    "x-goog-if-metageneration-match": "metageneration_match",
}


@dataclass(frozen=True, slots=True)
class Preconditions:
    """None asks nothing. An absent object has generation 0."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def of_query(cls, query: Mapping[str, str], source: bool = False) -> "Preconditions":
        """Those of a JSON API query; with `source`, the `ifSource…` ones of a rewrite."""
        found = {}
        for parameter, name in _QUERY.items():
            key = f"ifSource{parameter[2:]}" if source else parameter
            if key in query:
                found[name] = number(key, query[key])
        return cls(**found) if found else NONE

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> "Preconditions":
        """Those of an XML API request."""
        found = {
            name: number(key, headers[key]) for key, name in _HEADERS.items() if key in headers
        }
        return cls(**found) if found else NONE

    def check(self, stored: StoredObject | None, reading: bool = False) -> None:
        """Compare with the object as it is now; when `reading`, a not-match answers 304.

        Raises:
            PreconditionFailed: one does not hold.
            NotModified: reading, and the caller has this very version already.
        """
        if self is NONE:
            return
        generation = stored.generation if stored else 0
        if self.generation_match is not None and generation != self.generation_match:
            raise PreconditionFailed
        self.check_metageneration(stored.metageneration if stored else None, reading)
        if generation == self.generation_not_match:
            raise NotModified if reading else PreconditionFailed

    def check_metageneration(self, metageneration: int | None, reading: bool = False) -> None:
        """The part that buckets have as well; None is the metageneration of what is absent."""
        wanted, known = self.metageneration_match, self.metageneration_not_match
        if wanted is not None and metageneration != wanted:
            raise PreconditionFailed
        if metageneration is not None and metageneration == known:
            raise NotModified if reading else PreconditionFailed


NONE = Preconditions()


def number(name: str, text: str) -> int:
    """A 64-bit integer parameter."""
    try:
        value = int(text)
    except ValueError:
        value = 1 << 63
    if not -(1 << 63) <= value < 1 << 63:
        raise BadRequest(f"Invalid value for parameter {name}: '{text}'")
    return value
