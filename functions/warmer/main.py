"""warmer: fetches what will be asked for to the edges, before it is (docs/decisions/0025)."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import httpx
from fastapi import FastAPI

from functions.warmer.signals import Edge
from functions.warmer.warehouse import Warehouse
from functions.warmer.warming import TIMEOUT_S, Warmer
from shared.cdn import SigningKey
from shared.gcp.bigquery import BigQuery
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import tasks
from shared.web.trust import caller_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`region`: where this instance runs; `edges`: all audio endpoints, as JSON
    (`infra.config.EdgeConfig`); `warm_budget_mib`: what to fetch ahead for each."""

    google_cloud_project: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    events_dataset: str
    cdn_key_name: str
    cdn_signing_key: str
    edges: str
    region: str
    warm_budget_mib: int


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    caller = caller_of(settings)
    client = httpx.AsyncClient(timeout=TIMEOUT_S)
    warmer = Warmer(
        Warehouse(BigQuery(settings.google_cloud_project), settings.events_dataset),
        [
            Edge(it["name"], it["region"], it["url"], it["latitude"], it["longitude"])
            for it in json.loads(settings.edges)
        ],
        settings.region,
        SigningKey.parse(settings.cdn_key_name, settings.cdn_signing_key),
        client,
        budget_bytes=settings.warm_budget_mib << 20,
        now=partial(datetime.now, UTC),
    )
    return create_app(
        "warmer",
        tasks(caller, {"warm-edges": warmer.run}),
        on_stop=[client.aclose],
    )
