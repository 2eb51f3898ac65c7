"""Google's resumable upload protocol over plain HTTP: chunks, and resuming by status query.

    PUT url  Content-Range: bytes 0-8388607/20000000   → 308, Range: bytes=0-8388607
    PUT url  Content-Range: bytes */20000000           → 308 and what is held so far, or 200
    PUT url  Content-Range: bytes 16777216-19999999/…  → 200: finished

Source: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx

from segue.client import RETRYABLE, Retry
from segue.errors import UploadError

GRAIN_BYTES = 256 * 1024
"""Every chunk but the last is a multiple of this."""
CHUNK_BYTES = 32 * GRAIN_BYTES
RETRY = Retry(attempts=8)

Progress = Callable[[int], None]
"""Told the number of bytes the server holds, each time that is known."""


def _held(answer: httpx.Response) -> int:
    """Bytes the server holds, from a 308: `Range: bytes=0-42` is 43; no Range is none."""
    match = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("Range", ""))
    return int(match[1]) + 1 if match else 0


class Session:
    """One resumable upload of `size` bytes to the session `url`."""

    def __init__(
        self,
        http: httpx.Client,
        url: str,
        size: int,
        *,
        retry: Retry = RETRY,
        chunk_bytes: int = CHUNK_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if chunk_bytes % GRAIN_BYTES:
            raise ValueError(f"chunk_bytes must be a multiple of {GRAIN_BYTES}")
        self._http, self._url, self._size = http, url, size
        self._retry, self._chunk_bytes, self._sleep = retry, chunk_bytes, sleep

    def send(self, path: Path, progress: Progress = lambda held: None, *, held: int = 0) -> None:
        """Upload `path` from byte `held` on; asks where to go on after every failure.

        Pass `held=-1` for a session begun earlier: the server is asked first.

        Raises:
            UploadError: SESSION_GONE when the session has ended (begin another), FILE_CHANGED
                when the file no longer has `size` bytes, UPLOAD_REFUSED on any other 4xx,
                UPLOAD_STALLED after as many failures in a row as `retry` allows.
        """
        failures = 0
        with path.open("rb") as file:
            while held < self._size or self._size == 0:
                try:
                    answer = self._status() if held < 0 else self._chunk(file, held)
                except httpx.TransportError as error:
                    failures += 1
                    self._pause(failures, None, f"the connection broke ({error or 'no answer'})")
                    held = -1
                    continue
                if answer.status_code in (200, 201):
                    held = self._size
                    break
                if answer.status_code == 308:
                    # Progress resets the count: a slow line is not a dead one.
                    now_held = _held(answer)
                    failures = 0 if now_held > held >= 0 else failures
                    if held >= 0 and now_held <= held:
                        failures += 1
                        self._pause(failures, None, "the server keeps no bytes")
                    held = now_held
                    progress(held)
                    continue
                failures += 1
                self._refused(answer)
                self._pause(failures, answer.headers.get("Retry-After"), str(answer.status_code))
                held = -1
        progress(self._size)

    def _status(self) -> httpx.Response:
        headers = {"Content-Range": f"bytes */{self._size}", "Content-Length": "0"}
        return self._http.put(self._url, headers=headers)

    def _chunk(self, file: BinaryIO, held: int) -> httpx.Response:
        file.seek(held)
        wanted = min(self._chunk_bytes, self._size - held)
        data = file.read(wanted)
        end = held + len(data)
        longer = end == self._size and bool(file.read(1))
        if len(data) < wanted or longer:
            raise UploadError("the file changed while it was uploaded", code="FILE_CHANGED")
        spot = f"bytes {held}-{end - 1}/{self._size}" if data else "bytes */0"
        return self._http.put(self._url, content=data, headers={"Content-Range": spot})

    def _refused(self, answer: httpx.Response) -> None:
        """Raise for an answer that no repeat will change."""
        if answer.status_code in (404, 410):
            raise UploadError("the upload session has ended", code="SESSION_GONE")
        if answer.status_code not in RETRYABLE | {408}:
            detail = " ".join(answer.text.split())[:200]
            raise UploadError(
                f"storage refused the upload: {answer.status_code} {detail}".rstrip(),
                code="UPLOAD_REFUSED",
            )

    def _pause(self, failures: int, retry_after: str | None, why: str) -> None:
        if failures >= self._retry.attempts:
            raise UploadError(f"gave up after {failures} failures: {why}", code="UPLOAD_STALLED")
        self._sleep(self._retry.wait_s(failures - 1, retry_after, time.time()))
