"""royalties: exact money for what was played; the ledger, statements and usage reports."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.royalties import api
from functions.royalties.books import COLLECTIONS, Books
from functions.royalties.corrections import Corrections
from functions.royalties.dsr import Sender
from functions.royalties.reading import Asked
from functions.royalties.shapes import ANSWERS
from functions.royalties.vault import Reading
from functions.royalties.warehouse import Warehouse
from shared.gcp import jobs, storage
from shared.gcp.bigquery import BigQuery
from shared.gcp.firestore import FirestoreDocuments, client
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import tasks
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`royalties_job`: the job that does the work; `royalties_dataset`: "project.dataset";
    `dsr_party_id`, `dsr_name`: who reports usage; `run_api_endpoint`: "" for the usual one."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    events_dataset: str
    royalties_dataset: str
    royalties_bucket: str
    royalties_job: str
    run_api_endpoint: str
    dsr_party_id: str
    dsr_name: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    database = client(project)
    books = Books(
        **{
            field: FirestoreDocuments(database, collection, cls, what)
            for field, (collection, cls, what) in COLLECTIONS.items()
        }
    )
    warehouse = Warehouse(
        BigQuery(project), events=settings.events_dataset, royalties=settings.royalties_dataset
    )
    asked = Asked(books, Reading(storage.bucket(project, settings.royalties_bucket)), warehouse)
    start = jobs.starter(settings.royalties_job, settings.run_api_endpoint)
    caller = caller_of(settings)

    async def run_royalties() -> str:
        await start({})
        return "started"

    corrections = Corrections(books, asked, now=now)
    sender = Sender(settings.dsr_party_id, settings.dsr_name)
    return create_app(
        "royalties",
        api.operator_routes(books, corrections, asked, start, now=now),
        api.routes(asked, sender),
        tasks(caller, {"run-royalties": run_royalties}),
        verifier=verifier_of(settings),
        answers=ANSWERS,
    )
