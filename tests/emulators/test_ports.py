"""Free ports are free, and different."""

import socket

from emulators.ports import free_ports, is_free


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
