"""What Google would compute for a resource: ids, e-mails, URLs, by the provider's documentation.

Sources: the "Import" section of each class of pulumi_gcp 10.2.0 (ids), and
https://cloud.google.com/run/docs/triggering/https-request (deterministic service URLs).
"""

from collections.abc import Mapping
from typing import Any

_COMPUTE = "https://www.googleapis.com/compute/v1/"

# Pulumi type -> the id's form. Names in braces are inputs, `region` and `location` included.
_IDS = {
    "gcp:serviceaccount/account:Account": (
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
    ),
    "gcp:projects/iAMCustomRole:IAMCustomRole": "projects/{project}/roles/{roleId}",
    "gcp:storage/bucket:Bucket": "{name}",
    "gcp:storage/bucketObject:BucketObject": "{bucket}-{name}",
    "gcp:pubsub/topic:Topic": "projects/{project}/topics/{name}",
    "gcp:pubsub/schema:Schema": "projects/{project}/schemas/{name}",
    "gcp:pubsub/subscription:Subscription": "projects/{project}/subscriptions/{name}",
    "gcp:firestore/database:Database": "projects/{project}/databases/{name}",
    "gcp:bigquery/dataset:Dataset": "projects/{project}/datasets/{datasetId}",
    "gcp:bigquery/table:Table": "projects/{project}/datasets/{datasetId}/tables/{tableId}",
    "gcp:secretmanager/secret:Secret": "projects/{project}/secrets/{secretId}",
    "gcp:secretmanager/secretVersion:SecretVersion": "{secret}/versions/1",
    "gcp:cloudrunv2/service:Service": "projects/{project}/locations/{location}/services/{name}",
    "gcp:cloudrunv2/job:Job": "projects/{project}/locations/{location}/jobs/{name}",
    "gcp:cloudfunctionsv2/function:Function": (
        "projects/{project}/locations/{location}/functions/{name}"
    ),
    "gcp:cloudscheduler/job:Job": "projects/{project}/locations/{region}/jobs/{name}",
    "gcp:artifactregistry/repository:Repository": (
        "projects/{project}/locations/{location}/repositories/{repositoryId}"
    ),
    "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": (
        "projects/{project}/regions/{region}/networkEndpointGroups/{name}"
    ),
    "gcp:compute/backendService:BackendService": (
        "projects/{project}/global/backendServices/{name}"
    ),
    "gcp:compute/backendBucket:BackendBucket": "projects/{project}/global/backendBuckets/{name}",
    "gcp:compute/uRLMap:URLMap": "projects/{project}/global/urlMaps/{name}",
    "gcp:compute/securityPolicy:SecurityPolicy": (
        "projects/{project}/global/securityPolicies/{name}"
    ),
    "gcp:compute/globalAddress:GlobalAddress": "projects/{project}/global/addresses/{name}",
    "gcp:compute/managedSslCertificate:ManagedSslCertificate": (
        "projects/{project}/global/sslCertificates/{name}"
    ),
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy": (
        "projects/{project}/global/targetHttpsProxies/{name}"
    ),
    "gcp:compute/targetHttpProxy:TargetHttpProxy": (
        "projects/{project}/global/targetHttpProxies/{name}"
    ),
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": (
        "projects/{project}/global/forwardingRules/{name}"
    ),
}


def outputs(
    type_: str, name: str, inputs: Mapping[str, Any], config: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """The id of a resource and its computed outputs (camelCase)."""
    form = _IDS.get(type_)
    identity = form.format_map(inputs) if form else name
    computed: dict[str, Any] = {}
    if type_ == "gcp:serviceaccount/account:Account":
        email = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
        computed = {"email": email, "member": f"serviceAccount:{email}", "name": identity}
    elif type_ == "gcp:projects/iAMCustomRole:IAMCustomRole":
        computed = {"name": identity}
    elif type_ == "gcp:cloudrunv2/service:Service":
        host = f"{inputs['name']}-{config['segue:projectNumber']}.{inputs['location']}.run.app"
        computed = {"uri": f"https://{host}"}
    elif type_ == "gcp:cloudfunctionsv2/function:Function":
        host = f"{inputs['name']}-{config['segue:projectNumber']}.{inputs['location']}.run.app"
        computed = {"url": f"https://{host}"}
    elif type_ == "pulumi-python:dynamic/segue:ContainerImage":
        # The digest is known after the build; the content's hash stands in for it.
        repository, tag = inputs["image"].rsplit(":", 1)
        computed = {"reference": f"{repository}@sha256:{tag}"}
    elif type_.startswith("gcp:compute/") and form:
        computed = {"selfLink": _COMPUTE + identity}
    return identity, computed
