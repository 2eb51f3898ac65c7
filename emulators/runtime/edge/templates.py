"""The variables in custom headers of backends, e.g. `X-Client-Geo-Region:{client_region}`.

Source: https://cloud.google.com/load-balancing/docs/https/custom-headers
"""

import re
from collections.abc import Iterable, Mapping

from emulators.runtime.edge.asgi import Headers, Scope, header

Variables = Mapping[str, str]

_VARIABLE = re.compile(r"\{([a-z_0-9]+)\}")
_LAT_LONG = {"GB": "51.507400,-0.127800", "DE": "52.520000,13.405000", "US": "40.712800,-74.006000"}
REGION_HEADER = b"x-local-client-region"
"""Says where a client is to be, on this machine only, where every address is 127.0.0.1."""


def of_client(scope: Scope, region: str) -> dict[str, str]:
    """What the load balancer knows of the client; its region is `region` unless it says."""
    told = header(scope["headers"], REGION_HEADER)
    if told is not None and len(told) == 2 and told.isalpha():
        region = told.decode("ascii").upper()
    client = scope.get("client") or ("", 0)
    return {
        "client_region": region,
        "client_region_subdivision": "",
        "client_city": "",
        "client_city_lat_long": _LAT_LONG.get(region, ""),
        "client_ip_address": client[0],
        "client_port": str(client[1]),
        "client_protocol": "HTTP/1.1",
        "client_encrypted": "false",
        "client_rtt_msec": "0",
        "tls_version": "",
        "tls_sni_hostname": "",
    }


def fill(templates: Iterable[tuple[str, str]], variables: Variables) -> Headers:
    """The headers with their variables filled in; one that is not known stays empty, as there."""
    return [
        (
            name.lower().encode("ascii"),
            (
                _VARIABLE.sub(lambda found: variables.get(found[1], ""), value)
                if "{" in value
                else value
            ).encode("latin-1"),
        )
        for name, value in templates
    ]
