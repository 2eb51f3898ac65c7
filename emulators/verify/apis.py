"""Every Google API that a resource needs is enabled by the program."""

from emulators.graph import Graph

# Package of the SDK -> APIs of its resources, where they are not named alike.
_APIS = {
    "projects": ("cloudresourcemanager",),
    "serviceaccount": ("iam",),
    "cloudrunv2": ("run",),
    # A function is built, stored, run and triggered by other products.
    "cloudfunctionsv2": (
        "artifactregistry", "cloudbuild", "cloudfunctions", "eventarc", "pubsub", "run",
    ),
    "segue": ("cloudbuild", "artifactregistry"),
}  # fmt: skip
_ENABLING = "gcp:projects/service:Service"


def violations(graph: Graph) -> list[str]:
    """Each line names an API and one resource that needs it."""
    enabled = {it["service"] for it in graph.all(_ENABLING)}
    missing: dict[str, str] = {}
    for it in graph.resources:
        if it.type == _ENABLING or it.type.startswith("segue:"):
            continue
        if it.type.startswith("pulumi-python:"):
            package = "segue"
        else:
            package = it.type.split(":")[1].split("/")[0]
        for api in _APIS.get(package, (package,)):
            if f"{api}.googleapis.com" not in enabled:
                missing.setdefault(api, f"{it.type} {it.name}")
    return [f"API {api}: not enabled, but {what} needs it" for api, what in sorted(missing.items())]
