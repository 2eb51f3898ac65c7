"""`segue` as people and scripts run it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from segue.commands.context import plain

from tests.clients.fake import FakeSegue

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def segue(fake: FakeSegue, tmp_path: Path) -> Run:
    """Run the command in a folder of its own, against the fake host."""

    def run(*arguments: str, secret: str = "secret") -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "SEGUE_HOST": fake.host,
            "SEGUE_CLIENT_ID": "operator",
            "SEGUE_CLIENT_SECRET": secret,
        }
        return subprocess.run(
            [sys.executable, "-m", "segue", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_ingest_says_what_failed_and_why(segue: Run, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "good.flac").write_bytes(b"fLaC" * 1000)
    (music / "bad.mp3").write_bytes(b"this is not audio")
    done = segue("ingest", "music")
    assert done.returncode == 1
    assert done.stdout == "2 files: 1 new, 1 failed\n"
    assert "bad.mp3  [NOT_AUDIO]: this is not audio" in done.stderr
    (music / "bad.mp3").unlink()
    again = segue("ingest", "music")
    assert (again.returncode, again.stdout) == (0, "1 file: 1 done by an earlier run\n")


def test_play_by_title_tells_what_it_fetched(segue: Run, fake: FakeSegue, tmp_path: Path) -> None:
    fake.add_track("Paper Lanterns")
    fake.add_track("Harbour Light")
    done = segue("play", "lantern", "--fast", "--seconds", "8", "--report", "r.json")
    assert done.returncode == 0, done.stderr
    assert "title      Paper Lanterns" in done.stdout
    assert "every byte range came from the CDN" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["title"], report["seconds"]) == ("Paper Lanterns", 8.0)
    assert report["reported"] is True


def test_play_json_is_one_object(segue: Run, fake: FakeSegue) -> None:
    fake.add_track("Paper Lanterns")
    done = segue("play", "--first", "--fast", "--json", "--limit-kbps", "4000", "--seconds", "4")
    assert json.loads(done.stdout)["codec"] == "aac"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("play", "Nothing"), "TRACK_NOT_FOUND"),
        (("play", "a"), "AMBIGUOUS_TITLE"),
        (("play",), "NO_TRACK"),
        (("ingest", "nowhere"), "NO_SUCH_FILE"),
        (("--host", "ftp://x", "status"), "BAD_HOST"),
        (("--host", "http://127.0.0.1:9", "token"), "UNREACHABLE"),
    ],
)
def test_errors_are_one_line_with_a_code(
    segue: Run, fake: FakeSegue, arguments: tuple[str, ...], code: str
) -> None:
    fake.add_track("Paper Lanterns")
    fake.add_track("Harbour Light")
    done = segue(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"[{code}]")


def test_wrong_secret_is_one_line(segue: Run) -> None:
    done = segue("status", secret="wrong")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "[INVALID_CLIENT]" in done.stderr


def test_link_opens_the_player_with_a_token_that_works(segue: Run, fake: FakeSegue) -> None:
    host, _, token = segue("link").stdout.strip().partition("/#token=")
    assert host == fake.host
    assert token in fake.tokens
    assert segue("token").stdout.strip() in fake.tokens


def test_status_counts_tracks_and_uploads(segue: Run, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"fLaC" * 10)
    segue("ingest", "a.flac")
    done = segue("status")
    assert "tracks     1" in done.stdout
    assert "uploads    1 ready" in done.stdout


def test_clients_create_shows_the_secret_once(segue: Run, fake: FakeSegue) -> None:
    made = json.loads(segue("clients", "create", "radio").stdout)
    assert made == {"host": fake.host, "client_id": "id-radio", "client_secret": "s3cret"}


def test_title_cannot_steer_the_terminal(segue: Run, fake: FakeSegue) -> None:
    fake.add_track("\x1b]0;owned\x07[bold]Title[/bold]")
    done = segue("play", "--first", "--fast", "--seconds", "4")
    assert "\x1b" not in done.stdout
    assert "[bold]Title[/bold]" in done.stdout
    assert plain("a\tb\x9b") == "a\ufffdb\ufffd"


def test_help_and_version_need_no_host() -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "clients" / "python")}
    for argument in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-m", "segue", argument], env=environ, capture_output=True, check=False
        )
        assert done.returncode == 0


@pytest.mark.parametrize("option", [("--protocol", "rtmp"), ("--codec", "flac")])
def test_play_refuses_what_no_player_offers(segue: Run, option: tuple[str, str]) -> None:
    done = segue("play", "--first", *option)
    assert done.returncode == 2
    assert option[1] in done.stderr


def test_file_that_cannot_be_written_is_named_without_errno(segue: Run, fake: FakeSegue) -> None:
    fake.add_track("Paper Lanterns")
    done = segue("play", "--first", "--fast", "--seconds", "1", "--out", "no/such/folder.m4a")
    assert done.returncode == 1
    assert "error: no/such/folder.m4a: No such file or directory [OS_ERROR]" in done.stderr


def test_host_that_is_no_segue_is_said_to_be_none(segue: Run) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = segue("--host", f"http://127.0.0.1:{server.server_port}", "status")
        server.shutdown()
    assert done.returncode == 1
    assert "is no Segue" in done.stderr
    assert "[NOT_SEGUE]" in done.stderr
