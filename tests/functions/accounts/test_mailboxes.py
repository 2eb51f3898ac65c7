"""Forgotten passwords, addresses to confirm and to change, as their owners and as others try."""

import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from functions.accounts.mail import NotNow, RelayDown, Undeliverable
from functions.accounts.outbox import PATIENCE, Errand, taken
from shared.errors import Unavailable
from shared.events import MailQueued
from tests.functions.accounts.service import (
    EMAIL,
    PASSWORD,
    Person,
    Service,
    operator,
    register,
    signed_in_tokens,
)
from tests.web import NOW, Clock

NEW = "a wholly other phrase"
ELSEWHERE = "ada@elsewhere.example"


async def forget(service: Service, person: Person, email: str = EMAIL):
    """Ask for a link, and have the mail delivered."""
    answer = await person.submit("/account/forgot", email=email)
    await service.deliver(person.client)
    return answer


async def follow(person: Person, link: str, **fields: str):
    """Open a mail's link, and press the button on its page."""
    page = await person.client.get(link)
    if page.status_code != 200:
        return page
    return await person.submit(urlsplit(link).path, page=page, **fields)


async def can_sign_in(service: Service, email: str, password: str = PASSWORD) -> bool:
    async with service.browser() as someone:
        return (await someone.sign_in(email, password)).status_code == 303


def outbox(service: Service) -> list[Errand]:
    documents = service.collections["outbox"]._documents
    return [Errand(**it[1] | {"whose": tuple(it[1]["whose"])}) for it in documents.values()]


async def task(service: Service, person: Person) -> int:
    answer = await person.client.post("/_tasks/send-mail", headers=service.pushes.bearer())
    return answer.status_code


async def test_a_forgotten_password_is_set_anew_and_everybody_is_signed_out():
    service = Service()
    async with service.browser() as ada, service.browser() as stranger:
        await ada.sign_up()
        application = await register(ada.client)
        tokens = await signed_in_tokens(ada, application)
        sent = await forget(service, stranger)
        assert sent.status_code == 200
        done = await follow(stranger, service.letters.link(), password=NEW)
        assert done.status_code == 200
        assert "signed in" in done.text
        assert (await ada.client.get("/account")).headers["location"] == "/login?next=/account"
        refused = await ada.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **application.credentials,
        )
        assert refused.json()["error"] == "invalid_grant"
        # Nobody was signed in by the link; the new password does it, the old one does not.
        assert (await stranger.client.get("/account")).status_code == 303
        assert (await stranger.sign_in(password=PASSWORD)).status_code == 403
        assert (await stranger.sign_in(password=NEW)).status_code == 303
        await service.deliver(ada.client)
        assert service.letters.to(EMAIL)[-1] == "Your password was changed"


async def test_app_passwords_and_a_waiting_address_end_with_the_old_password():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await ada.submit("/account", action="/account/app-passwords", app="player")
        fields = {"email": ELSEWHERE, "email_password": PASSWORD}
        await ada.submit("/account", action="/account/email", **fields)
        await service.deliver(ada.client)
        waiting = service.letters.link(ELSEWHERE)
        await forget(service, ada)
        await follow(ada, service.letters.link(), password=NEW)
        assert (await follow(ada, waiting)).status_code == 410
        await ada.sign_in(password=NEW)
        page = (await ada.client.get("/account")).text
        assert ELSEWHERE not in page
        assert "/account/app-passwords/remove" not in page


async def test_links_serve_once_and_not_for_long():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as ada:
        await ada.sign_up()
        clock.forward(seconds=1)
        await forget(service, ada)
        first = service.letters.link()
        clock.forward(seconds=1)
        await forget(service, ada)
        second = service.letters.link()
        assert first != second
        clock.forward(seconds=1)
        assert (await follow(ada, second, password=NEW)).status_code == 200
        for spent in (first, second):  # the other one died with the sessions
            assert (await ada.client.get(spent)).status_code == 410
        clock.forward(seconds=1)
        await forget(service, ada)
        clock.forward(minutes=61)
        assert (await follow(ada, service.letters.link(), password=NEW)).status_code == 410


