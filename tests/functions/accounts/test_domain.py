"""Clients, scopes and claims."""

from datetime import UTC, datetime

import pytest

from functions.accounts.domain import (
    SCOPES,
    TOKEN_LIFETIME_S,
    Client,
    access_claims,
    granted_scopes,
    may_delegate,
    may_share,
    new_client,
    proves,
)
from functions.accounts.limiter import MAX_KEYS, Limiter
from shared.errors import Forbidden, Invalid

AT = datetime(2026, 3, 1, tzinfo=UTC)


def client(**changes: object) -> Client:
    values: dict = {
        "name": "App",
        "scopes": ["streaming", "uploads:write"],
        "plan": "free",
        "territory": "SE",
        "at": AT,
    }
    return new_client("id", "secret", **{**values, **changes})


def test_only_the_secrets_hash_is_kept():
    made = client()
    assert "secret" not in (made.secret_sha256, *made.scopes, made.name)
    assert proves(made, "secret")
    for wrong in ("", "Secret", "secret ", "\ud800", made.secret_sha256):
        assert not proves(made, wrong)
    assert not proves(None, "secret")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["everything"]}, "INVALID_SCOPE"),
        ({"plan": "gold"}, "INVALID_PLAN"),
        ({"territory": "se"}, "INVALID_TERRITORY"),
        ({"territory": "S\n"}, "INVALID_TERRITORY"),
    ],
)
def test_wrong_clients_have_named_errors(changes: dict, code: str):
    with pytest.raises(Invalid) as caught:
        client(**changes)
    assert caught.value.code == code


def test_scopes_asked_for_narrow_and_never_widen():
    assert granted_scopes(client(), None) == ("streaming", "uploads:write")
    assert granted_scopes(client(), "streaming streaming") == ("streaming",)
    assert granted_scopes(client(), "") == ("streaming", "uploads:write")
    with pytest.raises(Invalid) as caught:
        granted_scopes(client(), "streaming rights:write")
    assert caught.value.code == "invalid_scope"


def test_nobody_delegates_what_they_do_not_hold():
    may_delegate(SCOPES, ["streaming"])
    with pytest.raises(Forbidden):
        may_delegate(frozenset({"accounts:write"}), ["streaming"])


def test_a_client_owns_what_its_maker_may_share_and_its_token_says_so():
    mine = client(owns=["label:Blå Skivor", "artist:" + "a" * 22])
    claims = access_claims(mine, (), issuer="i", token_id="t", at=AT)
    assert claims["owns"] == ["artist:" + "a" * 22, "label:Blå Skivor"]
    assert "owns" not in access_claims(client(), (), issuer="i", token_id="t", at=AT)
    may_share(frozenset({"*"}), mine.owns)
    may_share(frozenset(mine.owns), ["label:Blå Skivor"])
    with pytest.raises(Forbidden):
        may_share(frozenset({"label:Other"}), mine.owns)


@pytest.mark.parametrize(
    "wrong", ["", "label:", "label:a\nb", "track:x", "**", "label:" + "x" * 101]
)
def test_what_cannot_be_owned_is_refused(wrong: str):
    with pytest.raises(Invalid) as caught:
        client(owns=[wrong])
    assert caught.value.code == "INVALID_OWNERSHIP"


def test_claims_say_who_and_for_how_long():
    claims = access_claims(client(), ("streaming",), issuer="https://h", token_id="t", at=AT)
    assert claims["exp"] - claims["iat"] == TOKEN_LIFETIME_S
    assert (claims["sub"], claims["aud"], claims["scope"]) == ("id", "segue", "streaming")


def test_a_bucket_empties_and_refills():
    limiter = Limiter(burst=2, per_s=1)
    assert [limiter.take("a", 0) for _ in range(3)] == [True, True, False]
    assert limiter.take("b", 0)
    assert limiter.is_empty("a", 0.5)
    assert limiter.take("a", 1.5)


def test_buckets_are_bounded_in_number():
    limiter = Limiter(burst=1, per_s=1)
    for number in range(MAX_KEYS + 5):
        limiter.take(str(number), 0)
    assert len(limiter._levels) == MAX_KEYS
