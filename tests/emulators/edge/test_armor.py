"""Security policies: rules by priority, rate limits per address, bans."""

import pytest

from emulators.runtime.edge.armor import SecurityPolicy, UnsupportedRule
from tests.emulators.edge.rig import resource

EVERYONE = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}


def policy(*rules: dict) -> SecurityPolicy:
    made = resource("gcp:compute/securityPolicy:SecurityPolicy", "p", name="p", rules=list(rules))
    return SecurityPolicy.read(made)


def limit(count: int, key: str = "IP", action: str = "throttle", **more) -> dict:
    options = {
        "conformAction": "allow",
        "exceedAction": "deny(429)",
        "enforceOnKey": key,
        "rateLimitThreshold": {"count": count, "intervalSec": 60},
        **more,
    }
    return {"action": action, "priority": 10, "match": EVERYONE, "rateLimitOptions": options}


def at(now: float):
    return lambda: now


def test_limit_counts_each_address_in_its_window():
    one = policy(limit(2))
    assert [one.verdict("1.1.1.1", at(t)) for t in (0, 1, 2, 59, 60, 61, 62)] == [
        0, 0, 429, 429, 0, 0, 429,
    ]  # fmt: skip
    assert one.verdict("2.2.2.2", at(2)) == 0


def test_limit_on_all_counts_everyone_together():
    one = policy(limit(1, key="ALL"))
    assert [one.verdict(address, at(0)) for address in ("1.1.1.1", "2.2.2.2")] == [0, 429]


def test_ban_outlives_the_window():
    one = policy(limit(1, action="rate_based_ban", banDurationSec=300))
    assert [one.verdict("1.1.1.1", at(t)) for t in (0, 1, 100, 300, 302)] == [0, 429, 429, 429, 0]


def test_lowest_priority_number_decides():
    denied = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["10.0.0.0/8"]}}
    one = policy(
        {"action": "allow", "priority": 2147483647, "match": EVERYONE},
        {"action": "deny(403)", "priority": 5, "match": denied},
    )
    assert one.verdict("10.1.2.3") == 403
    assert one.verdict("192.0.2.1") == 0
    assert one.verdict("not an address") == 0


def bearing(value: str, action: str = "allow") -> dict:
    mark = "request.headers['x-mark']"
    expression = f"has({mark}) && {mark} == '{value}'"
    return {"action": action, "priority": 5, "match": {"expr": {"expression": expression}}}


def test_what_bears_the_mark_is_not_counted():
    one = policy(limit(1), bearing("secret"))
    marked = [(b"host", b"h"), (b"x-mark", b"secret")]
    assert [one.verdict("1.1.1.1", at(0), marked) for _ in range(3)] == [0, 0, 0]
    for wrong in (b"secre", b"secret2", b"", "sécret".encode()):
        one = policy(limit(1), bearing("secret"))
        answers = [one.verdict("1.1.1.1", at(0), [(b"x-mark", wrong)]) for _ in range(2)]
        assert answers == [0, 429]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "allow", "priority": 1, "match": {"expr": {"expression": "true"}}},
        bearing("secret", action="deny(403)"),
        bearing("it's"),
        {"action": "redirect", "priority": 1, "match": EVERYONE},
        limit(1, key="HTTP_COOKIE"),
    ],
)
def test_rule_without_local_meaning_is_an_error(rule):
    with pytest.raises(UnsupportedRule):
        policy(rule)
