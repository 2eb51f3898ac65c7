from shared.territories import TERRITORIES
from shared.zones import _AMERICAS, _ASIA, AMERICAS, ASIA, EUROPE, zone_of


def test_zones_know_only_countries_and_share_none():
    assert _AMERICAS | _ASIA <= TERRITORIES
    assert not _AMERICAS & _ASIA


def test_countries_wake_with_their_zone():
    assert [zone_of(it) for it in ("US", "BR", "JP", "IN", "AU", "SE", "ZA", "AE")] == [
        AMERICAS, AMERICAS, ASIA, ASIA, ASIA, EUROPE, EUROPE, EUROPE,
    ]  # fmt: skip


def test_nowhere_wakes_with_europe():
    assert zone_of("") == EUROPE
