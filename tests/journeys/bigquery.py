"""BigQuery of the running cloud, asked as its owner would."""

from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tests.journeys.cloud import Cloud


def rows(cloud: Cloud, sql: str) -> list[dict[str, Any]]:
    client = bigquery.Client(
        project="segue-dev",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{cloud.endpoints()['bigquery']}"},
    )
    return [dict(row) for row in client.query(sql, retry=None).result(retry=None)]
