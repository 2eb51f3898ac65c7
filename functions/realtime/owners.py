"""Asking a channel's owner: may this listener hear it, and what came after what they have?

One call answers both, with the listener's own token, over the public address, as any client.
"""

from dataclasses import dataclass
from typing import Protocol

import httpx
import msgspec

from functions.realtime.channels import Name
from shared.errors import Forbidden, Invalid, NotFound, SegueError, Unauthenticated, Unavailable
from shared.inward import marked

TIMEOUT_S = 5.0
MAX_CONNECTIONS = 64


class Pub(msgspec.Struct, frozen=True):
    """Number `seq` and its payload, JSON as it came."""

    seq: int
    payload: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Changes:
    """What the owner said. `pubs` are whole, in order, up to `tail`, or `recovered` is false and
    `snapshot`, JSON, is what stands at number `tail`."""

    epoch: str
    tail: int
    recovered: bool
    pubs: tuple[tuple[int, bytes], ...]
    snapshot: bytes | None


class _Answer(msgspec.Struct):
    epoch: str
    tail: int
    recovered: bool
    pubs: list[Pub] = []
    snapshot: msgspec.Raw = msgspec.Raw(b"null")


class _Refusal(msgspec.Struct):
    message: str = ""
    reason: str | None = None
    code: str | None = None


class _Error(msgspec.Struct):
    error: _Refusal


_answers = msgspec.json.Decoder(_Answer)
_errors = msgspec.json.Decoder(_Error)


class Owners(Protocol):
    """Who answers for channels."""

    async def changes(
        self, name: Name, token: str, epoch: str | None = None, since: int | None = None
    ) -> Changes:
        """What came after number `since` of `epoch`; without them, what stands now.

        Raises:
            Forbidden, NotFound, Unauthenticated: the bearer of `token` may not hear it.
            Unavailable: the owner does not answer; it is not known.
        """
        ...


class HttpOwners:
    """Owners behind the public address."""

    def __init__(
        self,
        public_url: str,
        service_key: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=public_url,
            headers=marked(service_key),
            # Waiting for a connection is no failure of the owner: a storm queues here.
            timeout=httpx.Timeout(TIMEOUT_S, pool=None),
            transport=transport,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        )

    async def changes(
        self, name: Name, token: str, epoch: str | None = None, since: int | None = None
    ) -> Changes:
        try:
            answer = await self._http.get(
                name.path(epoch, since), headers={"authorization": f"Bearer {token}"}
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"{name}: {error!r}") from error
        if answer.status_code != 200:
            raise _refusal(name, answer.status_code, answer.content)
        return changes_of(answer.content, epoch, since)

    async def close(self) -> None:
        await self._http.aclose()


def changes_of(body: bytes, epoch: str | None, since: int | None) -> Changes:
    """An owner's answer, held against what was asked: a recovery with a hole is no recovery.

    Raises:
        Unavailable: not an answer of this protocol.
    """
    try:
        it = _answers.decode(body)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"the owner's answer is malformed: {error}") from error
    snapshot = bytes(it.snapshot)
    if it.recovered:
        seqs = [pub.seq for pub in it.pubs]
        whole = since is not None and seqs == list(range(since + 1, it.tail + 1))
        if it.epoch != epoch or not whole:
            raise Unavailable("the owner says recovered, and left something out")
    return Changes(
        it.epoch,
        it.tail,
        it.recovered,
        tuple((pub.seq, bytes(pub.payload)) for pub in it.pubs) if it.recovered else (),
        None if it.recovered or snapshot == b"null" else snapshot,
    )


def _refusal(name: Name, status: int, body: bytes) -> SegueError:
    try:
        error = _errors.decode(body).error
        message, code = error.message, error.reason or error.code
    except msgspec.MsgspecError:
        message, code = f"the owner of {name} answered {status}", None
    kinds: dict[int, type[SegueError]] = {
        400: Invalid,
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
    }
    return kinds.get(status, Unavailable)(message, code=code)
