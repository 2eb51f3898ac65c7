"""ID tokens as Google's: only ours, only for their audience, only in their time."""

from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from emulators.oidc import ISSUER, LIFETIME_S, Issuer


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer.load(tmp_path_factory.mktemp("data"))


def test_token_carries_what_googles_do(issuer: Issuer) -> None:
    token = issuer.token("a@x.iam.gserviceaccount.com", "segue-catalog", now=1000)
    keys = KeySet.import_key_set(issuer.certs())  # type: ignore[arg-type]
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    assert decoded.header["kid"] == issuer.key.kid
    assert decoded.claims == {
        "iss": ISSUER,
        "aud": "segue-catalog",
        "sub": "a@x.iam.gserviceaccount.com",
        "azp": "a@x.iam.gserviceaccount.com",
        "email": "a@x.iam.gserviceaccount.com",
        "email_verified": True,
        "iat": 1000,
        "exp": 1000 + LIFETIME_S,
    }


def test_certs_hold_no_private_part(issuer: Issuer) -> None:
    (key,) = issuer.certs()["keys"]
    assert key["kty"] == "RSA"
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


def test_key_stays_the_same_and_is_private_to_its_owner(tmp_path: Path) -> None:
    first = Issuer.load(tmp_path)
    assert Issuer.load(tmp_path).key.kid == first.key.kid
    assert (tmp_path / "keys" / "oidc.json").stat().st_mode & 0o077 == 0
    assert Issuer.load(tmp_path).email_of(first.token("a@x", "b"), "b") == "a@x"


def test_token_is_refused_for_another_audience_expired_tampered_or_foreign(
    issuer: Issuer, tmp_path: Path
) -> None:
    good = issuer.token("a@x", "b")
    assert issuer.email_of(good, "b") == "a@x"
    head, body, signature = good.split(".")
    bad = {
        "audience": (good, "c"),
        "expired": (issuer.token("a@x", "b", now=1), "b"),
        "tampered": (f"{head}.{body[:-2]}AA.{signature}", "b"),
        "unsigned": (f"{head}.{body}.", "b"),
        "foreign": (Issuer.load(tmp_path).token("a@x", "b"), "b"),
        "nonsense": ("x", "b"),
    }
    for token, audience in bad.values():
        with pytest.raises(ValueError, match="refused"):
            issuer.email_of(token, audience)
