"""Territories as DDEX writes them."""

import pytest

from shared.errors import Invalid
from shared.rights.territories import ALL, BITS, EVERYWHERE, bits_of, codes_of, mask_of
from shared.rights.zones import ZONES
from shared.territories import TERRITORIES


@pytest.mark.parametrize("code", ["Worldwide", "*", "2WL", "2136"])
def test_the_world_is_every_territory(code: str):
    assert bits_of(code) == EVERYWHERE
    assert codes_of(EVERYWHERE) == tuple(sorted(ALL))


def test_there_is_a_bit_for_each_territory_and_they_fit_a_mask():
    assert len(ALL) == len(set(BITS.values())) == len(TERRITORIES) + 3 == 253
    assert EVERYWHERE < 1 << 256


def test_groups_and_numbers_of_tis_are_their_countries():
    assert codes_of(bits_of("2NC")) == codes_of(bits_of("2127")) == ("DK", "FI", "IS", "NO", "SE")
    assert len(codes_of(bits_of("2EN"))) == 27 + 3, "and the parts of Spain"
    assert codes_of(bits_of("752")) == codes_of(bits_of("0752")) == ("SE",)
    assert codes_of(bits_of("2EN") & ~bits_of("2EU")) == ("CY",), "which TIS counts to Asia"


def test_a_country_contains_its_parts_unless_they_are_excluded():
    assert codes_of(bits_of("ES")) == ("ES", "ES-CE", "ES-CN", "ES-ML")
    assert codes_of(mask_of(("ES",), ("ES-CN",))) == ("ES", "ES-CE", "ES-ML")
    assert codes_of(bits_of("ES-CN")) == ("ES-CN",)


def test_exclusions_win_whatever_the_order():
    assert codes_of(mask_of(("2127", "SE"), ("SE",))) == ("DK", "FI", "IS", "NO")
    assert mask_of(("SE",), ("Worldwide",)) == 0
    assert mask_of((), ()) == 0


@pytest.mark.parametrize("code", ["", "se", "SWE", "EU", "UK", "XX", "US-CA", "9999", "2XX", "é"])
def test_what_is_not_understood_is_refused_even_as_an_exclusion(code: str):
    for included, excluded in (((code,), ()), (("Worldwide",), (code,))):
        with pytest.raises(Invalid) as caught:
            mask_of(included, excluded)
        assert caught.value.code == "INVALID_TERRITORY"


def test_everybody_lives_by_some_clock():
    assert TERRITORIES - set(ZONES) == {"BV", "HM"}, "nobody lives there"
