"""playback: grants plays and signs what they open."""

import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from fastapi import FastAPI

from functions.playback import api, manifests_api, player_api, previews
from functions.playback.authority import RemoteRights
from functions.playback.contexts import RemoteContexts
from functions.playback.decisions import Decisions
from functions.playback.domain import Lifetimes, Playable
from functions.playback.edges import read_edges
from functions.playback.granting import Deliveries
from functions.playback.history import History
from functions.playback.manifests_api import Manifests
from functions.playback.player import Player
from functions.playback.players import PLAYERS, Players
from functions.playback.shapes import ANSWERS
from functions.playback.store import HISTORIES, PLAYABLES, Histories, Playables
from functions.playback.streams import Streams
from functions.playback.subscriptions import handlers
from functions.playback.telemetry import COLLECTION as HEALTH
from functions.playback.telemetry import SHARDS, Shard, Telemetry
from functions.playback.views import Views
from shared.cdn import SigningKey
from shared.gcp import firestore
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.rights.table import Table
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`cdn_signing_key`: 16 bytes in base64url. A grant lasts `grant_s` for players that renew it
    and `longest_grant_s` at most for others: that long a takedown's audio may still be fetched.
    A cached document lasts `playable_ttl_s`: within that a takedown ends new plays.
    `edges`: the audio endpoints besides the front door, as JSON (`infra.config.EdgeConfig`)."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    cdn_key_name: str
    cdn_signing_key: str
    edges: str
    grant_s: int
    service_key: str
    longest_grant_s: int = 3600
    playable_ttl_s: float = 4.0


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    edges = read_edges(settings.edges)
    now = partial(datetime.now, UTC)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    playables = Playables(
        firestore.FirestoreDocuments(database, PLAYABLES, Playable, "track"),
        ttl_s=settings.playable_ttl_s,
        clock=time.monotonic,
    )
    histories = Histories(firestore.FirestoreDocuments(database, HISTORIES, History, "history"))
    authority = RemoteRights(settings.public_url, settings.service_key)
    caller = caller_of(settings)
    publish = Publisher(settings.google_cloud_project)
    contexts = RemoteContexts(settings.public_url, settings.service_key)
    manifests = Manifests(settings.public_url, edges)
    players = Players(
        firestore.FirestoreDocuments(database, PLAYERS, Player, "player"),
        publish,
        new_id=new_id,
        now=now,
    )
    telemetry = Telemetry(
        firestore.FirestoreDocuments(database, HEALTH, Shard, "shard"),
        shard=secrets.randbelow(SHARDS),
        clock=time.time,
    )
    key = SigningKey.parse(settings.cdn_key_name, settings.cdn_signing_key)
    deliveries = Deliveries(
        settings.public_url,
        edges,
        key,
        telemetry,
        new_id=new_id,
        clock=time.time,
    )
    views = Views(settings.public_url)
    decisions = Decisions(playables, Table(), authority)
    return create_app(
        "playback",
        api.routes(
            playables,
            decisions,
            histories,
            deliveries,
            Streams(players, now),
            telemetry,
            views,
            lifetimes=Lifetimes(
                timedelta(seconds=settings.grant_s), timedelta(seconds=settings.longest_grant_s)
            ),
            now=now,
        ),
        player_api.routes(
            players, playables, contexts, views, now=now, seed=lambda: secrets.randbits(32)
        ),
        manifests_api.routes(manifests),
        previews.routes(decisions, settings.public_url, key, now=now),
        subscriptions(caller, handlers(playables, histories, players)),
        answers=ANSWERS,
        verifier=verifier_of(settings),
        on_stop=[authority.stop, contexts.stop, manifests.stop, publish.stop],
    )
