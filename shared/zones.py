"""Parts of the world that share a Monday morning: whom a weekly batch fills, and when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Zone:
    """`time_zone` is the one (IANA) whose early Monday is early enough for all of it."""

    name: str
    time_zone: str


AMERICAS = Zone("americas", "America/New_York")
EUROPE = Zone("europe", "Europe/Berlin")
ASIA = Zone("asia", "Asia/Tokyo")
ZONES = (ASIA, EUROPE, AMERICAS)
"""In the order in which their Mondays begin. Africa and the Middle East go with Europe."""

_AMERICAS = frozenset(
    """
    AG AI AR AW BB BL BM BO BQ BR BS BZ CA CL CO CR CU CW DM DO EC FK GD GF GL GP GT GY HN HT JM
    KN KY LC MF MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI
    """.split()  # noqa: SIM905 - a table reads best as one
)
_ASIA = frozenset(
    """
    AF AS AU BD BN BT CC CK CN CX FJ FM GU HK HM ID IN IO JP KG KH KI KP KR KZ LA LK MH MM MN MO
    MP MV MY NC NF NP NR NU NZ PF PG PH PK PN PW SB SG TH TJ TK TL TM TO TV TW UM UZ VN VU WF WS
    """.split()  # noqa: SIM905
)


def zone_of(territory: str) -> Zone:
    """The zone of an ISO 3166-1 country; what is not known goes with `EUROPE`."""
    if territory in _AMERICAS:
        return AMERICAS
    return ASIA if territory in _ASIA else EUROPE
