from hypothesis import given
from hypothesis import strategies as st

from emulators.runtime.pubsub.backlog import Backlog, Message, backoff_s
from emulators.runtime.pubsub.topology import Subscription


def _backlog(*, ordered: bool = False, backoff: tuple[float, float] = (1.0, 8.0)) -> Backlog:
    return Backlog(Subscription("s", "t", ordered=ordered, backoff_s=backoff))


def _message(id: int, key: str = "") -> Message:
    return Message(id, id, b"", {}, key)


def test_failed_message_is_due_again_after_its_backoff():
    backlog = _backlog()
    backlog.offer(_message(1))
    assert backlog.lease(0.0).id == 1
    pause = backlog.retry(1, 0.0)
    assert 1.0 <= pause <= 1.1
    assert backlog.lease(0.5) is None
    assert backlog.due_in(0.5) == pause - 0.5
    again = backlog.lease(pause)
    assert (again.id, again.attempts) == (1, 2)


def test_backoff_doubles_up_to_the_longest():
    pauses = [backoff_s((1.0, 8.0), attempts) for attempts in range(1, 40)]
    for pause, plain in zip(pauses, [1, 2, 4, 8, 8], strict=False):
        assert plain <= pause <= plain * 1.1
    assert max(pauses) <= 8.8


def test_one_message_of_a_key_is_out_at_a_time_and_a_failure_holds_the_rest():
    backlog = _backlog(ordered=True)
    for id in (1, 2, 3):
        backlog.offer(_message(id, "k"))
    backlog.offer(_message(4, "other"))
    assert [backlog.lease(0).id, backlog.lease(0).id, backlog.lease(0)] == [1, 4, None]
    backlog.retry(1, 0.0)
    assert backlog.lease(0.1) is None
    assert backlog.lease(2.0).id == 1
    backlog.settle(1)
    assert backlog.lease(2.0).id == 2


def test_settling_what_is_not_leased_changes_nothing():
    backlog = _backlog()
    backlog.offer(_message(1))
    assert not backlog.settle(1)
    assert not backlog.settle(2)
    assert len(backlog) == 1


@given(
    keys=st.lists(st.sampled_from(["a", "b", ""]), max_size=30),
    outcomes=st.lists(st.booleans(), max_size=200),
)
def test_every_message_is_settled_once_and_keys_stay_in_order(keys, outcomes):
    backlog = _backlog(ordered=True)
    for id, key in enumerate(keys):
        backlog.offer(_message(id, key))
    settled: list[Message] = []
    now, fates = 0.0, iter(outcomes)
    while len(backlog):
        message = backlog.lease(now)
        if message is None:
            now += 1
        elif next(fates, True):
            assert backlog.settle(message.id)
            settled.append(message)
        else:
            backlog.retry(message.id, now)
    assert sorted(message.id for message in settled) == list(range(len(keys)))
    for key in ("a", "b"):
        ids = [message.id for message in settled if message.ordering_key == key]
        assert ids == sorted(ids)
    assert backlog.due_in(now) is None
