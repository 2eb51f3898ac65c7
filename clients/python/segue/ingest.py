"""Masters in: find files, hash, upload several at once, wait until playable, license."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.client import Client
from segue.errors import (
    ConfigError,
    NotFound,
    RateLimited,
    SegueError,
    ServerError,
    Unreachable,
    UploadError,
)
from segue.journal import Journal, Step
from segue.uploads import Session

_SUFFIXES = ".aac .aif .aiff .alac .caf .flac .m4a .mka .mp3 .mp4 .oga .ogg .opus .w64 .wav .wma"
SUFFIXES = frozenset(_SUFFIXES.split())
LICENCE_BATCH = 25
POLL_S = (0.3, 3.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `kind`: ready, duplicate, unchanged (done by an earlier run) or
    failed, the last with a stable `reason`."""

    path: Path
    kind: str
    track_id: str | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """For a progress display: `path` is now in `stage` with `done` bytes of `size`."""

    path: Path
    stage: str
    done: int
    size: int


@dataclass(slots=True)
class _Pending:
    path: Path
    step: Step
    since: float
    next_at: float = 0.0
    every_s: float = POLL_S[0]


def scan(paths: Iterable[Path]) -> list[Path]:
    """The files to ingest: every file named, and the audio files under every folder named.

    Raises:
        ConfigError: NO_SUCH_FILE.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            found.update(dict.fromkeys(p for p in inside if p.is_file()))
        elif path.is_file():
            found[path] = None
        else:
            raise ConfigError(f"no such file or folder: {path}", code="NO_SUCH_FILE")
    return list(found)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Ingest:
    """One run over many files. What it does is in `journal`, so that the next run goes on."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        license_worldwide: bool = True,
        jobs: int = 4,
        timeout_s: float = 1800.0,
        progress: Callable[[Event], None] = lambda event: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._journal = client, journal
        self._license, self._jobs, self._timeout_s = license_worldwide, jobs, timeout_s
        self._progress, self._sleep, self._clock = progress, sleep, clock
        self._claimed: dict[str, Path] = {}
        self._claims = threading.Lock()
        self._stopping = threading.Event()
        self._unlicensed: list[Step] = []

    def run(self, files: Iterable[Path], done: Callable[[Outcome], None]) -> list[Outcome]:
        """Ingest `files`; `done` hears of each as it ends. One file's failure stops no other.

        Raises:
            SegueError: the licences could not be written (everything else is kept).
        """
        outcomes: list[Outcome] = []

        def end(outcome: Outcome) -> None:
            outcomes.append(outcome)
            done(outcome)

        pending: list[_Pending] = []
        pool = ThreadPoolExecutor(self._jobs)
        try:
            sending: set[Future[Outcome | _Pending]] = {
                pool.submit(self._guarded, path) for path in files
            }
            while sending or pending:
                finished, sending = wait(
                    sending, timeout=0 if pending else 0.5, return_when=FIRST_COMPLETED
                )
                for future in finished:
                    result = future.result()
                    if isinstance(result, Outcome):
                        end(result)
                    else:
                        pending.append(result)
                pending = self._watch(pending, end)
                if not finished and pending:
                    self._sleep(0.1)
        finally:
            self._stopping.set()
            pool.shutdown(cancel_futures=True)
            self._license_now(last=True)
        return outcomes

    def _guarded(self, path: Path) -> "Outcome | _Pending":
        try:
            return self._send(path)
        except SegueError as error:
            return Outcome(path, "failed", reason=error.code, message=error.message)
        except OSError as error:
            return Outcome(path, "failed", reason="UNREADABLE", message=str(error))

    def _send(self, path: Path) -> "Outcome | _Pending":
        """Bring `path` to where only the transcoder's answer is missing."""
        size = path.stat().st_size
        self._progress(Event(path, "reading", 0, size))
        if size == 0:
            raise UploadError("the file is empty", code="EMPTY_FILE")
        sha256 = sha256_of(path)
        with self._claims:
            first = self._claimed.setdefault(sha256, path)
        if first != path:
            return Outcome(path, "duplicate", message=f"the same bytes as {first.name}")
        step = self._known(sha256)
        if step is not None and step.state == "open" and step.upload_url:
            try:
                return self._upload(path, step, size, held=-1)
            except UploadError as error:
                if error.code != "SESSION_GONE":
                    raise
                step = None
        if step is None:
            body = {"filename": _clean(path.name), "size_bytes": size, "sha256": sha256}
            # Asked twice it leaves an upload that nobody sends anything to: harmless.
            answer = self._client.post("/v1/uploads", body, idempotent=True)
            step = _step(sha256, answer)
            self._journal.put(step)
            if step.state == "open":
                return self._upload(path, step, size)
        if step.state == "duplicate":
            return Outcome(path, "duplicate", step.track_id, message="already in the library")
        if step.state in ("licensed", "ready") and (step.state == "licensed" or not self._license):
            return Outcome(path, "unchanged", step.track_id)
        return _Pending(path, step, self._clock())

    def _known(self, sha256: str) -> Step | None:
        """What an earlier run left, if the server still knows of it and it may yet succeed."""
        step = self._journal.find(sha256)
        if step is None or step.state in ("failed", "duplicate"):
            return None
        try:
            status = self._client.get(f"/v1/uploads/{step.upload_id}")["status"]
        except NotFound:
            return None
        return None if status == "failed" else step

    def _upload(self, path: Path, step: Step, size: int, *, held: int = 0) -> _Pending:
        assert step.upload_url is not None
        session = Session(self._client.http, step.upload_url, size, sleep=self._sleep)

        def sent_so_far(done: int) -> None:
            if self._stopping.is_set():
                raise UploadError("stopped; run again to go on", code="STOPPED")
            self._progress(Event(path, "sending", done, size))

        session.send(path, sent_so_far, held=held)
        sent = Step(step.sha256, step.upload_id, step.track_id, "sent")
        self._journal.put(sent)
        self._progress(Event(path, "transcoding", size, size))
        return _Pending(path, sent, self._clock())

    def _watch(self, pending: list[_Pending], end: Callable[[Outcome], None]) -> list[_Pending]:
        """Ask after every upload that is due; those still being worked on remain."""
        left: list[_Pending] = []
        for item in pending:
            if self._clock() < item.next_at:
                left.append(item)
                continue
            try:
                upload = self._client.get(f"/v1/uploads/{item.step.upload_id}")
            except (Unreachable, ServerError, RateLimited) as error:
                # The master is there and is worked on, whether or not we can ask after it now.
                upload = {"status": f"unknown ({error.message})"}
            except SegueError as error:
                end(Outcome(item.path, "failed", reason=error.code, message=error.message))
                continue
            outcome = self._outcome(item, upload)
            if outcome is not None:
                end(outcome)
                continue
            now = self._clock()
            if now - item.since > self._timeout_s:
                message = f"still {upload['status']} after {self._timeout_s:.0f} s"
                end(Outcome(item.path, "failed", reason="TIMEOUT", message=message))
                continue
            item.every_s = min(item.every_s * 1.3, POLL_S[1])
            item.next_at = now + item.every_s
            left.append(item)
        return left

    def _outcome(self, item: _Pending, upload: dict[str, Any]) -> Outcome | None:
        step, status = item.step, upload["status"]
        if status == "ready":
            ready = Step(step.sha256, step.upload_id, upload["track_id"], "ready")
            self._journal.put(ready)
            if self._license:
                self._unlicensed.append(ready)
                if len(self._unlicensed) >= LICENCE_BATCH:
                    self._license_now()
            return Outcome(item.path, "ready", ready.track_id)
        if status == "duplicate":
            self._journal.put(Step(step.sha256, step.upload_id, upload["track_id"], "duplicate"))
            return Outcome(
                item.path, "duplicate", upload["track_id"], message="the same audio as a track"
            )
        if status == "failed":
            self._journal.put(Step(step.sha256, step.upload_id, step.track_id, "failed"))
            return Outcome(
                item.path,
                "failed",
                reason=upload.get("reason") or "TRANSCODE_FAILED",
                message=upload.get("message"),
            )
        return None

    def _license_now(self, *, last: bool = False) -> None:
        """License what is ready; what cannot be now is tried again with the next, or `last`."""
        steps, self._unlicensed = self._unlicensed, []
        if not steps:
            return
        body = {
            "track_ids": [step.track_id for step in steps],
            "territories": ["*"],
            "plans": ["free", "premium"],
        }
        try:
            self._client.post("/v1/rights/licences", body, idempotent=True)
        except SegueError:
            if last:
                raise
            self._unlicensed = steps
            return
        for step in steps:
            self._journal.put(Step(step.sha256, step.upload_id, step.track_id, "licensed"))


def _clean(name: str) -> str:
    """A file name as the API takes it: no control characters, no lone surrogates, at most 480."""
    text = name.encode("utf-8", "replace").decode()
    shown = "".join(char if char.isprintable() else "_" for char in text)
    return shown if len(shown) <= 480 else shown[:400] + "…" + shown[-79:]


def _step(sha256: str, answer: dict[str, Any]) -> Step:
    state = "duplicate" if answer["status"] == "duplicate" else "open"
    return Step(sha256, answer["upload_id"], answer["track_id"], state, answer.get("upload_url"))
