"""For how long a response may be kept, and what the client is told, by cache mode."""

import pytest

from emulators.runtime.edge.cdn_policy import DISABLED, CdnPolicy, client_cache_control, lifetime_s

STATIC = CdnPolicy.read({"defaultTtl": 100.0, "maxTtl": 1000.0, "clientTtl": 50.0})
ORIGIN = CdnPolicy.read({"cacheMode": "USE_ORIGIN_HEADERS"})
FORCED = CdnPolicy.read({"cacheMode": "FORCE_CACHE_ALL", "defaultTtl": 100, "clientTtl": 50})
NEGATIVE = CdnPolicy.read({"negativeCaching": True})
OWN_NEGATIVE = CdnPolicy.read(
    {
        "negativeCaching": True,
        "negativeCachingPolicies": [{"code": 404, "ttl": 7}, {"code": 403, "ttl": 9}],
    }
)


def headers(control: str | None = None, content_type: str = "audio/mp4", **more: str):
    found = {"content-type": content_type, **more}
    return {**found, "cache-control": control} if control is not None else found


@pytest.mark.parametrize(
    ("policy", "told", "expected"),
    [
        (STATIC, headers(), 100),
        (STATIC, headers("public, max-age=500"), 500),
        (STATIC, headers("public, max-age=31536000, immutable"), 1000),
        (STATIC, headers("max-age=5, s-maxage=60"), 60),
        (STATIC, headers("no-store"), None),
        (STATIC, headers("private, max-age=9"), None),
        (STATIC, headers("no-cache"), 0),
        (STATIC, headers(content_type="text/html"), None),
        (STATIC, headers("max-age=9", content_type="text/html"), 9),
        (STATIC, headers(vary="Cookie"), None),
        (STATIC, headers(vary="Origin, Accept-Encoding"), 100),
        (ORIGIN, headers(), None),
        (ORIGIN, headers("max-age=31536000"), 31536000),
        (FORCED, headers("private, no-store", content_type="text/html"), 100),
        (DISABLED, headers("max-age=9"), None),
    ],
)
def test_lifetime_of_an_unsigned_success(policy, told, expected):
    assert lifetime_s(policy, 200, told, signed=False) == expected


def test_signed_answers_are_kept_whatever_they_say():
    policy = CdnPolicy.read({"signedUrlCacheMaxAgeSec": 77})
    assert lifetime_s(policy, 206, headers("private, no-store"), signed=True) == 77
    assert lifetime_s(CdnPolicy.read({}), 200, headers("no-store"), signed=True) == 3600
    assert lifetime_s(FORCED, 200, headers(), signed=True) == 100


@pytest.mark.parametrize("status", [400, 401, 403, 412, 416, 429, 500, 502, 503])
def test_other_errors_are_never_kept(status):
    for policy in (STATIC, FORCED, NEGATIVE, OWN_NEGATIVE):
        for signed in (True, False):
            assert lifetime_s(policy, status, headers("max-age=60"), signed=signed) is None


def test_negative_caching_by_its_policies():
    assert lifetime_s(STATIC, 404, headers(), signed=True) is None
    assert lifetime_s(NEGATIVE, 404, headers(), signed=True) == 120
    assert lifetime_s(NEGATIVE, 301, headers(), signed=False) == 600
    assert lifetime_s(OWN_NEGATIVE, 404, headers(), signed=False) == 7
    assert lifetime_s(OWN_NEGATIVE, 410, headers(), signed=False) is None


@pytest.mark.parametrize(
    ("policy", "own", "expected"),
    [
        (STATIC, None, "public, max-age=50"),
        (STATIC, "public, max-age=31536000, immutable", "public, max-age=50, immutable"),
        (STATIC, "max-age=5", "max-age=5"),
        (STATIC, "no-cache", "no-cache"),
        (STATIC, "public, max-age=soon", "public, max-age=soon"),
        (ORIGIN, "max-age=9", "max-age=9"),
        (ORIGIN, None, None),
        (FORCED, "private", "public, max-age=50"),
        (DISABLED, None, None),
    ],
)
def test_client_ttl_caps_what_the_client_is_told(policy, own, expected):
    assert client_cache_control(policy, own) == expected
