"""Cloud Armor: a security policy's rules, and the counters behind its rate limits.

Rules go by priority, lowest first; the first that matches decides. A rate limit counts each key
(mostly the client's address) in fixed windows: above the threshold the request gets the exceed
action, and a ban lasts its own time. Source: https://cloud.google.com/armor/docs/rate-limiting-overview
"""

import hmac
import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.graph import Resource
from emulators.runtime.edge.asgi import header

Headers = Iterable[tuple[bytes, bytes]]
_MAX_KEYS = 100_000
# Of the expression language, the one sentence that has a local meaning.
_BEARS = re.compile(
    r"has\(request\.headers\['(?P<name>[a-z0-9-]+)'\]\) &&"
    r" request\.headers\['(?P=name)'\] == '(?P<value>[^'\\]+)'"
)


class UnsupportedRule(Exception):
    """A rule matches in a way that has no local meaning; it must not be skipped silently."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`count` requests per `interval_s` and key; above it `status`, for `ban_s` more if > 0."""

    count: int
    interval_s: int
    per_address: bool
    status: int
    ban_s: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """`networks` empty means every address; `status` 0 lets the request through. `bears`: a header
    and its value, of which alone the rule speaks."""

    priority: int
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    status: int = 0
    limit: RateLimit | None = None
    bears: tuple[bytes, bytes] | None = None

    def matches(self, address: str, headers: Headers) -> bool:
        """Whether the rule speaks of requests from `address` with these headers."""
        if self.bears is not None:
            name, value = self.bears
            return hmac.compare_digest(header(headers, name) or b"", value)
        if not self.networks:
            return True
        try:
            client = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(client in network for network in self.networks)


@dataclass(slots=True)
class SecurityPolicy:
    """Rules by rising priority, with their counters."""

    name: str
    rules: tuple[Rule, ...]
    _counts: dict[tuple[int, str], tuple[float, int]] = field(default_factory=dict)
    _banned: dict[tuple[int, str], float] = field(default_factory=dict)

    @classmethod
    def read(cls, resource: Resource) -> "SecurityPolicy":
        """Read the resource.

        Raises:
            UnsupportedRule: a rule uses an expression, redirect or key that is not modelled.
        """
        rules = sorted((_rule(raw) for raw in resource.get("rules") or ()), key=_priority)
        return cls(resource["name"], tuple(rules))

    def verdict(
        self,
        address: str,
        clock: Callable[[], float] = time.monotonic,
        headers: Headers = (),
    ) -> int:
        """The status that refuses a request from `address`, or 0. Counts it."""
        for rule in self.rules:
            if rule.matches(address, headers):
                return (
                    self._limited(rule, rule.limit, address, clock()) if rule.limit else rule.status
                )
        return 0

    def _limited(self, rule: Rule, limit: RateLimit, address: str, now: float) -> int:
        key = (rule.priority, address if limit.per_address else "")
        if self._banned.get(key, now) > now:
            return limit.status
        started, count = self._counts.get(key, (now, 0))
        if now - started >= limit.interval_s:
            started, count = now, 0
        if len(self._counts) > _MAX_KEYS:
            self._counts.clear()
        self._counts[key] = (started, count + 1)
        if count < limit.count:
            return 0
        if limit.ban_s:
            self._banned[key] = now + limit.ban_s
        return limit.status


def _priority(rule: Rule) -> int:
    return rule.priority


def _rule(raw: Mapping[str, Any]) -> Rule:
    match = raw["match"]
    action, priority = raw["action"], int(raw["priority"])
    if expression := (match.get("expr") or {}).get("expression"):
        borne = _BEARS.fullmatch(expression)
        if borne is None or action != "allow":
            raise UnsupportedRule(f"rule {priority}: this expression has no local meaning")
        bears = (borne["name"].encode(), borne["value"].encode())
        return Rule(priority, (), bears=bears)
    if match.get("versionedExpr") != "SRC_IPS_V1":
        raise UnsupportedRule(f"rule {priority}: only SRC_IPS_V1 matches have a local meaning")
    ranges = match["config"]["srcIpRanges"]
    networks = () if "*" in ranges else tuple(ipaddress.ip_network(one) for one in ranges)
    if action in ("throttle", "rate_based_ban"):
        return Rule(priority, networks, limit=_limit(priority, action, raw["rateLimitOptions"]))
    return Rule(priority, networks, status=0 if action == "allow" else _status(action))


def _limit(priority: int, action: str, options: Mapping[str, Any]) -> RateLimit:
    key = options.get("enforceOnKey") or "ALL"
    if key not in ("ALL", "IP", "XFF_IP"):
        raise UnsupportedRule(f"rule {priority}: enforceOnKey {key} has no local meaning")
    threshold = options["rateLimitThreshold"]
    ban = int(options.get("banDurationSec") or 0) if action == "rate_based_ban" else 0
    return RateLimit(
        int(threshold["count"]),
        int(threshold["intervalSec"]),
        key != "ALL",
        _status(options.get("exceedAction") or "deny(429)"),
        ban,
    )


def _status(action: str) -> int:
    if not (action.startswith("deny(") and action.endswith(")")):
        raise UnsupportedRule(f"action {action} has no local meaning")
    return int(action[5:-1])
