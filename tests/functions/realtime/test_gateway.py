"""The gateway on a real socket: who gets in, what they hear, and how hostile ones end."""

import asyncio
import json

import httpx
import pytest
import websockets

from tests.functions.realtime.rig import Rig, connected

CHANNEL = "playlist:p1"


async def test_subscriber_hears_what_is_published_in_order(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        answer = await client.subscribe(CHANNEL)
        assert answer == {
            "op": "sub", "ch": CHANNEL, "epoch": "e1", "tail": 0, "recovered": False,
            "pubs": [], "snapshot": {"tail": 0},
        }  # fmt: skip
        for n in range(3):
            await rig.publish(CHANNEL, {"n": n})
        heard = [await client.next("pub") for _ in range(3)]
        assert [it["seq"] for it in heard] == [1, 2, 3]
        assert heard[2] == {
            "op": "pub", "ch": CHANNEL, "epoch": "e1", "seq": 3, "payload": {"n": 2},
        }  # fmt: skip


async def test_since_gives_what_was_missed_and_what_follows(rig: Rig, port: int) -> None:
    for n in range(5):
        await rig.publish(CHANNEL, {"n": n})
    async with connected(port, rig.token()) as client:
        answer = await client.subscribe(CHANNEL, epoch="e1", since=2)
        assert answer["recovered"]
        assert [it["seq"] for it in answer["pubs"]] == [3, 4, 5]
        assert answer["snapshot"] is None
        await rig.publish(CHANNEL, {"n": 5})
        assert await client.numbers(1) == [6]


@pytest.mark.parametrize(("epoch", "since"), [("old", 2), ("e1", 99), ("e1", 1)])
async def test_recovery_that_cannot_be_whole_says_so(
    rig: Rig, port: int, epoch: str, since: int
) -> None:
    log = rig.owners.log(CHANNEL)
    log.first = 4  # what came before is gone
    log.payloads = [{}, {}]
    async with connected(port, rig.token()) as client:
        answer = await client.subscribe(CHANNEL, epoch=epoch, since=since)
        assert (answer["recovered"], answer["pubs"]) == (False, [])
        assert answer["snapshot"] == {"tail": 5}


async def test_gap_on_the_bus_is_filled_from_the_log_before_what_follows(
    rig: Rig, port: int
) -> None:
    async with connected(port, rig.token()) as client:
        await client.subscribe(CHANNEL)
        await rig.publish(CHANNEL, {"n": 1})
        await rig.publish(CHANNEL, {"n": 2}, lost=True)
        await rig.publish(CHANNEL, {"n": 3}, lost=True)
        await rig.publish(CHANNEL, {"n": 4})
        assert await client.numbers(4) == [1, 2, 3, 4]


async def test_lost_last_message_is_found_by_the_tail_check(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        await client.subscribe(CHANNEL)
        await rig.publish(CHANNEL, {"n": 1}, lost=True)
        assert await client.numbers(1, within_s=1.0) == [1]


async def test_repeated_and_disordered_events_are_heard_once_and_in_order(
    rig: Rig, port: int
) -> None:
    from tests.functions.realtime.rig import event

    async with connected(port, rig.token()) as client:
        await client.subscribe(CHANNEL)
        rig.owners.log(CHANNEL).payloads = [{"n": n} for n in range(1, 5)]
        for seq in (2, 1, 1, 4, 2, 3, 4):
            rig.bus.hubs[0].on_event(event(CHANNEL, "e1", seq, {"n": seq}))
        assert await client.numbers(4) == [1, 2, 3, 4]
        with pytest.raises(TimeoutError):
            await client.next("pub", within_s=0.5)


async def test_new_epoch_resets_with_the_state(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        await client.subscribe(CHANNEL)
        await rig.publish(CHANNEL, {})
        rig.owners.log(CHANNEL).epoch = "e2"
        await rig.publish(CHANNEL, {})
        frame = await client.next("reset")
        assert (frame["epoch"], frame["tail"], frame["snapshot"]) == ("e2", 2, {"tail": 2})
        await rig.publish(CHANNEL, {})
        assert await client.numbers(1) == [3]


async def test_event_that_is_in_no_log_is_never_delivered(rig: Rig, port: int) -> None:
    from tests.functions.realtime.rig import event

    async with connected(port, rig.token()) as client:
        await client.subscribe(CHANNEL)
        rig.bus.hubs[0].on_event(event(CHANNEL, "e1", 7, {"forged": True}))
        with pytest.raises(TimeoutError):
            await client.next("pub", "reset", within_s=0.6)
        await rig.publish(CHANNEL, {"n": 1})
        assert await client.numbers(1) == [1]


async def test_what_is_published_while_subscribing_is_neither_lost_nor_doubled(
    rig: Rig, port: int
) -> None:
    rig.owners.delay_s = 0.05

    async def busy() -> None:
        for n in range(40):
            await rig.publish(CHANNEL, {"n": n})
            await asyncio.sleep(0.005)

    publishing = asyncio.create_task(busy())
    await asyncio.sleep(0.02)

    async def one(delay: float) -> list[int]:
        await asyncio.sleep(delay)
        async with connected(port, rig.token()) as client:
            answer = await client.subscribe(CHANNEL, epoch="e1", since=0)
            found = [it["seq"] for it in answer["pubs"]]
            return found + await client.numbers(40 - len(found))

    heard = await asyncio.gather(*(one(n / 50) for n in range(8)))
    await publishing
    assert all(it == list(range(1, 41)) for it in heard)


async def test_revoked_listener_hears_nothing_after_the_revocation(rig: Rig, port: int) -> None:
    async with (
        connected(port, rig.token("alice")) as alice,
        connected(port, rig.token("bob")) as bob,
    ):
        await alice.subscribe(CHANNEL)
        await bob.subscribe(CHANNEL)
        await rig.publish(CHANNEL, {"n": 1})
        assert await bob.numbers(1) == [1]
        rig.owners.refused.add((CHANNEL, "bob"))
        await rig.publish(CHANNEL, {"secret": True}, recheck=True)
        await rig.publish(CHANNEL, {"secret": True})
        revoked = await bob.next()
        assert (revoked["op"], revoked["code"]) == ("revoked", "NOT_A_MEMBER")
        assert await alice.numbers(3) == [1, 2, 3]
        with pytest.raises(TimeoutError):
            await bob.next("pub", within_s=0.4)


async def test_others_see_that_who_was_sent_out_is_gone(rig: Rig, port: int) -> None:
    async with (
        connected(port, rig.token("bob")) as bob,
        connected(port, rig.token("alice")) as alice,
    ):
        for client in (bob, alice):
            await client.subscribe(CHANNEL, presence=True)
        while (await alice.next("presence"))["users"] != ["alice", "bob"]:
            pass
        rig.owners.refused.add((CHANNEL, "bob"))
        await rig.publish(CHANNEL, {}, recheck=True)
        assert (await bob.next("revoked"))["code"] == "NOT_A_MEMBER"
        while (await alice.next("presence"))["users"] != ["alice"]:
            pass


async def test_lost_revocation_is_noticed_by_the_tail_check(rig: Rig, port: int) -> None:
    async with connected(port, rig.token("bob")) as bob:
        await bob.subscribe(CHANNEL)
        rig.owners.refused.add((CHANNEL, "bob"))
        await rig.publish(CHANNEL, {"secret": True}, recheck=True, lost=True)
        frame = await bob.next("revoked", "pub", within_s=1.5)
        assert frame["op"] == "revoked"


async def test_refused_subscription_says_why_and_leaves_the_connection(rig: Rig, port: int) -> None:
    rig.owners.refused.add((CHANNEL, "alice"))
    async with connected(port, rig.token()) as client:
        for channel, code in (
            (CHANNEL, "NOT_A_MEMBER"),
            ("user:bob", "NOT_YOURS"),
            ("feed:bob", "NOT_YOURS"),
            ("planet:mars", "UNKNOWN_CHANNEL"),
            ("playlist:../../me", "UNKNOWN_CHANNEL"),
        ):
            answer = await client.subscribe(channel)
            assert (answer["op"], answer["code"]) == ("error", code)
        rig.owners.down = True
        assert (await client.subscribe("playlist:other"))["code"] == "UNAVAILABLE"
        rig.owners.down = False
        assert (await client.subscribe("playlist:other"))["op"] == "sub"


async def test_storm_of_returning_clients_is_filled_from_memory(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as first:
        await first.subscribe(CHANNEL)
        for n in range(30):
            await rig.publish(CHANNEL, {"n": n})
        await first.numbers(30)
        rig.owners.asked.clear()
        async with connected(port, rig.token("bob")) as second:
            answer = await second.subscribe(CHANNEL, epoch="e1", since=5)
            assert [it["seq"] for it in answer["pubs"]] == list(range(6, 31))
        assert (CHANNEL, "e1", 30) in rig.owners.asked
        assert (CHANNEL, "e1", 5) not in rig.owners.asked


async def test_feed_is_never_filled_from_memory(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as first:
        await first.subscribe("feed:alice")
        for n in range(3):
            await rig.publish("feed:alice", {"n": n})
        await first.numbers(3)
        rig.owners.log("feed:alice").payloads[1] = {"withheld": True}
        async with connected(port, rig.token()) as second:
            answer = await second.subscribe("feed:alice", epoch="e1", since=0)
            assert [it["payload"] for it in answer["pubs"]] == [
                {"n": 0}, {"withheld": True}, {"n": 2},
            ]  # fmt: skip


async def test_pong_shows_the_servers_clock(rig: Rig, port: int) -> None:
    async with connected(port, rig.token()) as client:
        await client.send("ping", id=4, t=12.5)
        pong = await client.next("pong")
        assert (pong["id"], pong["t"]) == (4, 12.5)
        assert abs(pong["s"] - __import__("time").time() * 1000) < 1000


async def test_first_frame_may_carry_the_token(rig: Rig, port: int) -> None:
    async with connected(port, None) as client:
        await client.send("auth", token=rig.token("carol"))
        assert (await client.next())["user_id"] == "carol"
        assert (await client.subscribe("user:carol"))["op"] == "sub"


async def test_query_may_carry_the_token(rig: Rig, port: int) -> None:
    url = f"ws://127.0.0.1:{port}/live?access_token={rig.token()}"
    async with websockets.connect(url, proxy=None) as socket:
        assert json.loads(await socket.recv())["op"] == "ready"


@pytest.mark.parametrize(
    ("change", "code"), [({"exp": 1}, "TOKEN_EXPIRED"), ({"aud": "x"}, "TOKEN_INVALID")]
)
async def test_bad_token_is_refused_at_the_handshake(
    rig: Rig, port: int, change: dict, code: str
) -> None:
    token = rig.token(**change)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connected(port, token):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["reason"] == code


async def test_token_that_expires_ends_the_connection_unless_it_is_renewed(
    rig: Rig, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    async with connected(port, rig.token(exp=int(time.time()) + 60)) as client:
        socket = next(iter(rig.gateways[0]._sockets))
        assert socket.connection is not None
        await client.send("auth", token=rig.token(exp=int(time.time()) + 600))
        await client.next("ready")
        socket.connection.expire(time.time() + 120)
        await client.send("ping")
        await client.next("pong")
        await client.send("auth", token=rig.token("mallory"))
        assert await client.closed() == (4401, "ANOTHER_USER")
    async with connected(port, rig.token(exp=int(time.time()) + 60)) as client:
        socket = next(iter(rig.gateways[0]._sockets))
        assert socket.connection is not None
        socket.connection.expire(time.time() + 61)
        assert await client.closed() == (4401, "TOKEN_EXPIRED")


async def test_presence_is_shared_by_gateways_and_forgotten(rig: Rig, port: int) -> None:
    other = await rig.add_gateway()
    async with connected(port, rig.token("alice")) as alice:
        await alice.subscribe(CHANNEL, presence=True)
        assert (await alice.next("presence"))["users"] == ["alice"]
        async with connected(other, rig.token("bob")) as bob:
            await bob.subscribe(CHANNEL, presence=True)
            users = []
            while users != ["alice", "bob"]:
                users = (await bob.next("presence"))["users"]
            assert (await alice.next("presence"))["users"] == ["alice", "bob"]
        assert (await alice.next("presence"))["users"] == ["alice"]


async def test_drained_gateway_sends_clients_elsewhere_and_takes_no_more(
    rig: Rig, port: int
) -> None:
    async with connected(port, rig.token()) as client:
        draining = asyncio.create_task(rig.gateways[0].drain(0.5))
        frame = await client.next("reconnect")
        assert 0 <= frame["after_ms"] <= 300
        with pytest.raises(websockets.InvalidStatus):
            async with connected(port, rig.token()):
                pass
        assert (await client.closed())[0] == 1012
        await draining


async def test_long_connection_is_told_to_come_back_before_it_is_cut(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.realtime.gateway.SWEEP_S", 0.05)
    monkeypatch.setattr("functions.realtime.gateway.COME_BACK_WITHIN_S", 0.2)
    port = await rig.add_gateway(lifetime_s=0.1, chance=lambda: 0.0)
    async with connected(port, rig.token()) as client:
        assert (await client.next("reconnect"))["op"] == "reconnect"
        assert (await client.closed()) == (1012, "RECONNECT")


async def test_event_stream_is_the_fallback(rig: Rig, port: int) -> None:
    await rig.publish(CHANNEL, {"n": 0})
    url = f"http://127.0.0.1:{port}/live/events"
    params = {"channel": CHANNEL, "access_token": rig.token(), "since": "e1:0"}
    async with httpx.AsyncClient() as http, http.stream("GET", url, params=params) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.aiter_lines()

        async def event() -> dict:
            found = {}
            async for line in lines:
                if not line and found:
                    return {**found, "data": json.loads(found["data"])}
                key, _, value = line.partition(": ")
                if key:
                    found[key] = value
            raise AssertionError("the stream ended")

        assert (await event())["data"]["op"] == "ready"
        assert [it["seq"] for it in (await event())["data"]["pubs"]] == [1]
        await rig.publish(CHANNEL, {"n": 1})
        last = await event()
        assert last["data"]["seq"] == 2
        assert last["id"] == "e1:2"
    headers = {"last-event-id": "e1:1"}
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", url, params={**params, "since": ""}, headers=headers) as answer,
    ):
        text = ""
        async for part in answer.aiter_text():
            text += part
            if '"pubs"' in text:
                break
        assert '"seq":2' in text
        assert '"seq":1,' not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/_health", 200), ("/live/nowhere", 404), ("/live", 400), ("/live/events", 401)],
)
async def test_plain_requests_are_answered(rig: Rig, port: int, path: str, status: int) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{port}{path}")).status_code == status
