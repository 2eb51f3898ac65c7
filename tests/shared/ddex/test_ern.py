"""Messages as typed parts; what is hostile, broken or unknown, refused by line and reason."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ddex import ern
from shared.ddex.deals import deals_of
from shared.ddex.identifiers import parse_dpid, parse_grid
from shared.ddex.message import (
    Content,
    Header,
    Party,
    Period,
    Problem,
    Purged,
    Release,
    Resource,
    Terms,
)
from shared.ddex.reader import BadMessage
from shared.errors import Invalid
from shared.rights.deals import Deal
from tests.shared.ddex.messages import (
    DEAL,
    ISRC,
    LABEL,
    UPC,
    US,
    deal,
    header,
    main_release,
    message,
    purge,
    recording,
)


def read(data: bytes) -> list:
    return list(ern.parts([data]))


def only(data: bytes, cls: type) -> list:
    return [it for it in read(data) if isinstance(it, cls)]


def made(terms: str, **seen: object) -> tuple[Deal, ...]:
    (found,) = only(message(deals=[deal(terms)]), Terms)
    return deals_of(found, LABEL, us=US)


def line_of(data: bytes, what: str) -> int:
    return data.decode().split(what)[0].count("\n") + 1


def test_every_part_is_read():
    data = message()
    head, ada, _, song, album, track, terms = read(data)
    assert head == Header(
        line_of(data, "<MessageHeader"), "NewReleaseMessage", "m1",
        datetime(2026, 2, 1, 10, tzinfo=UTC), head.licensor, (US,), test=False,
    )  # fmt: skip
    assert (head.licensor.party_id, head.licensor.name) == (LABEL, "Small Label")
    assert isinstance(ada, Party)
    assert (ada.reference, ada.name, ada.isni) == ("P1", "Ada", "0000000121032683")
    assert isinstance(song, Resource)
    assert (song.isrc, song.title, song.duration_ms, song.explicit) == (
        ISRC,
        "Song 1",
        200500,
        False,
    )
    assert song.artists[0].party == "P1"
    assert isinstance(album, Release)
    assert (album.names, album.label, album.contents) == (
        (f"icpn:{UPC}",), "P2", (Content("A1", 1, 1),),
    )  # fmt: skip
    assert isinstance(track, Release)
    assert (track.track, track.contents) == (True, (Content("A1", 1, 1),))
    assert isinstance(terms, Terms)
    assert terms.periods == (Period(terms.periods[0].line, "2026-01-01T00:00:00", None),)
    assert terms.line == line_of(data, "<DealTerms")


@pytest.mark.parametrize(
    ("given", "starts", "ends"),
    [
        ("<StartDate>2026-01-01</StartDate>", "2026-01-01T00:00:00", None),
        ("<EndDate>2028-02-29</EndDate>", None, "2028-03-01T00:00:00"),
        ("<EndDate>2026-12-31Z</EndDate>", None, "2027-01-01T00:00:00Z"),
        (
            "<StartDateTime>2026-01-01T00:00:00+02:00</StartDateTime>",
            "2025-12-31T22:00:00Z",
            None,
        ),
        ("<EndDateTime>2026-01-01T23:59:59</EndDateTime>", None, "2026-01-02T00:00:00"),
        ("<EndDateTime>2026-01-01T23:59:59.5Z</EndDateTime>", None, "2026-01-01T23:59:59.500001Z"),
        ("<EndDate>9999-12-31</EndDate>", None, None),
        ("<StartDate>0001-01-01</StartDate>", None, None),
    ],
)
def test_dates_are_inclusive_and_local_unless_they_name_a_zone(
    given: str, starts: str | None, ends: str | None
):
    period = f"<ValidityPeriod>{given}</ValidityPeriod>"
    (found,) = made(DEAL.replace(DEAL.split("\n")[2], period))
    assert (found.starts, found.ends) == (starts, ends)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("Worldwide", "Atlantis", "INVALID_TERRITORY"),
        ("Worldwide", "US-CA", "INVALID_TERRITORY"),
        ("SubscriptionModel", "BarterModel", "INVALID_MODEL"),
        ("<UseType>Stream</UseType>", "<UseType>Telepathy</UseType>", "INVALID_USE"),
        ("2026-01-01", "2027-02-29", "INVALID_MOMENT"),
        ("2026-01-01", "soon", "INVALID_MOMENT"),
        ("2026-01-01", "2026-W01-1", "INVALID_MOMENT"),
        ("<UseType>", "<NumberOfUsages>many</NumberOfUsages><UseType>", "INVALID_USAGES"),
    ],
)
def test_a_deal_with_an_unknown_word_is_refused_by_its_line(before: str, after: str, code: str):
    data = message(deals=[deal(DEAL.replace(before, after, 1)), deal()])
    (problem,) = only(data, Problem)
    assert (problem.code, problem.line) == (code, line_of(data, after.split(">")[0]))
    assert len(only(data, Terms)) == 1, "the rest is read"


def test_terms_that_contradict_themselves_or_cannot_be_told_grant_nothing():
    empty = DEAL.replace(
        "<StartDate>2026-01-01</StartDate>",
        "<StartDate>2026-02-01</StartDate><EndDate>2026-01-01</EndDate>",
    )
    for terms, code in (
        (empty, "EMPTY_WINDOW"),
        (DEAL + "<ExcludedTerritoryCode>2136</ExcludedTerritoryCode>", "EMPTY_TERRITORY"),
        (DEAL + "<UserInterfaceType>PersonalComputer</UserInterfaceType>", "UNSUPPORTED_TERM"),
        (DEAL + "<Whatever/>", "UNSUPPORTED_TERM"),
        (DEAL.replace("<UseType>Stream</UseType>", ""), "INVALID_USE"),
        (DEAL.replace("ValidityPeriod", "Validity"), "UNSUPPORTED_TERM"),
    ):
        with pytest.raises(Invalid) as caught:
            made(terms)
        assert caught.value.code == code, terms


def test_channels_preorders_usages_and_dates_are_read():
    def channel(kind: str, id: str) -> str:
        return f"<{kind}><PartyId>{id}</PartyId></{kind}>"

    assert made(DEAL)[0].ours
    assert made(DEAL + channel("DistributionChannel", US))[0].ours
    assert not made(DEAL + channel("DistributionChannel", LABEL))[0].ours
    assert made(DEAL + channel("ExcludedDistributionChannel", LABEL))[0].ours
    assert not made(DEAL + channel("ExcludedDistributionChannel", US))[0].ours
    assert not made(DEAL + channel("ExcludedDistributionChannel", "who?"))[0].ours
    more = """<IsPreOrderDeal>true</IsPreOrderDeal><NumberOfUsages>3</NumberOfUsages>
