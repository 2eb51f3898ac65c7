"""search: finds what the catalog and accounts tell of."""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from functions.search import api
from functions.search.indexing import Indexing
from functions.search.kinds import KINDS
from functions.search.live import Live
from functions.search.log import LOG, Chunk, Log
from functions.search.shapes import ANSWERS
from functions.search.shelf import BucketShelf
from functions.search.subscriptions import handlers
from shared.gcp import jobs, storage
from shared.gcp.firestore import FirestoreDocuments, client
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`search_job`: the job that builds generations; `run_api_endpoint`: "" for the usual one."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    search_bucket: str
    search_job: str
    run_api_endpoint: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    shelf = BucketShelf(storage.bucket(project, settings.search_bucket), patience_s=3)
    changes = Log(FirestoreDocuments(client(project), LOG, Chunk, "chunk"), now)
    live = Live(shelf, changes, KINDS, own_folder(), clock=time.monotonic)
    indexing = Indexing(live, jobs.starter(settings.search_job, settings.run_api_endpoint))
    caller = caller_of(settings)
    return create_app(
        "search",
        api.routes(live, settings.public_url, today=lambda: now().date()),
        subscriptions(caller, handlers(live)),
        tasks(caller, {"index-search": indexing.run}),
        verifier=verifier_of(settings),
        answers=ANSWERS,
        on_start=[live.start],
        on_stop=[live.stop],
    )


def own_folder() -> Path:
    """A folder for this process alone. Those of processes that were killed are cleared away."""
    place = Path(tempfile.gettempdir())
    for folder in place.glob("segue-search-*"):
        if not Path(f"/proc/{folder.name.rpartition('-')[2]}").exists():
            shutil.rmtree(folder, ignore_errors=True)
    return place / f"segue-search-{os.getpid()}"
