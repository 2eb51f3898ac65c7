"""The Cloud Run job that builds a generation: `python -m functions.search.job`."""

import asyncio
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from functions.search.build import Lost, next_generation
from functions.search.log import LOG, Chunk, Log
from functions.search.shelf import BucketShelf
from shared.gcp import storage
from shared.gcp.firestore import FirestoreDocuments, client
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    google_cloud_project: str
    search_bucket: str


async def run() -> None:
    """Build and publish the next generation, unless nothing changed or another job was first."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    shelf = BucketShelf(storage.bucket(settings.google_cloud_project, settings.search_bucket))
    database = client(settings.google_cloud_project)
    changes = Log(FirestoreDocuments(database, LOG, Chunk, "chunk"), now)
    with tempfile.TemporaryDirectory() as folder:
        built = await next_generation(shelf, changes, Path(folder), token=new_id(), now=now())
    if built is None:
        log.info("nothing has changed since the newest generation")
    elif isinstance(built, Lost):
        log.info("another job published first")
    else:
        log.info("generation %s published: %s", built.number, built.counts)


def main() -> None:
    asyncio.run(run())


if __name__ == "__main__":
    main()
