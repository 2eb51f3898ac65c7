"""Users, plans over time, and what remains of a deleted account."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.accounts import users
from functions.accounts.countries import COUNTRIES
from functions.accounts.passwords import check_strength
from functions.accounts.redirects import check_redirect_uri
from functions.accounts.users import (
    Device,
    User,
    add_device,
    change_plan,
    parse_email,
    parse_name,
    plan_at,
    remove,
    sign_up,
    turn_plan,
)
from shared.errors import Conflict, Invalid

AT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def ada() -> User:
    return sign_up("u" * 22, "ada@example.com", "Ada", "$argon2id$", "SE", AT)


def test_a_plan_is_in_force_from_its_start_until_just_before_its_end():
    user = change_plan(ada(), "premium", AT + DAY, "evt_1", until=AT + 3 * DAY)
    tick = timedelta(microseconds=1)
    assert plan_at(user, AT + DAY - tick) == "free"
    assert plan_at(user, AT + DAY) == "premium"
    assert plan_at(user, AT + 3 * DAY - tick) == "premium"
    assert plan_at(user, AT + 3 * DAY) == "free"
    assert plan_at(user, AT - DAY) == "free"


def test_history_is_kept_and_the_same_cause_changes_nothing():
    user = change_plan(ada(), "student", AT + DAY, "evt_1")
    user = change_plan(user, "family", AT + 2 * DAY, "evt_2")
    assert [(it.plan, it.starts_at, it.ends_at) for it in user.plans] == [
        ("free", AT, AT + DAY),
        ("student", AT + DAY, AT + 2 * DAY),
        ("family", AT + 2 * DAY, None),
    ]
    assert change_plan(user, "free", AT + 9 * DAY, "evt_2") is user


@given(
    st.lists(
        st.tuples(
            st.sampled_from(users.PLANS),
            st.integers(-5, 50),
            st.none() | st.integers(1, 20),
        ),
        max_size=12,
    )
)
def test_periods_never_overlap_and_the_last_change_wins(changes: list):
    user = ada()
    for number, (plan, starts, days) in enumerate(changes):
        at = AT + starts * DAY
        until = None if days is None else at + days * DAY
        user = change_plan(user, plan, at, f"evt_{number}", until=until)
        assert plan_at(user, at) == plan
    for before, after in zip(user.plans, user.plans[1:], strict=False):
        assert before.ends_at is not None
        assert before.starts_at < before.ends_at <= after.starts_at


def test_a_plan_that_ends_by_itself_is_a_change_to_tell():
    user = change_plan(ada(), "premium", AT, "evt_1", until=AT + DAY)
    assert turn_plan(user, AT + DAY / 2) is user
    turned = turn_plan(user, AT + DAY)
    assert turned.revision == user.revision + 1
    assert users.changed(turned, AT + DAY).plan == "free"
    assert turned.plan_turns_at is None


def test_wrong_plans_have_names():
    with pytest.raises(Invalid) as caught:
        change_plan(ada(), "gold", AT, "x")
    assert caught.value.code == "INVALID_PLAN"
    with pytest.raises(Invalid) as caught:
        change_plan(ada(), "premium", AT, "x", until=AT)
    assert caught.value.code == "INVALID_WINDOW"


def test_a_deleted_account_keeps_nothing_personal():
    gone = remove(ada(), AT + DAY)
    text = repr(gone)
    for personal in ("ada@example.com", "Ada", "argon2", "SE"):
        assert personal not in text
    event = users.changed(gone, AT + DAY)
    assert event.removed
    assert event.revision == 2


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@example.com", "ada@", "ada@example", "a b@example.com", "a@b@c.de",
     "a\x00@example.com", "a@example.com\nx", "\ud800@example.com", "x" * 250 + "@a.de", "a@.de"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(Invalid) as caught:
        parse_email(text)
    assert caught.value.code == "INVALID_EMAIL"


def test_addresses_compare_without_case_and_names_are_tidied():
    assert parse_email(" Ada@Example.COM ") == "ada@example.com"
    assert parse_name("  Ada \n Lovelace ") == "Ada Lovelace"
    for wrong in ("", "   ", "x" * 61, "a\x07b", "\ud800"):
        with pytest.raises(Invalid):
            parse_name(wrong)


@pytest.mark.parametrize(
    "password", ["", "short", "password", "PASSWORD", "aaaaaaaaaaaa", "ada@example.com", "x" * 600]
)
def test_guessable_passwords_are_refused(password: str):
    with pytest.raises(Invalid) as caught:
        check_strength(password, "ada@example.com")
    assert caught.value.code == "WEAK_PASSWORD"


def test_devices_are_bounded():
    user = ada()
    for number in range(users.MAX_DEVICES):
        user = add_device(user, Device(str(number), "Speaker", "speaker", AT))
    with pytest.raises(Conflict):
        add_device(user, Device("more", "Speaker", "speaker", AT))
    assert add_device(user, Device("1", "Renamed", "tv", AT)).devices[-1].name == "Renamed"
    with pytest.raises(Invalid):
        add_device(ada(), Device("x", "x", "toaster", AT))


@pytest.mark.parametrize(
    "uri",
    ["https://a.example/cb", "https://a.example:8443/cb?x=1", "http://127.0.0.1:8888/callback",
     "http://localhost/cb", "http://[::1]:9/cb", "com.example.app:/cb", "com.example.app://cb"],
)  # fmt: skip
def test_redirect_uris_of_real_applications_may_be_registered(uri: str):
    assert check_redirect_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    ["", "/cb", "https://", "https:///cb", "http://a.example/cb", "javascript:alert(1)",
     "data:text/html,x", "file:///etc/passwd", "https://a.example/#x", "https://*.example/cb",
     "https://u@a.example/cb", "https://a.example/c b", "https://a.example/\x00",
     "https://a.example\\@b.example/", "https://a.example:x/", "https://[::1", "ftp://a.example/",
     "app:/cb", "https://é.example/", "https://a.example/" + "x" * 500],
)  # fmt: skip
def test_unsafe_redirect_uris_may_not(uri: str):
    with pytest.raises(Invalid) as caught:
        check_redirect_uri(uri)
    assert caught.value.code == "INVALID_REDIRECT_URI"


def test_countries_are_codes_with_names():
    assert len(COUNTRIES) == 242
    assert all(len(code) == 2 and code.isupper() and name for code, name in COUNTRIES.items())
