"""Free loopback ports, picked at run time."""

import atexit
import random
import socket

FIRST, BLOCK, BLOCKS = 15_000, 400, 42
"""Below the range from which the kernel picks ports for outgoing connections: a process that is
restarted must find its port free again."""


class NoPorts(RuntimeError):
    """Every block of ports is taken, or this process has used up its own."""


class _Block:
    """The ports of this process: none is given twice, and no other process gets one meanwhile.

    A port is only listened on some seconds after it was picked, so asking the kernel whether it
    is free is not enough. Whoever holds a block listens on its first port.
    """

    def __init__(self) -> None:
        blocks = list(range(BLOCKS))
        random.SystemRandom().shuffle(blocks)
        for block in blocks:
            self._guard = socket.socket()
            try:
                self._guard.bind(("127.0.0.1", FIRST + block * BLOCK))
                self._guard.listen()
            except OSError:
                self._guard.close()
                continue
            atexit.register(self._guard.close)
            self._ports = iter(range(FIRST + block * BLOCK + 1, FIRST + (block + 1) * BLOCK))
            return
        raise NoPorts(f"no block of {BLOCK} loopback ports is free above {FIRST}")

    def next(self) -> int:
        for port in self._ports:
            if is_free(port):
                return port
        raise NoPorts(f"this process used up its {BLOCK} loopback ports")


_blocks: list[_Block] = []


def free_ports(count: int) -> list[int]:
    """`count` ports that nothing listens on, and that nobody else was or will be given here.

    Raises:
        NoPorts: there are not that many.
    """
    found: list[int] = []
    while len(found) < count:
        if not _blocks:
            _blocks.append(_Block())
        try:
            found.append(_blocks[-1].next())
        except NoPorts:
            _blocks.append(_Block())
    return found


def free_port() -> int:
    """One of `free_ports`."""
    return free_ports(1)[0]


def claim(port: int) -> bool:
    """Whether this process may listen on `port`, from now until it ends: nothing listens there,
    and no other process claimed it. Who claims listens some seconds later, or lets a child do so.
    """
    # A name that only the kernel knows, and forgets with the process.
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0segue-port-{port}")
    except OSError:
        name.close()
        return False
    if not is_free(port):
        name.close()
        return False
    atexit.register(name.close)
    return True


def is_free(port: int) -> bool:
    """Whether nothing listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