async def test_a_weak_password_leaves_the_link_good():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await forget(service, ada)
        link = service.letters.link()
        weak = await follow(ada, link, password="password")
        assert weak.status_code == 400
        assert "easy to guess" in weak.text
        assert (await follow(ada, link, password=NEW)).status_code == 200


async def test_looking_at_a_link_uses_nothing_up():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await forget(service, ada)
        link = service.letters.link()
        for _ in range(3):
            assert (await ada.client.get(link)).status_code == 200
            assert (await ada.client.head(link)).status_code in (200, 405)
        assert (await follow(ada, link, password=NEW)).status_code == 200


async def test_an_unknown_address_gets_the_same_answer_and_the_same_work():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await service.deliver(ada.client)
        users = service.collections["users"]
        claims = service.collections["emails"]
        answers, queued = [], []
        for email in (EMAIL, "eve@example.com"):
            async with service.browser() as asking:
                before = users.reads, claims.reads
                answer = await asking.submit("/account/forgot", email=email)
                # Whether someone has the address is not even looked up yet.
                assert (users.reads, claims.reads) == before
                text = re.sub(r'value="[0-9a-f]{64}"', "", answer.text)
                answers.append((answer.status_code, text.replace(email, "")))
                mails = [it for it in service.published.events if isinstance(it, MailQueued)]
                queued.append([it.kind for it in mails])
                service.letters.taken.clear()
                await service.deliver(asking.client)
                assert bool(service.letters.taken) == (email == EMAIL)
        assert answers[0] == answers[1]
        assert queued == [["reset"], ["reset"]]
        assert outbox(service) == []


async def test_no_secret_of_a_link_is_kept():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await forget(service, ada)
        token = dict(parse_qsl(urlsplit(service.letters.link()).query))["token"]
        assert len(token) >= 43
        assert token not in repr([it._documents for it in service.collections.values()])


@pytest.mark.parametrize("token", ["", "x", "x" * 8000, "%00", "ä", "../../users"])
@pytest.mark.parametrize("path", ["/account/reset", "/account/confirm"])
async def test_what_is_no_link_is_refused(path: str, token: str):
    service = Service()
    async with service.browser() as eve:
        assert (await eve.client.get(path, params={"token": token})).status_code == 410
        assert (await eve.client.get(path)).status_code == 410


async def test_a_link_for_one_purpose_serves_no_other():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await service.deliver(ada.client)
        confirming = service.letters.link()
        crossed = confirming.replace("/confirm", "/reset")
        assert (await ada.client.get(crossed)).status_code == 410


async def test_forms_of_other_sites_are_refused():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await forget(service, ada)
        link = service.letters.link()
        page = await ada.client.get(link)
        foreign = {"origin": "https://evil.example"}
        answer = await ada.submit("/account/reset", page=page, headers=foreign, password=NEW)
        assert answer.status_code == 403
        for path in ("/account/forgot", "/account/reset", "/account/confirm", "/account/email"):
            assert (await ada.client.post(path, data={"email": EMAIL})).status_code == 403


async def test_mails_to_one_mailbox_and_from_one_address_are_limited():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as eve:

        async def ask(email: str, address: str) -> int:
            clock.forward(seconds=5)
            headers = {"x-forwarded-for": f"{address}, 10.0.0.1"}
            return (await eve.submit("/account/forgot", headers=headers, email=email)).status_code

        assert [await ask(EMAIL, f"192.0.2.{n}") for n in range(6)] == [200] * 5 + [429]
        others = [await ask(f"someone{n}@example.com", "198.51.100.7") for n in range(21)]
        assert others == [200] * 20 + [429]
        clock.forward(hours=1)
        assert await ask(EMAIL, "198.51.100.7") == 200


