"""A stack's plain configuration values, read without the SDK."""

import yaml

from emulators.tree import ROOT

STAND_INS = {
    "segue:jwtSigningKey": "stand-in for a PEM key",
    "segue:cdnSigningKey": "c2l4dGVlbiBieXRlcyEhIQ==",
    "segue:bootstrapClientSecret": "stand-in for a client secret",
    "segue:billingWebhookSecret": "stand-in for a webhook secret",
    "segue:appPasswordKey": "stand-in for 256 bits",
    "segue:serviceKey": "stand-in-for-256-bits-of-hexadecimal",
    "segue:smtpPassword": "stand-in for a relay's password",
}
"""Every secret of a stack's configuration, with a value that will do where nothing runs."""


class NoStack(LookupError):
    """There is no `Pulumi.<stack>.yaml` of that name."""


def stack_config(stack: str) -> dict[str, str]:
    """The plain values of `Pulumi.<stack>.yaml`.

    Raises:
        NoStack: no such stack.
    """
    path = ROOT / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        raise NoStack(f"no stack {stack!r}: {path.name} does not exist")
    values = yaml.safe_load(path.read_text())["config"]
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
        if not isinstance(value, dict)  # `secure:` values are the operator's; stand-ins come in
    }
