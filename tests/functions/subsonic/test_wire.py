"""The envelope: one tree as XML, JSON and JSONP; and parameters from wherever they are sent."""

import json
import xml.etree.ElementTree as ET

import pytest

from functions.subsonic import wire
from functions.subsonic.parameters import Asked
from functions.subsonic.refusals import Refused

TREE = {
    "artist": {
        "id": "ar-1",
        "count": 2,
        "big": True,
        "none": None,
        "album": [{"name": 'A "quoted" & <odd>\x00\x0b name'}, {"name": "Å 😀"}],
        "genres": [],
        "line": [{"start": 5, "value": "Words & more"}],
        "versions": [1, 2],
    }
}
NAMESPACE = "{http://subsonic.org/restapi}"


def test_xml_has_attributes_for_what_is_plain_and_elements_for_the_rest():
    root = ET.fromstring(bytes(wire.ok(TREE, "xml", None).body))
    assert root.tag == f"{NAMESPACE}subsonic-response"
    assert root.attrib["status"] == "ok"
    assert root.attrib["openSubsonic"] == "true"
    artist = root[0]
    assert artist.attrib == {"id": "ar-1", "count": "2", "big": "true"}
    names = [it.attrib["name"] for it in artist.findall(f"{NAMESPACE}album")]
    assert names == ['A "quoted" & <odd> name', "Å 😀"]
    line = artist.find(f"{NAMESPACE}line")
    assert line is not None
    assert (line.attrib, line.text) == ({"start": "5"}, "Words & more")
    assert [it.text for it in artist.findall(f"{NAMESPACE}versions")] == ["1", "2"]


def test_json_says_the_same_and_leaves_out_what_is_none():
    body = json.loads(bytes(wire.ok(TREE, "json", None).body))["subsonic-response"]
    assert (body["status"], body["version"], body["openSubsonic"]) == ("ok", "1.16.1", True)
    assert "none" not in body["artist"]
    assert body["artist"]["genres"] == []


def test_jsonp_calls_the_function_that_was_named():
    answer = wire.ok(None, "jsonp", "jQuery.cb_1")
    assert answer.media_type == "application/javascript"
    text = bytes(answer.body).decode()
    assert text.startswith("jQuery.cb_1({")
    assert text.endswith("});")


@pytest.mark.parametrize("callback", [None, "", "alert(1)", "a b", "x" * 101, "<script>", "é"])
def test_no_other_words_are_put_into_a_script(callback: str | None):
    with pytest.raises(Refused):
        wire.check("jsonp", callback)
    answer = wire.failed(Refused(0, "no"), "jsonp", callback)
    assert answer.media_type == "application/json"


def test_an_unknown_format_is_refused_in_xml():
    with pytest.raises(Refused):
        wire.check("yaml", None)
    root = ET.fromstring(bytes(wire.failed(Refused(10, "what"), "yaml", None).body))
    assert root[0].attrib == {"code": "10", "message": "what"}


def test_parameters_come_from_query_and_form_together():
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    asked = Asked.parse(b"id=1&f=json", kind, b"id=2&q=%C3%A5&empty=")
    assert asked.many("id", 5) == ["1", "2"]
    assert asked.text("q") == "å"
    assert asked.given("empty")
    assert asked.find("empty") is None
    assert Asked.parse(b"", "application/json", b"id=2").find("id") is None


@pytest.mark.parametrize(
    "query",
    [b"q=%ff", b"q=%ed%a0%80", b"q=\xff", b"a=1&" * 6000, b"q=" + b"x" * 5000],
)
def test_malformed_parameters_are_refused(query: bytes):
    with pytest.raises(Refused):
        Asked.parse(query, "", b"")


def test_numbers_stay_within_bounds_and_flags_are_what_clients_write():
    asked = Asked([("n", "9999"), ("m", "-5"), ("x", "1e3"), ("t", "True"), ("o", "0")])
    assert asked.number("n", 1, 0, 500) == 500
    assert asked.number("m", 1, 0, 500) == 0
    assert asked.number("absent", 7, 0, 500) == 7
    assert asked.flag("t", False) is True
    assert asked.flag("o", True) is False
    for name in ("x", "t"):
        with pytest.raises(Refused):
            asked.number(name, 0, 0, 1)
    with pytest.raises(Refused):
        asked.flag("n", True)
