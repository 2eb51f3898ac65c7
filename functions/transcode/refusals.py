"""Why a master cannot become a track: one exception, and the stable reason codes it carries."""

from enum import StrEnum


class Reason(StrEnum):
    """Stable codes of `TranscodeFailed.reason`; clients match on them, so none is renamed."""

    EMPTY = "EMPTY"
    NOT_AUDIO = "NOT_AUDIO"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    NO_AUDIO_STREAM = "NO_AUDIO_STREAM"
    TRUNCATED = "TRUNCATED"
    TOO_LARGE = "TOO_LARGE"
    TOO_LONG = "TOO_LONG"
    DECODE_FAILED = "DECODE_FAILED"
    TRANSCODE_CRASHED = "TRANSCODE_CRASHED"


class Refused(Exception):
    """The master is at fault and will stay so: trying again cannot help."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Interrupted(Exception):
    """The machine is at fault (killed, disk full): the same master may pass next time."""


class LongAudio(Exception):
    """The master is longer than may be transcoded here; the job must take it."""
