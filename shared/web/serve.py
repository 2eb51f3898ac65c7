"""The process: uvicorn on uvloop and httptools, stopped gracefully by SIGTERM."""

import gc
import os
import signal
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

GRACE_S = 8
"""Cloud Run kills ten seconds after SIGTERM."""


def serve(factory: Callable[[], FastAPI]) -> None:
    """Serve the app that `factory` builds on HOST (0.0.0.0) and PORT (8080) until SIGTERM."""
    # uvicorn stops gracefully, then raises the signal again: that is the end we asked for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = factory()
    # Modules, routes and models stay as long as the process: nobody looks through them for garbage
    # again. The entry point switched the collector off while they were made (`infra.packaging`).
    gc.freeze()
    gc.enable()
    uvicorn.run(
        app,
        host=os.environ.get("HOST", "0.0.0.0"),  # noqa: S104 - a container's only interface
        port=int(os.environ.get("PORT", "8080")),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
    )
