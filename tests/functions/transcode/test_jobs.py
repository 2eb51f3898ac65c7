"""Handing over to the job, through the official client, to a server that notes what it gets."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials

from functions.transcode.handler import Busy, Finalized
from functions.transcode.jobs import starter
from shared.errors import Unavailable

JOB = "projects/p/locations/europe-west1/jobs/transcode-long"


@pytest.fixture
def admin_api(monkeypatch):
    seen: list[tuple[str, dict]] = []
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path.partition("?")[0], json.loads(body)))
            answer = json.dumps({"name": "projects/p/operations/o", "done": False}).encode()
            self.send_response(status[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), "p"))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen, status
        server.shutdown()
        thread.join()


async def test_the_job_is_run_with_the_object_in_its_environment(admin_api):
    url, seen, _ = admin_api
    await starter(JOB, url)(Finalized("masters/abc", 17, 5))
    ((path, body),) = seen
    assert path == f"/v2/{JOB}:run"
    (container,) = body["overrides"]["containerOverrides"]
    assert {variable["name"]: variable["value"] for variable in container["env"]} == {
        "OBJECT": "masters/abc",
        "GENERATION": "17",
    }


async def test_a_job_that_cannot_be_started_is_a_reason_to_come_again(admin_api):
    url, _, status = admin_api
    status[0] = 403
    with pytest.raises(Unavailable, match="not started"):
        await starter(JOB, url)(Finalized("masters/abc", 17, 5))


async def test_the_job_waits_for_an_owner_before_it(monkeypatch):
    from functions.transcode import job

    waits: list[float] = []
    answers: list[Exception | None] = [Busy("held"), Busy("held"), None]

    async def on_finalized(*_: object) -> None:
        if error := answers.pop(0):
            raise error

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(job, "on_finalized", on_finalized)
    monkeypatch.setattr(job.asyncio, "sleep", sleep)
    await job.run(Finalized("masters/abc", 1, 0), job.Limits(), None)  # type: ignore[arg-type]
    assert waits == [30.0, 30.0]
