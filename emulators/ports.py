"""Free loopback ports, picked at run time."""

import random
import socket
from contextlib import ExitStack

FIRST, LAST = 15_000, 32_000
"""Below the range from which the kernel picks ports for outgoing connections: a process that is
restarted must find its port free again."""
_given: set[int] = set()
"""Ports are asked for in several goes, long before anything listens on them."""


def free_ports(count: int) -> list[int]:
    """`count` free ports that this process has not been given before. All are held while they
    are picked, then let go."""
    dice = random.SystemRandom()
    found: list[int] = []
    if len(_given) > (LAST - FIRST) // 2:  # a fleet that restarts for days
        _given.clear()
    with ExitStack() as stack:
        while len(found) < count:
            port = dice.randrange(FIRST, LAST)
            if port in _given:
                continue
            held = stack.enter_context(socket.socket())
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            _given.add(port)
    return found


def is_free(port: int) -> bool:
    """Whether nothing listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
