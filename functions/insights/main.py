"""insights: what was played, by whom it is; and popularity, told to the catalog."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.insights import api
from functions.insights.aggregates import Aggregates, Data
from functions.insights.figures import Figures
from functions.insights.shapes import ANSWERS
from shared.gcp.bigquery import BigQuery
from shared.gcp.pubsub import Publisher
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import tasks
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`events_dataset`, `insights_dataset`: "project.dataset"."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    events_dataset: str
    insights_dataset: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    data = Data(
        BigQuery(project), events=settings.events_dataset, insights=settings.insights_dataset
    )
    publish = Publisher(project)
    aggregates = Aggregates(data, publish.many, now=now)
    caller = caller_of(settings)
    return create_app(
        "insights",
        api.routes(Figures(data), today=lambda: now().date()),
        tasks(caller, {"aggregate-insights": aggregates.run}),
        verifier=verifier_of(settings),
        answers=ANSWERS,
        on_stop=[publish.stop],
    )
