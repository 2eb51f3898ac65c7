"""A protected stack without a mail relay is noticed, and told what to set."""

from emulators.graph import Graph
from emulators.verify import mail
from tests.emulators.stack import NUMBER, PROJECT, REGION, resource


def graph(host: str, *, protected: bool) -> Graph:
    container = {"image": "x", "envs": [{"name": "SMTP_HOST", "value": host}]}
    service = resource(
        mail.SERVICE,
        "accounts",
        name="accounts",
        deletionProtection=protected,
        template={"containers": [container]},
    )
    return Graph("dev", PROJECT, NUMBER, REGION, (service,))


def test_a_protected_stack_needs_a_relay() -> None:
    (line,) = mail.violations(graph("", protected=True))
    assert "accounts" in line
    assert "segue:smtpHost" in line


def test_with_a_relay_or_where_nothing_is_protected_all_is_well() -> None:
    assert mail.violations(graph("smtp.example", protected=True)) == []
    assert mail.violations(graph("", protected=False)) == []
