"""How far the transcode of an upload is, and what each delivery of its event may do about it.

Deliveries repeat and overlap, and processes die half-way. One document an upload keeps them
apart: an owner holds it by a lease, renews the lease while it works, and leaves an outcome.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.events import TrackTranscoded, TranscodeFailed

# A killed owner is replaced by the first delivery after this. Renewed three times as often.
LEASE = timedelta(seconds=30)
RENEW_S = LEASE.total_seconds() / 3
# A master that ends this many processes before an outcome would end the next ones too.
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one upload. `attempts` counts those begun; at most one of the outcomes is there."""

    upload_id: str
    track_id: str
    attempts: int
    owner: str | None
    lease_until: datetime | None
    transcoded: TrackTranscoded | None = None
    failed: TranscodeFailed | None = None

    @property
    def outcome(self) -> TrackTranscoded | TranscodeFailed | None:
        """The event that tells how it ended; the same, id and all, however often it is told."""
        return self.transcoded or self.failed


def begin(
    before: Progress | None,
    *,
    upload_id: str,
    track_id: str,
    owner: str,
    now: datetime,
    crashed: TranscodeFailed,
) -> Progress | None:
    """Take the upload for `owner`; None where there is nothing to take: it is done, or held.

    After `MAX_ATTEMPTS` that left no outcome, `crashed` is the outcome.
    """
    if before is None:
        return Progress(upload_id, track_id, 1, owner, now + LEASE)
    if before.outcome is not None or held(before, now):
        return None
    if before.attempts >= MAX_ATTEMPTS:
        return finish(before, crashed)
    return replace(before, attempts=before.attempts + 1, owner=owner, lease_until=now + LEASE)


def held(progress: Progress, now: datetime) -> bool:
    """Whether an owner's lease still runs at `now`."""
    return progress.lease_until is not None and progress.lease_until > now


def renew(before: Progress | None, *, owner: str, now: datetime) -> Progress | None:
    """Extend the lease; None if it is no longer `owner`'s."""
    if before is None or before.owner != owner or before.outcome is not None:
        return None
    return replace(before, lease_until=now + LEASE)


def release(before: Progress | None, *, owner: str, counts: bool) -> Progress | None:
    """Give the upload back without an outcome; an attempt that is no master's fault is forgiven."""
    if before is None or before.owner != owner or before.outcome is not None:
        return None
    attempts = before.attempts if counts else before.attempts - 1
    return replace(before, attempts=attempts, owner=None, lease_until=None)


def finish(before: Progress | None, outcome: TrackTranscoded | TranscodeFailed) -> Progress | None:
    """Record the outcome; None if there is one, since the first is the one that was told."""
    if before is None or before.outcome is not None:
        return None
    over = replace(before, owner=None, lease_until=None)
    if isinstance(outcome, TrackTranscoded):
        return replace(over, transcoded=outcome)
    return replace(over, failed=outcome)
