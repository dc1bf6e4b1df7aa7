"""A door to ClickHouse that sees each request whole: to hold it back, cut it, answer it itself or lose its answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_ANSWER_SECONDS = 120.0


class Exchange:
    """One request of a worker, for a rule to handle; when that ends with an OSError, so does the line to the worker."""

    def __init__(self, near: socket.socket, target: tuple[str, int], head: bytes, body: bytes) -> None:
        self.head, self.body = head, body
        self._near, self._target = near, target
        self._far: socket.socket | None = None
        self._sent = 0

    @property
    def is_insert(self) -> bool:
        """Whether it is a batch, and no query and no claim."""
        return b"insert_deduplication_token=" in self.head

    @property
    def is_claim(self) -> bool:
        """Whether it writes an owner into the fence table."""
        return b"INSERT INTO" in self.body and b"ingest_fence" in self.body

    def send(self, share: float = 1.0) -> None:
        """To ClickHouse, so that `share` of the body has gone there; with 0 not even the head."""
        wire = self.head + self.body
        end = len(self.head) + int(len(self.body) * share) if share else 0
        if self._far is None:
            self._far = socket.create_connection(self._target, timeout=_ANSWER_SECONDS)
        self._far.sendall(wire[self._sent : end])
        self._sent = max(self._sent, end)

    def drop(self) -> None:
        """End the line to ClickHouse, whatever was sent."""
        if self._far is not None:
            self._far.close()

    def answer(self) -> bytes:
        """Wait for ClickHouse's answer: as it is to be given to the worker."""
        assert self._far is not None
        response = http.client.HTTPResponse(self._far)
        response.begin()
        body = response.read()
        framing = ("transfer-encoding", "content-length", "connection")
        headers = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in framing]
        self._far.close()
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *headers, f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def reply(self, answer: bytes) -> None:
        self._near.sendall(answer)

    def refuse(self, code: int, name: str) -> None:
        """Answer as ClickHouse does with an exception."""
        body = f"Code: {code}. DB::Exception: made by a test. ({name}) (version 26.9.1.1)\n".encode()
        head = (
            "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=UTF-8\r\n"
            f"X-ClickHouse-Exception-Code: {code}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.reply(head.encode() + body)

    def reset(self) -> None:
        """End the line to the worker by a reset, without an answer."""
        self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self._near.close()

    def forward(self) -> None:
        self.send()
        self.reply(self.answer())


Rule = Callable[[Exchange], None]


def only_inserts(rule: Rule) -> Rule:
    """That rule for batches; everything else goes through."""
    return lambda exchange: rule(exchange) if exchange.is_insert else exchange.forward()


class Door:
    """`url` leads through it. `rule` says what becomes of a request, and may be changed at any time."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.rule: Rule = Exchange.forward
        self.inserts = 0
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, EOFError), near:
            stream = _Stream(near)
            while near.fileno() != -1:
                head, body = _request(stream)
                exchange = Exchange(near, self._target, head, body)
                self.inserts += exchange.is_insert
                try:
                    self.rule(exchange)
                finally:
                    exchange.drop()


class _Stream:
    """Reads from a socket without a file of it, which would keep it open after its close."""

    def __init__(self, near: socket.socket) -> None:
        self._near = near
        self._data = bytearray()

    def line(self) -> bytes:
        """The next line with its end. EOFError at the end of the connection, as for `exactly`."""
        while (end := self._data.find(b"\n")) < 0:
            self._more()
        return self.exactly(end + 1)

    def exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            self._more()
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken

    def _more(self) -> None:
        received = self._near.recv(65536)
        if not received:
            raise EOFError
        self._data += received


def _request(stream: _Stream) -> tuple[bytes, bytes]:
    """The bytes of a request's head and body as they came, framing and all. EOFError at the end of the line."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.line()
    fields = head.lower()
    if b"transfer-encoding: chunked" in fields:
        parts = []
        while True:
            size = stream.line()
            parts += [size, stream.exactly(int(size, 16) + 2)]
            if int(size, 16) == 0:
                return head, b"".join(parts)
    length = fields.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head, stream.exactly(int(length or 0))


def slowly(low: float, high: float, chance: Callable[[float, float], float]) -> Rule:
    """Every insert takes that many seconds longer, half of it before it reaches ClickHouse and half after."""

    def rule(exchange: Exchange) -> None:
        seconds = chance(low, high)
        time.sleep(seconds / 2)
        exchange.send()
        answer = exchange.answer()
        time.sleep(seconds / 2)
        exchange.reply(answer)

    return only_inserts(rule)
