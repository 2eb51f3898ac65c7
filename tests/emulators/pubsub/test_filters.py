import pytest

from emulators.runtime.pubsub.filters import BadFilter, compile_filter

CASES = [
    ("", {}, True),
    ("attributes:lang", {"lang": ""}, True),
    ("attributes:lang", {}, False),
    ('attributes.lang = "de"', {"lang": "de"}, True),
    ('attributes.lang = "de"', {"lang": "en"}, False),
    ('attributes.lang != "de"', {"lang": "en"}, True),
    ('attributes.lang != "de"', {}, True),
    ('attributes.lang="de"', {"lang": "de"}, True),
    ('hasPrefix(attributes.lang, "d")', {"lang": "de"}, True),
    ('hasPrefix(attributes.lang, "d")', {"lang": "en"}, False),
    ('hasPrefix(attributes.lang, "")', {}, False),
    ("NOT attributes:lang", {}, True),
    ("-attributes:lang", {"lang": "x"}, False),
    ("attributes:a AND attributes:b", {"a": "", "b": ""}, True),
    ("attributes:a AND attributes:b", {"a": ""}, False),
    ("attributes:a OR attributes:b", {"b": ""}, True),
    ("attributes:a AND (attributes:b OR NOT attributes:c)", {"a": ""}, True),
    ("attributes:a AND (attributes:b OR NOT attributes:c)", {"a": "", "c": ""}, False),
    ('attributes:"a/b c"', {"a/b c": ""}, True),
    ('attributes.t = "say \\"hi\\""', {"t": 'say "hi"'}, True),
]


@pytest.mark.parametrize(("text", "attributes", "matches"), CASES)
def test_filter_decides(text, attributes, matches):
    assert compile_filter(text)(attributes) is matches


@pytest.mark.parametrize(
    "text",
    [
        "attributes",
        "attributes.lang",
        "attributes.lang = de",
        'attributes.lang > "a"',
        'data = "x"',
        "attributes:a AND attributes:b OR attributes:c",
        "(attributes:a",
        "attributes:a attributes:b",
        "attributes:" + "a" * 300,
        "§",
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(BadFilter):
        compile_filter(text)
