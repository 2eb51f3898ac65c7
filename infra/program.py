"""The program: the whole system, declared. Read top to bottom."""

from pathlib import Path

import pulumi

from infra.config import StackConfig
from infra.data import Buckets, Documents, Images, Warehouse
from infra.delivery import PAGE, Delivery
from infra.deployables import Deployed, Surroundings
from infra.events import Streams
from infra.identity import Agents, Apis, Identities, Secrets
from infra.services import DEPLOYABLES, Deployable


def program(deployables: tuple[Deployable, ...] = DEPLOYABLES, page: Path = PAGE) -> None:
    """Declare every resource of the stack for `deployables`; `page` is the built player page.

    Raises:
        PageNotBuilt, UnknownName, Incomplete: what cannot be declared, named.
    """
    config = StackConfig.load()
    agents = Agents.of(config)
    after_apis = pulumi.ResourceOptions(depends_on=Apis(config).services)

    identities = Identities(config, agents, after_apis)
    secrets = Secrets(config, after_apis)
    buckets = Buckets(config, after_apis)
    documents = Documents(config, after_apis, deployables)
    warehouse = Warehouse(config, agents, after_apis)
    images = Images(config, identities, buckets.buckets["source"], after_apis)
    streams = Streams(config, agents, warehouse.tables, after_apis)

    around = Surroundings(
        config,
        agents,
        identities,
        secrets,
        buckets,
        warehouse,
        images,
        streams,
        documents.database,
    )
    # Jobs and pipelines first: what may run them is told how.
    deployed: dict[str, Deployed] = {}
    for entry in sorted(deployables, key=lambda it: it.kind not in ("job", "pipeline")):
        jobs = {name: it.job for name, it in deployed.items() if it.job is not None}
        templates = {name: it.template for name, it in deployed.items() if it.template is not None}
        deployed[entry.name] = Deployed(entry, around, jobs, templates, after_apis)

    in_order = [deployed[it.name] for it in deployables]
    Delivery(config, agents, buckets, in_order, page, after_apis)
    pulumi.export("url", config.public_url)
    pulumi.export("dataset", warehouse.dataset.dataset_id)
