"""The load generator's connection knows when an answer is whole, however it comes in."""

from __future__ import annotations

import pytest

from bench.load.connection import Connection, Head, read_head
from tests.bench.transport import Transport

GIVEN_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n"


def answers(*pieces: bytes) -> list[tuple[int, bytes]]:
    """What a connection tells of, given these pieces in turn."""
    found: list[tuple[int, bytes]] = []
    connection = Connection(lambda _, status, answer: found.append((status, bytes(answer))), lambda _: None)
    connection.connection_made(Transport())
    for piece in pieces:
        connection.data_received(piece)
    return found


@pytest.mark.parametrize(
    ("answer", "status"), [(GIVEN_LENGTH, 200), (CHUNKED, 201), (EMPTY, 200), (REFUSED, 503)], ids=str
)
def test_an_answer_is_told_of_once_it_is_whole_wherever_it_is_cut(answer: bytes, status: int) -> None:
    assert answers(answer, answer) == [(status, answer)] * 2
    for place in range(1, len(answer)):
        assert answers(answer[:place]) == []
        assert answers(answer[:place], answer[place:]) == [(status, answer)]


def test_a_body_that_holds_what_ends_chunks_is_not_over() -> None:
    assert answers(CHUNKED.replace(b"hello", b"..0\r\n\r\n")[:-5]) == []


def test_the_next_request_is_asked_from_within_an_answer() -> None:
    transport = Transport()
    connection = Connection(lambda self, _, __: self.ask(b"next"), lambda _: None)
    connection.connection_made(transport)
    connection.ask(b"first")
    connection.data_received(GIVEN_LENGTH)
    connection.data_received(CHUNKED)
    assert transport.written == [b"first", b"next", b"next"]


def test_the_end_of_a_connection_is_told() -> None:
    lost: list[Connection] = []
    connection = Connection(lambda *_: None, lost.append)
    connection.connection_made(Transport())
    connection.connection_lost(None)
    assert lost == [connection]


def test_a_head_says_what_follows() -> None:
    assert read_head(GIVEN_LENGTH) == Head(len(GIVEN_LENGTH) - 5, 5)
    assert read_head(CHUNKED[:-15]) == Head(len(CHUNKED) - 15, None)
    assert read_head(REFUSED) == Head(len(REFUSED), 0)
    assert read_head(REFUSED[:-1]) is None