async def test_a_new_account_is_asked_to_confirm_and_may_ask_again():
    service = Service()
    async with service.browser() as ada:
        assert (await ada.sign_up()).status_code == 303
        page = (await ada.client.get("/account")).text
        assert "not confirmed" in page
        again = await ada.submit("/account", action="/account/email/again")
        assert "on its way" in again.text
        await service.deliver(ada.client)
        assert service.letters.to(EMAIL) == ["Confirm your email address"] * 2
        done = await follow(ada, service.letters.link())
        assert done.status_code == 200
        page = (await ada.client.get("/account")).text
        assert "not confirmed" not in page
        assert "/account/email/again" not in page


async def test_an_unconfirmed_user_may_listen():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        tokens = await signed_in_tokens(ada, await register(ada.client), "streaming")
        assert tokens["scope"] == "streaming"


async def test_an_address_changes_when_its_owner_confirms_and_the_old_one_is_told():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await service.deliver(ada.client)
        await follow(ada, service.letters.link())
        fields = {"email": ELSEWHERE, "email_password": PASSWORD}
        asked = await ada.submit("/account", action="/account/email", **fields)
        assert ELSEWHERE in asked.text
        assert not await can_sign_in(service, ELSEWHERE)
        await service.deliver(ada.client)
        assert (await follow(ada, service.letters.link(ELSEWHERE))).status_code == 200
        await service.deliver(ada.client)
        assert service.letters.to(EMAIL)[-1] == "Your account has another email address now"
        assert await can_sign_in(service, ELSEWHERE)
        assert not await can_sign_in(service, EMAIL)
        async with service.browser() as other:  # the old address is free again
            assert (await other.sign_up(EMAIL)).status_code == 303


async def test_changing_the_address_needs_the_password():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        fields = {"email": ELSEWHERE, "email_password": "wrong password"}
        refused = await ada.submit("/account", action="/account/email", **fields)
        assert refused.status_code == 400
        await service.deliver(ada.client)
        assert service.letters.to(ELSEWHERE) == []


async def test_a_change_can_be_taken_back():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        fields = {"email": ELSEWHERE, "email_password": PASSWORD}
        await ada.submit("/account", action="/account/email", **fields)
        await service.deliver(ada.client)
        await ada.submit("/account", action="/account/email/keep")
        assert (await follow(ada, service.letters.link(ELSEWHERE))).status_code == 410
        assert await can_sign_in(service, EMAIL)


async def test_moving_to_anothers_address_tells_only_that_address():
    service = Service()
    async with service.browser() as bob, service.browser() as eve:
        await bob.sign_up("bob@example.com")
        await eve.sign_up("eve@example.com")
        texts = []
        for wanted in ("bob@example.com", "nobody@example.com"):
            fields = {"email": wanted, "email_password": PASSWORD}
            asked = await eve.submit("/account", action="/account/email", **fields)
            assert asked.status_code == 200
            text = re.sub(r'value="[0-9a-f]{64}"', "", asked.text)
            texts.append(text.replace(wanted, ""))
        assert texts[0] == texts[1]
        await eve.submit("/account", action="/account/email",
                         email="bob@example.com", email_password=PASSWORD)  # fmt: skip
        await service.deliver(eve.client)
        taken_over = await follow(eve, service.letters.link("bob@example.com"))
        assert taken_over.status_code == 409
        assert await can_sign_in(service, "bob@example.com")


async def test_sign_up_goes_on_while_the_relay_is_down_and_the_mail_comes_later():
    clock = Clock()
    service = Service(clock)
    service.letters.broken = RelayDown("no route")
    async with service.browser() as ada:
        assert (await ada.sign_up()).status_code == 303
        await service.deliver(ada.client)  # acknowledged: the outbox has it
        assert [it.kind for it in outbox(service)] == ["confirm"]
        clock.forward(minutes=3)
        assert await task(service, ada) == 204
        service.letters.broken = None
        clock.forward(minutes=6)
        await task(service, ada)
        assert service.letters.to(EMAIL) == ["Confirm your email address"]
        assert outbox(service) == []


