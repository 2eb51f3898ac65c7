"""Signing for Cloud CDN: ours, the steps of Google's published Python sample, the floor.

`python -m benchmarks.sign`: signatures per second on one core. The peer takes the steps that
GoogleCloudPlatform/python-docs-samples `cdn/snippets.py` takes on every call: split the URL,
parse its query, turn a datetime into seconds, decode the key, feed an HMAC object, format.
The floor is the HMAC and the base64 alone. Rounds alternate, so that a busy machine slows
all of them; the best round counts.
"""

import base64
import datetime
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from benchmarks.report import emit
from shared.cdn import SigningKey, key_ring, sign_prefix, sign_url, verify_prefix, verify_url

ENCODED_KEY = "nZtRohdNF9m3cKM24IcK4w=="
KEY = SigningKey.parse("my-key", ENCODED_KEY)
PREFIX = "https://segue.example/audio/4uLU6hMCjMI75M1A2tKUQC/base/"
URL = PREFIX + "aac-96.mp4"
EXPIRES_AT = 4_000_000_000
EXPIRES = datetime.datetime.fromtimestamp(EXPIRES_AT, datetime.UTC)
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
CALLS, ROUNDS, SEGMENTS = 20_000, 7, 66


def _sample_separator_and_expiry(url: str, expires: datetime.datetime) -> tuple[str, int]:
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return "&" if query else "?", int((expires - EPOCH).total_seconds())


def _sample_mac(policy: str) -> str:
    secret = base64.urlsafe_b64decode(ENCODED_KEY)
    mac = hmac.new(secret, policy.encode("utf-8"), hashlib.sha1)
    return base64.urlsafe_b64encode(mac.digest()).decode("utf-8")


def sample_url(url: str, expires: datetime.datetime) -> str:
    """The peer, URL form."""
    stripped = url.strip()
    separator, seconds = _sample_separator_and_expiry(stripped, expires)
    policy = f"{stripped}{separator}Expires={seconds}&KeyName=my-key"
    return f"{policy}&Signature={_sample_mac(policy)}"


def sample_prefix(url: str, prefix: str, expires: datetime.datetime) -> str:
    """The peer, URLPrefix form."""
    stripped = url.strip()
    separator, seconds = _sample_separator_and_expiry(stripped, expires)
    encoded = base64.urlsafe_b64encode(prefix.strip().encode("utf-8")).decode("utf-8")
    policy = f"URLPrefix={encoded}&Expires={seconds}&KeyName=my-key"
    return f"{stripped}{separator}{policy}&Signature={_sample_mac(policy)}"


def bare() -> bytes:
    """The floor: what no signer can leave out."""
    return base64.b64encode(hmac.digest(KEY.secret, URL.encode(), "sha1"), b"-_")


def rates(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Calls per second of each, best of `ROUNDS` alternating rounds of CPU time."""
    best = dict.fromkeys(runs, 0.0)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.process_time()
            for _ in range(CALLS):
                run()
            best[name] = max(best[name], CALLS / (time.process_time() - started))
    return best


def main() -> None:
    """Check that ours and the peer agree, measure, and print the result."""
    keys = key_ring(KEY)
    signed_url = sign_url(URL, KEY, EXPIRES_AT)
    signed_prefix = f"{URL}?{sign_prefix(PREFIX, KEY, EXPIRES_AT)}"
    if (signed_url, signed_prefix) != (
        sample_url(URL, EXPIRES),
        sample_prefix(URL, PREFIX, EXPIRES),
    ):
        raise SystemExit("ours and the sample sign differently")
    found = rates(
        {
            "sign_url": lambda: sign_url(URL, KEY, EXPIRES_AT),
            "sample_url": lambda: sample_url(URL, EXPIRES),
            "sign_prefix": lambda: sign_prefix(PREFIX, KEY, EXPIRES_AT),
            "sample_prefix": lambda: sample_prefix(URL, PREFIX, EXPIRES),
            "verify_url": lambda: verify_url(signed_url, keys, 0),
            "verify_prefix": lambda: verify_prefix(signed_prefix, keys, 0),
            "floor": bare,
        }
    )
    for name, rate in found.items():
        print(f"{name:<14} {rate:>12,.0f} /s")
    url_ratio = found["sign_url"] / found["sample_url"]
    prefix_ratio = found["sign_prefix"] / found["sample_prefix"]
    print(f"ours / sample: URL {url_ratio:.2f}×, prefix {prefix_ratio:.2f}×")
    plays = found["sign_prefix"], found["sample_url"] / SEGMENTS
    print(
        f"a play of {SEGMENTS} segments: one prefix {plays[0]:,.0f} plays/s,"
        f" the sample signing each {plays[1]:,.0f} plays/s"
    )
    emit(
        "sign",
        "signatures/s",
        found["sign_url"],
        peers={"google_sample": found["sample_url"]},
        floor=found["floor"],
        higher_is_better=True,
        ratio_prefix=round(prefix_ratio, 3),
        verify_url=round(found["verify_url"]),
        verify_prefix=round(found["verify_prefix"]),
        signatures_per_play=1,
    )


if __name__ == "__main__":
    main()