<ClipPreviewStartDateTime>2025-12-01T00:00:00Z</ClipPreviewStartDateTime>"""
    (found,) = made(DEAL + more)
    assert (found.kind, found.usages, found.clips_from) == ("pre_order", 3, "2025-12-01T00:00:00Z")


@pytest.mark.parametrize(
    ("isrc", "code"),
    [
        ("SEABC260000", "INVALID_ISRC"),
        ("S1ABC2600001", "INVALID_ISRC"),
        ("SEABC26OOO01", "INVALID_ISRC"),
    ],
)
def test_an_isrc_that_a_schema_would_take_is_refused(isrc: str, code: str):
    data = message(recordings=[recording(isrc=isrc), recording(2)])
    (problem,) = only(data, Problem)
    assert (problem.code, problem.subject, problem.line) == (code, "A1", line_of(data, isrc))
    assert [it.isrc for it in only(data, Resource)] == [None, ISRC]


def test_a_wrong_upc_leaves_the_grid():
    ids = "<GRid>A12425GABC1234002M</GRid><ICPN>4006381333932</ICPN>"
    data = message(releases=[main_release(ids=ids)])
    assert only(data, Problem)[0].code == "INVALID_UPC"
    assert only(data, Release)[0].names == ("grid:A12425GABC1234002M",)


def test_purges_name_releases():
    (found,) = only(purge("2026-03-01T00:00:00Z"), Purged)
    assert found.names == (f"icpn:{UPC}",)


def bomb() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a9;</x>'.encode()


HOSTILE = {
    "entity bomb": (bomb(), "DOCTYPE_FORBIDDEN"),
    "external entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "DOCTYPE_FORBIDDEN",
    ),
    "doctype": (b'<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><x/>', "DOCTYPE_FORBIDDEN"),
    "deep": (message(body="<a>" * 100_000), "TOO_DEEP"),
    "long text": (message(body=f"<a>{'x' * 100_000}</a>"), "TOO_LARGE"),
    "many elements": (message(body=f"<PartyX>{'<a/>' * 30_000}</PartyX>"), "TOO_LARGE"),
    "unclosed": (message()[:-10], "BAD_XML"),
    "empty": (b"", "BAD_XML"),
    "text": (b"hello", "BAD_XML"),
    "binary": (b"\x00\xff\xfe\x00", "BAD_XML"),
    "another encoding": (b'<?xml version="1.0" encoding="klingon"?><x/>', "BAD_XML"),
    "undeclared entity": (message(body="<a>&x;</a>"), "BAD_XML"),
    "ERN 3": (message().replace(b"/ern/43", b"/ern/382"), "NOT_ERN"),
    "HTML": (b"<html><body/></html>", "NOT_ERN"),
    "no header": (message(head=""), "NO_HEADER"),
    "no time": (message(head=header("")), "NO_HEADER"),
    "a wrong time": (message(head=header("2026-02-30T00:00:00Z")), "INVALID_MOMENT"),
    "a wrong sender": (message(head=header(sender="PADPIDA2007040502J")), "INVALID_DPID"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_refused_by_line_and_reason(name: str):
    data, code = HOSTILE[name]
    with pytest.raises(BadMessage) as caught:
        read(data)
    assert caught.value.code == code
    assert caught.value.line >= 1
    assert caught.value.message.startswith(f"line {caught.value.line}: ")


def huge(megabytes: int) -> Iterator[bytes]:
    start, _, end = message().partition(b"</ResourceList>")
    yield start
    block = recording(reference="A" * 40).encode() + b" " * 60_000
    for _ in range(megabytes * (1 << 20) // len(block)):
        yield block
    yield b"</ResourceList>" + end


def test_a_message_of_100_mb_is_refused_within_a_few_mb_of_memory():
    tracemalloc.start()
    with pytest.raises(BadMessage) as caught:
        for _ in ern.parts(huge(100)):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "TOO_LARGE"
    assert peak < 4 << 20


@given(st.data())
def test_noise_in_a_message_is_refused_or_read_and_nothing_else(data: st.DataObject):
    whole = message()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 40))
    noise = data.draw(
        st.binary(max_size=20) | st.sampled_from([b"<", b"</a>", b"&#0;", b"<![CDATA["])
    )
    try:
        for part in ern.parts([whole[:at], noise, whole[at + cut :]]):
            if isinstance(part, Terms):
                deals_of(part, LABEL, us=US)
    except Invalid as error:
        assert error.code.isupper()  # noqa: PT017 - reading on is as good


@pytest.mark.parametrize(
    "text", ["PADPIDA2007040502I", "pa-dpida-2007040502-i", "PADPIDA2013020802I"]
)
def test_party_ids_have_a_check_character(text: str):
    assert parse_dpid(text).startswith("PADPIDA")
    for wrong in (text[:-1] + "A", text[:-1], text + "1", "PADPIDA2070040502I", ""):
        with pytest.raises(Invalid):
            parse_dpid(wrong)


def test_grids_have_a_check_character():
    assert parse_grid("A1-2425G-ABC1234002-M") == "A12425GABC1234002M"
    for wrong in ("A1-2425G-ABC1234002-N", "A1-2425G-ABC1234020-M", "B12425GABC1234002M"):
        with pytest.raises(Invalid):
            parse_grid(wrong)
