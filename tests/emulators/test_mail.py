"""The local relay: takes what the service's own adapter sends, and keeps it as files."""

import asyncio
import json
import smtplib
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from emulators.endpoints import Endpoints
from emulators.ports import free_ports
from emulators.runtime.mail import serve
from emulators.tree import ROOT
from functions.accounts.mail import Letter
from functions.accounts.smtp import Relay, SmtpMail

LETTER = Letter("id1", "ada@example.com", "Hello", "plain\n", "<p>rich</p>")


def kept_under(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.eml"))


def relay_at(port: int) -> Relay:
    return Relay("127.0.0.1", port, "none", "", "", "Segue <no-reply@segue.test>")


async def test_letters_are_kept_whole_in_the_order_of_arrival(tmp_path: Path) -> None:
    server = await serve(tmp_path / "mail", 0)
    async with server:
        mail = SmtpMail(relay_at(server.sockets[0].getsockname()[1]))
        await mail.send(LETTER)
        await mail.send(Letter("id2", "ü@bücher.example", "Again", "plain\n", "<p>rich</p>"))
    first, second = kept_under(tmp_path)
    assert first.name.endswith("-0001-ada@example.com.eml")
    assert second.name.endswith("-0002-ü@xn--bcher-kva.example.eml")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    message = message_from_bytes(first.read_bytes(), policy=default)
    assert message["To"] == "ada@example.com"
    assert [it.get_content_type() for it in message.iter_parts()] == ["text/plain", "text/html"]


async def test_an_address_cannot_leave_the_folder(tmp_path: Path) -> None:
    server = await serve(tmp_path / "mail", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]

        def send() -> None:
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
                connection.sendmail(
                    "a@example.com", ["../../etc/x@example.com"], b"Subject: x\n\nx"
                )

        await asyncio.to_thread(send)
    (kept,) = kept_under(tmp_path)
    assert kept.parent == tmp_path / "mail"


@pytest.fixture
def process(tmp_path: Path):
    """The relay as the supervisor starts it."""
    smtp, health = free_ports(2)
    (tmp_path / "run").mkdir()
    Endpoints("", "", 1, 1, 1, 1, 1, health={"mail": health}, smtp=smtp).dump(
        tmp_path / "run" / "endpoints.json"
    )
    argv = [sys.executable, "-m", "emulators.runtime.mail", "--data", str(tmp_path)]
    child = subprocess.Popen(argv, cwd=ROOT)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{health}/_health") as answer:
                    assert json.load(answer) == {"status": "ok"}
                break
            except urllib.error.URLError:
                with pytest.raises(subprocess.TimeoutExpired):
                    child.wait(0.1)
        yield child, smtp
    finally:
        child.kill()
        child.wait()


async def test_it_starts_keeps_and_stops_as_a_process(process, tmp_path: Path) -> None:
    child, smtp = process
    await SmtpMail(relay_at(smtp)).send(LETTER)
    assert len(kept_under(tmp_path)) == 1
    child.terminate()
    assert child.wait(30) == 0
