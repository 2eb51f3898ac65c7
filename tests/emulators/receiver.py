"""A push endpoint that notes what it gets and answers as it is told."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def message(self) -> dict[str, Any]:
        return self.envelope["message"]

    @property
    def data(self) -> bytes:
        return base64.b64decode(self.message["data"])


@dataclass
class Receiver:
    """`answer(delivery)` gives the status; 204 unless told otherwise."""

    answer: Callable[[Delivery], int] = lambda delivery: 204
    deliveries: list[Delivery] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {key.lower(): value for key, value in self.headers.items()}
                delivery = Delivery(self.path, headers, body)
                status = receiver.answer(delivery)
                receiver.deliveries.append(delivery)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def datas(self) -> list[bytes]:
        return [delivery.data for delivery in self.deliveries]
