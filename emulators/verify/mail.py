"""A stack that people's data is protected in can write to them: a forgotten password needs it."""

from emulators.graph import Graph

SERVICE = "gcp:cloudrunv2/service:Service"


def violations(graph: Graph) -> list[str]:
    """Protected services that take a mail relay and are given none."""
    found = []
    for service in graph.all(SERVICE):
        (container,) = service["template"]["containers"]
        given = {it["name"]: it.get("value") for it in container.get("envs", [])}
        if service.get("deletionProtection") and given.get("SMTP_HOST") == "":
            found.append(f"{service['name']}: sends no mail: segue:smtpHost is not set")
    return found
