"""The canned server answers whole requests, however they come in."""

from __future__ import annotations

from bench.systems.canned_server import Canned
from tests.bench.transport import Transport

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\ncontent-length: 8\r\n\r\nSELECT 1"


def answers_to(*pieces: bytes) -> list[int]:
    """How many answers there are after each piece of what a client sends."""
    transport, connection = Transport(), Canned(ANSWER)
    connection.connection_made(transport)
    found = []
    for piece in pieces:
        connection.data_received(piece)
        found.append(len(transport.written))
    assert set(transport.written) <= {ANSWER}
    return found


def test_a_request_is_answered_when_it_is_there_to_its_end() -> None:
    assert answers_to(REQUEST, REQUEST) == [1, 2]
    assert answers_to(REQUEST[:30], REQUEST[30:-3], REQUEST[-3:]) == [0, 0, 1]
    assert answers_to(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n") == [1]
