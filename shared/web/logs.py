"""Logs as JSON lines on stdout, in the shape that Cloud Logging reads as structured entries.

Source: https://cloud.google.com/logging/docs/structured-logging
"""

import json
import logging
import sys
from contextvars import ContextVar
from typing import TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered: a trace id where the caller sent one."""


class JsonFormatter(logging.Formatter):
    """One line per record: severity, message, logger, trace, and the stack of an error."""

    def __init__(self, project: str) -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if id := request_id.get():
            entry["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{id}"
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(project: str, stream: TextIO | None = None) -> None:
    """Send every logger's INFO and above to `stream` (stdout). Called once, by `create`."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(project))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("httpx", "httpcore", "google", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
