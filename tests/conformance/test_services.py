"""Each API against its OpenAPI document: no 5xx, nothing that the document does not say.

A few requests an operation here; `make test-slow` sends hundreds.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import requests

from tests.conformance.probing import document, labels, probe, steered
from tests.conformance.services import SERVICES, Loop, Probed

FEW, MANY = 6, 300
FEWER = {"subsonic": 40}
"""All its operations are read, and answered, by the same few lines."""
OPERATIONS = [(name, label) for name in SERVICES for label in labels(name)]


class Bench:
    """Services by name, each built once."""

    def __init__(self) -> None:
        self.loop = Loop()
        self._built: dict[str, tuple[Probed, Any, Callable[..., httpx.Response]]] = {}

    def probe(self, name: str, label: str, examples: int) -> None:
        if name not in self._built:
            made = self.loop(SERVICES[name]())
            schema = steered(document(name), made.known)
            self._built[name] = (made, schema, made.sender(self.loop))
        made, schema, send = self._built[name]
        probe(schema, label, send, made.headers, examples=examples)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.loop.close()


@pytest.mark.parametrize(("name", "label"), OPERATIONS)
def test_a_few_requests_are_answered_as_documented(bench: Bench, name: str, label: str):
    bench.probe(name, label, FEW)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "label"), OPERATIONS)
def test_many_requests_are_answered_as_documented(bench: Bench, name: str, label: str):
    bench.probe(name, label, FEWER.get(name, MANY))


def test_a_wrong_answer_is_found(bench: Bench):
    """The probe itself: an answer without a field that the document promises fails."""

    def send(request: requests.PreparedRequest) -> httpx.Response:
        answer = httpx.Response(202, json={"accepted": 1})
        answer.elapsed = timedelta()
        answer.request = httpx.Request(request.method or "POST", request.url or "")
        return answer

    schema = steered(document("events"), {})
    with pytest.raises(BaseException, match="rejected"):
        probe(schema, "POST /v1/events", send, dict, examples=3)