async def test_a_lost_event_is_made_up_for_by_the_task():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as ada:
        service.published.broken = Unavailable("no Pub/Sub")
        assert (await ada.sign_up()).status_code == 303
        assert service.published.events == []
        clock.forward(minutes=1)
        await task(service, ada)
        assert service.letters.to(EMAIL) == ["Confirm your email address"]


async def test_an_event_that_comes_twice_sends_one_mail():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        event = next(it for it in service.published.events if isinstance(it, MailQueued))
        for _ in range(2):
            assert (await service.pushes.push(ada.client, event)).status_code == 204
        assert len(service.letters.taken) == 1


async def test_a_letter_refused_for_good_is_dropped_and_one_refused_for_now_is_not():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as ada:
        service.letters.broken = NotNow("greylisted")
        await ada.sign_up()
        await service.deliver(ada.client)
        assert len(outbox(service)) == 1
        service.letters.broken = Undeliverable("no such mailbox")
        clock.forward(minutes=3)
        await task(service, ada)
        assert outbox(service) == []


async def test_what_waited_too_long_is_forgotten():
    clock = Clock()
    service = Service(clock)
    service.letters.broken = RelayDown("no route")
    async with service.browser() as ada:
        await ada.sign_up()
        clock.at += PATIENCE + timedelta(minutes=1)
        service.letters.broken = None
        await task(service, ada)
        assert (service.letters.taken, outbox(service)) == ([], [])


def test_waits_grow_to_an_hour():
    errand = Errand("m", "reset", EMAIL, (), NOW, NOW, NOW + PATIENCE)
    waits = []
    for _ in range(40):
        errand = taken(errand, errand.due_at)
        waits.append(errand.due_at)
    steps = [(b - a).total_seconds() for a, b in zip([NOW, *waits], waits, strict=False)]
    assert steps[:6] == [120, 240, 480, 960, 1920, 3600]
    assert set(steps[6:]) == {3600}


async def test_a_deleted_account_is_written_to_no_more():
    service = Service()
    async with service.browser() as ada:
        await ada.sign_up()
        await forget(service, ada)
        link = service.letters.link()
        await ada.submit("/account", action="/account/email/again")
        service.letters.taken.clear()
        await ada.submit("/account", action="/account/delete", password=PASSWORD)
        await service.deliver(ada.client)
        assert service.letters.taken == []
        assert (await ada.client.get(link)).status_code == 410


async def test_where_no_mail_is_sent_nothing_is_promised():
    service = Service()
    service.letters.is_on = False
    async with service.browser() as ada:
        await ada.sign_up()
        page = (await ada.client.get("/account")).text
        assert "sends no email" in page
        assert "not confirmed" not in page
        assert (await ada.client.get("/account/forgot")).status_code == 404
        assert "outbox" not in service.collections or outbox(service) == []


async def test_users_that_an_operator_makes_are_not_written_to():
    service = Service()
    async with service.browser() as person:
        made = await person.client.post(
            "/v1/users",
            json={
                "email": EMAIL, "display_name": "Ada", "password": PASSWORD, "territory": "SE",
            },
            headers=await operator(person.client),
        )  # fmt: skip
        assert made.status_code == 201
        await service.deliver(person.client)
        assert service.letters.taken == []


async def test_a_device_allowed_before_the_password_was_reset_gets_nothing():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as thief, service.browser() as ada:
        await ada.sign_up()
        await thief.sign_in()
        television = await register(thief.client, public=True, name="TV", redirect_uris=[])
        started = (
            await thief.client.post(
                "/oauth/device_authorization",
                data={"client_id": television.client_id, "scope": "streaming"},
            )
        ).json()
        confirm = await thief.submit("/device", user_code=started["user_code"])
        await thief.submit("/device", page=confirm, decision="allow")
        clock.forward(seconds=10)
        await forget(service, ada)
        clock.forward(seconds=1)
        assert (await follow(ada, service.letters.link(), password=NEW)).status_code == 200
        answer = await thief.token(
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
            device_code=started["device_code"],
            client_id=television.client_id,
        )
        assert answer.status_code == 400
        assert "access_token" not in answer.json()
