"""The Cloud Run job: the daily run; or, told PERIOD, to close that one now with reports before
CUTOFF: `python -m functions.royalties.job`."""

import asyncio
import logging
import os
from dataclasses import dataclass
from datetime import datetime

from functions.royalties.accounting import Accounting
from functions.royalties.books import COLLECTIONS, Books
from functions.royalties.periods import Period
from functions.royalties.terms import Terms
from functions.royalties.turns import turn
from functions.royalties.vault import BucketVault
from functions.royalties.warehouse import Warehouse
from shared.gcp import storage
from shared.gcp.bigquery import BigQuery
from shared.gcp.firestore import FirestoreDocuments, client
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`events_dataset`, `royalties_dataset`: "project.dataset". `minimum_streams`: of a track in
    twelve months. `period` and `cutoff` (RFC 3339) are given to an execution that closes."""

    google_cloud_project: str
    events_dataset: str
    royalties_dataset: str
    royalties_bucket: str
    minimum_streams: int = 0
    period: str = ""
    cutoff: str = ""


async def run() -> None:
    """Close the period that was asked for, or do what is due."""
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
    vault = BucketVault(storage.bucket(project, settings.royalties_bucket))
    terms = Terms(minimum_streams=settings.minimum_streams)
    accounting = Accounting(books, warehouse, vault, terms, now=now)
    async with turn(books.turns, new_id(), now=now):
        if settings.period:
            cutoff = datetime.fromisoformat(settings.cutoff) if settings.cutoff else None
            state = await accounting.close(Period.parse(settings.period), cutoff)
            log.info("%s is closed: %s", state.period, state.hash)
        else:
            for period, done in (await accounting.run()).items():
                log.info("%s: %s", period, done)


def main() -> None:
    asyncio.run(run())


if __name__ == "__main__":
    main()
