"""Cloud CDN signatures: Google's published vectors, the refusals, and properties."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cdn import (
    SigningKey,
    key_ring,
    sign_cookie,
    sign_prefix,
    sign_url,
    verify,
    verify_cookie,
    verify_prefix,
    verify_url,
)
from shared.errors import Forbidden, Invalid

# From GoogleCloudPlatform/python-docs-samples, cdn/snippets_test.py (Apache 2.0).
VECTOR_KEY = SigningKey.parse("my-key", "nZtRohdNF9m3cKM24IcK4w==")
VECTOR_EXPIRES = 1549751401
EXPIRY = f"Expires={VECTOR_EXPIRES}&KeyName=my-key&Signature="
URL_VECTORS = [
    ("http://35.186.234.33/index.html", "?", "CRFqQnVfFyiUyR63OQf-HRUpIwc="),
    ("http://www.example.com/", "?", "OqDUFfHpN5Vxga6r80bhsgxKves="),
    (
        "http://www.example.com/some/path?some=query&another=param",
        "&",
        "9Q9TCxSju8-W5nUkk5CuTrun2_o=",
    ),
]
PREFIX_VECTORS = [
    (
        "http://35.186.234.33/",
        "aHR0cDovLzM1LjE4Ni4yMzQuMzMv",
        "j7HYgoQ8dIOVsW3Rw4cpkjWfRMA=",
    ),
    (
        "http://www.example.com/",
        "aHR0cDovL3d3dy5leGFtcGxlLmNvbS8=",
        "UdT5nVks6Hh8QFMJI9kmXuXYBk0=",
    ),
    (
        "http://www.example.com/some/",
        "aHR0cDovL3d3dy5leGFtcGxlLmNvbS9zb21lLw==",
        "3th4ThmpS95I1TAKYyYSCSq3dnQ=",
    ),
]
COOKIE_VECTOR = (
    "http://www.example.com/foo/",
    "URLPrefix=aHR0cDovL3d3dy5leGFtcGxlLmNvbS9mb28v:Expires=1549751401:KeyName=my-key"
    ":Signature=Z9uYAu73YHioRScZDxnP-TnS274=",
)

OLD = SigningKey("old", bytes(range(16)))
NEW = SigningKey("new", bytes(range(16, 32)))
KEYS = key_ring(OLD, NEW)
FOLDER = "https://segue.example/audio/abc/base/"
NOW = 1_700_000_000
LATER = NOW + 60


def code(call, *args) -> str:
    with pytest.raises((Forbidden, Invalid)) as caught:
        call(*args)
    return caught.value.code


@pytest.mark.parametrize(("url", "separator", "signature"), URL_VECTORS)
def test_sign_url_gives_googles_vectors(url, separator, signature):
    signed = url + separator + EXPIRY + signature
    assert sign_url(url, VECTOR_KEY, VECTOR_EXPIRES) == signed
    assert verify_url(signed, key_ring(VECTOR_KEY), VECTOR_EXPIRES - 1).url == url


@pytest.mark.parametrize(("prefix", "encoded", "signature"), PREFIX_VECTORS)
def test_sign_prefix_gives_googles_vectors(prefix, encoded, signature):
    query = f"URLPrefix={encoded}&{EXPIRY}{signature}"
    assert sign_prefix(prefix, VECTOR_KEY, VECTOR_EXPIRES) == query
    signed = verify_prefix(f"{prefix}x?{query}", key_ring(VECTOR_KEY), VECTOR_EXPIRES - 1)
    assert (signed.prefix, signed.url) == (prefix, prefix + "x")


def test_sign_cookie_gives_googles_vector():
    prefix, cookie = COOKIE_VECTOR
    assert sign_cookie(prefix, VECTOR_KEY, VECTOR_EXPIRES) == cookie
    signed = verify_cookie(prefix + "x", cookie, key_ring(VECTOR_KEY), VECTOR_EXPIRES - 1)
    assert signed.prefix == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "http://35.186.234.33/index.html",  # signed by Google's sample, refused here
        "https://segue.example/audio/abc",
        "https://segue.example",
        "https://segue.example/a/?x=/",
        "https://segue.example/a#/",
        "/audio/abc/",
        "ftp://segue.example/a/",
        "",
    ],
)
def test_prefix_that_is_not_a_folder_is_refused_by_name(prefix):
    assert code(sign_prefix, prefix, OLD, LATER) == "CDN_PREFIX_NOT_A_FOLDER"
    assert code(sign_cookie, prefix, OLD, LATER) == "CDN_PREFIX_NOT_A_FOLDER"


def test_verify_refuses_a_foreign_signers_prefix_without_slash():
    cookie = (
        "URLPrefix=aHR0cDovLzM1LjE4Ni4yMzQuMzMvaW5kZXguaHRtbA==:Expires=1549751401"
        ":KeyName=my-key:Signature=uImwlOBCPs91mlCyG9vyyZRrNWU="
    )
    url = "http://35.186.234.33/index.html"
    refused = code(verify_cookie, url, cookie, key_ring(VECTOR_KEY), VECTOR_EXPIRES - 1)
    assert refused == "CDN_PREFIX_NOT_A_FOLDER"


@pytest.mark.parametrize("url", ["/a", "https://h", "https://h/a#b", "h/a", "https://h/a b"])
def test_sign_url_refuses_what_is_not_an_absolute_url(url):
    assert code(sign_url, url, OLD, LATER) == "CDN_URL_INVALID"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("k", "c2hvcnQ="),
        ("k", "!"),
        ("k", base64.urlsafe_b64encode(bytes(17)).decode()),
        ("a b", base64.urlsafe_b64encode(bytes(16)).decode()),
        ("", base64.urlsafe_b64encode(bytes(16)).decode()),
        ("k" * 64, base64.urlsafe_b64encode(bytes(16)).decode()),
    ],
)
def test_key_is_16_bytes_under_a_valid_name(name, text):
    assert code(SigningKey.parse, name, text) == "CDN_KEY_INVALID"


def test_key_does_not_print_its_secret():
    assert "secret" not in repr(OLD)


def test_both_live_keys_verify_by_name():
    for key in (OLD, NEW):
        url = f"{FOLDER}a.mp4?{sign_prefix(FOLDER, key, LATER)}"
        assert verify(url, None, KEYS, NOW).key_name == key.name  # type: ignore[union-attr]


def test_deleted_key_no_longer_verifies():
    url = f"{FOLDER}a.mp4?{sign_prefix(FOLDER, OLD, LATER)}"
    assert code(verify, url, None, key_ring(NEW), NOW) == "CDN_KEY_UNKNOWN"


def test_foreign_secret_under_a_known_name_is_refused():
    foreign = SigningKey("old", b"x" * 16)
    assert code(verify, sign_url(FOLDER, foreign, LATER), None, KEYS, NOW) == (
        "CDN_SIGNATURE_MISMATCH"
    )


@pytest.mark.parametrize("at", [LATER, LATER + 1])
def test_expires_must_be_in_the_future(at):
    url = FOLDER + "a"
    cookie = sign_cookie(FOLDER, OLD, LATER)
    expired = "CDN_SIGNATURE_EXPIRED"
    assert code(verify, sign_url(url, OLD, LATER), None, KEYS, at) == expired
    assert code(verify, f"{url}?{sign_prefix(FOLDER, OLD, LATER)}", None, KEYS, at) == expired
    assert code(verify, url, cookie, KEYS, at) == expired


def test_prefix_does_not_open_a_sibling():
    query = sign_prefix(FOLDER, OLD, LATER)
    high = FOLDER.replace("/base/", "/high/")
    assert code(verify, f"{high}a?{query}", None, KEYS, NOW) == "CDN_PREFIX_MISMATCH"
    assert code(verify, high, sign_cookie(FOLDER, OLD, LATER), KEYS, NOW) == "CDN_PREFIX_MISMATCH"


def test_unsigned_request_is_not_judged():
    assert verify(FOLDER + "a?x=1", None, KEYS, NOW) is None


def test_query_signature_goes_before_the_cookie():
    url = sign_url(FOLDER + "a", OLD, LATER)
    assert verify(url, "nonsense", KEYS, NOW).form == "url"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "tail",
    [
        "Signature=",
        "Expires=1&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "KeyName=old&Expires=9999999999&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Expires=-1&KeyName=old&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Expires=9999999999&KeyName=old&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=&more=1",
        "URLPrefix=&Expires=9999999999&KeyName=old&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ],
)
def test_malformed_signature_is_refused(tail):
    assert code(verify, f"{FOLDER}a?{tail}", None, KEYS, NOW) == "CDN_SIGNATURE_MALFORMED"


def test_parameters_added_after_signing_are_refused():
    url = sign_url(FOLDER + "a", OLD, LATER).replace("?", "?x=1&")
    assert code(verify, url, None, KEYS, NOW) == "CDN_SIGNATURE_MISMATCH"


def test_spare_bits_of_the_last_digit_do_not_make_a_second_signature():
    signed = sign_url(FOLDER, OLD, LATER)
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = signed[:-2] + digits[digits.index(signed[-2]) ^ 1] + "="
    raw = [base64.urlsafe_b64decode(u.partition("Signature=")[2]) for u in (signed, twin)]
    assert raw[0] == raw[1]
    assert code(verify, twin, None, KEYS, NOW) == "CDN_SIGNATURE_MISMATCH"


paths = st.text("abcXYZ019/_-.%~", max_size=40)
secrets = st.binary(min_size=16, max_size=16)


@given(path=paths, query=st.text("ab=1", max_size=8), secret=secrets, ttl=st.integers(1, 10**9))
def test_what_is_signed_verifies_and_gives_back_the_url(path, query, secret, ttl):
    key = SigningKey("k", secret)
    url = f"https://h.example/{path}" + (f"?{query}" if query else "")
    signed = verify(sign_url(url, key, NOW + ttl), None, key_ring(key), NOW)
    assert signed is not None
    assert (signed.url, signed.expires_at) == (url, NOW + ttl)


@given(path=paths, secret=secrets)
def test_prefix_and_cookie_open_exactly_the_folder(path, secret):
    key = SigningKey("k", secret)
    query, cookie = sign_prefix(FOLDER, key, LATER), sign_cookie(FOLDER, key, LATER)
    for url in (FOLDER + path, "https://segue.example/" + path):
        for check in ((f"{url}?{query}", None), (url, cookie)):
            if url.startswith(FOLDER):
                assert verify(*check, key_ring(key), NOW) is not None
            else:
                assert code(verify, *check, key_ring(key), NOW) == "CDN_PREFIX_MISMATCH"


@given(st.data())
def test_one_changed_character_anywhere_is_refused(data):
    form = data.draw(st.sampled_from(["url", "prefix", "cookie"]))
    bare = FOLDER + "aac-96.mp4"
    text = {
        "url": sign_url(bare, OLD, LATER),
        "prefix": sign_prefix(FOLDER, OLD, LATER),
        "cookie": sign_cookie(FOLDER, OLD, LATER),
    }[form]
    at = data.draw(st.integers(0, len(text) - 1))
    changed = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    if changed == text[at]:
        return
    text = text[:at] + changed + text[at + 1 :]
    check = {
        "url": (text, None),
        "prefix": (f"{bare}?{text}", None),
        "cookie": (bare, text),
    }[form]
    try:
        assert verify(*check, KEYS, NOW) is None, "a changed signature was accepted"
    except Forbidden:
        pass
    else:
        # The one change that is no forgery: no parameter is named Signature any more.
        assert not {"&Signature=", "?Signature="} & {text[i : i + 11] for i in range(len(text))}
