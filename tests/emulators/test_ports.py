"""Free ports are free, and different."""

import socket
import subprocess
import sys

from emulators.ports import claim, free_ports, is_free
from emulators.tree import ROOT


def test_ports_are_different_and_free() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    for port in ports[:5]:
        with socket.socket() as it:
            it.bind(("127.0.0.1", port))


def test_no_port_is_given_twice_however_often_one_asks() -> None:
    asked = [free_ports(1)[0] for _ in range(1_000)]
    assert len(set(asked)) == 1_000


def test_port_in_use_is_not_free() -> None:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        it.listen()
        assert not is_free(it.getsockname()[1])


def test_port_that_everyone_listens_on_is_not_free() -> None:
    with socket.socket() as it:
        it.bind(("0.0.0.0", 0))
        it.listen()
        assert not is_free(it.getsockname()[1])


def test_port_is_claimed_by_one_process_before_anyone_listens() -> None:
    port = free_ports(1)[0]
    ask = [sys.executable, "-c", f"from emulators.ports import claim; print(claim({port}))"]

    def other() -> bytes:
        return subprocess.run(ask, cwd=ROOT, capture_output=True, check=True).stdout.strip()

    assert other() == b"True"
    assert claim(port)
    assert other() == b"False"


def test_port_that_is_listened_on_cannot_be_claimed() -> None:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        it.listen()
        assert not claim(it.getsockname()[1])
