"""The ladder as data: which renditions every recording gets, and how each is encoded."""

from dataclasses import dataclass
from typing import Literal

Codec = Literal["aac", "mp3", "vorbis"]
Tier = Literal["base", "high"]

# Raised whenever a rung, an encoder option or the packaging changes: it is part of every
# audio id, so that new bytes get new names and immutable caches stay true.
LADDER_VERSION = "1"

# Fragments are short so that manifests may group them; see `segments.GROUPS_S`.
FRAGMENT_MS = 2_000

_SUFFIX = {"aac": "mp4", "mp3": "mp3", "vorbis": "ogg"}


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition: `kbps` nominal; `half_rate` encodes at half the ladder's sample rate.

    `adaptive` says whether a manifest lists it; the others are offered at fixed quality.
    """

    codec: Codec
    kbps: int
    tier: Tier
    channels: Literal[1, 2]
    half_rate: bool
    adaptive: bool
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name: `aac-96.mp4`."""
        return f"{self.codec}-{self.kbps}.{_SUFFIX[self.codec]}"

    @property
    def path(self) -> str:
        """The file below `audio/{audio_id}/`: `base/aac-96.mp4`."""
        return f"{self.tier}/{self.name}"


def _aac(kbps: int, tier: Tier, *options: str, channels: Literal[1, 2] = 2) -> Rung:
    # All AAC rungs share one sample rate, so that fragments are aligned to the sample.
    return Rung("aac", kbps, tier, channels, False, True, options)


def _mp3(kbps: int, tier: Tier) -> Rung:
    # Without the bit reservoir every frame stands alone: no glitch where a player switches.
    return Rung("mp3", kbps, tier, 2, False, True, ("-reservoir", "0"))


def _vorbis(kbps: int, tier: Tier) -> Rung:
    return Rung("vorbis", kbps, tier, 2, False, False, ())


# 24 kbps stereo AAC is 3 kHz wide; mono reaches 9 kHz. MP3 and Vorbis reach 24 kbps only at
# half the sample rate. AAC's fast coder costs half and is as good from 160 kbps up.
_FAST = ("-aac_coder", "fast")
LADDER: tuple[Rung, ...] = (
    _aac(24, "base", "-cutoff", "9000", channels=1),
    _aac(96, "base"),
    _aac(160, "base", *_FAST),
    _aac(320, "high", *_FAST),
    Rung("mp3", 24, "base", 1, True, False, ("-reservoir", "0")),
    _mp3(96, "base"),
    _mp3(160, "base"),
    _mp3(320, "high"),
    Rung("vorbis", 24, "base", 1, True, False, ()),
    _vorbis(96, "base"),
    _vorbis(160, "base"),
    _vorbis(320, "high"),
)


def sample_rate_hz(master_hz: int) -> int:
    """The ladder's sample rate for a master: 44,100 for its family, else 48,000.

    The two rates masters mostly have are kept, so nothing is resampled; 88.2 and 176.4 kHz
    halve exactly to 44.1, and 96 and 192 kHz to 48.
    """
    return 44_100 if master_hz in (11_025, 22_050, 44_100, 88_200, 176_400) else 48_000
