"""What Google would compute: ids, e-mails, URLs."""

import pytest

from emulators.outputs import outputs

CONFIG = {"segue:projectNumber": "42"}


@pytest.mark.parametrize(
    ("type_", "inputs", "identity", "computed"),
    [
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "a", "project": "p"},
            "projects/p/serviceAccounts/a@p.iam.gserviceaccount.com",
            {
                "email": "a@p.iam.gserviceaccount.com",
                "member": "serviceAccount:a@p.iam.gserviceaccount.com",
                "name": "projects/p/serviceAccounts/a@p.iam.gserviceaccount.com",
            },
        ),
        (
            "gcp:cloudrunv2/service:Service",
            {"name": "catalog", "project": "p", "location": "europe-west1"},
            "projects/p/locations/europe-west1/services/catalog",
            {"uri": "https://catalog-42.europe-west1.run.app"},
        ),
        (
            "gcp:cloudfunctionsv2/function:Function",
            {"name": "transcode", "project": "p", "location": "us-east1"},
            "projects/p/locations/us-east1/functions/transcode",
            {"url": "https://transcode-42.us-east1.run.app"},
        ),
        (
            "gcp:compute/uRLMap:URLMap",
            {"name": "segue", "project": "p"},
            "projects/p/global/urlMaps/segue",
            {"selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/segue"},
        ),
        (
            "pulumi-python:dynamic/segue:ContainerImage",
            {"image": "eu-docker.pkg.dev/p/segue/catalog:0123"},
            "it",
            {"reference": "eu-docker.pkg.dev/p/segue/catalog@sha256:0123"},
        ),
        ("gcp:pubsub/topic:Topic", {"name": "t", "project": "p"}, "projects/p/topics/t", {}),
        ("gcp:unheard/of:Of", {"name": "x"}, "it", {}),
    ],
)
def test_outputs_follow_the_provider(type_, inputs, identity, computed) -> None:
    assert outputs(type_, "it", inputs, CONFIG) == (identity, computed)
