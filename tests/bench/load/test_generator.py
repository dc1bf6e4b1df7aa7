"""The load generator asks over all of its connections until its time is over, and what it tells of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.errors import BenchError
from bench.load.generator import Load, run_load

ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
REQUESTS = tuple(b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n" % number for number in range(6))


@contextmanager
def serving(*answers: bytes) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """A server that answers the first line of each request in turn with these, and closes after an empty one;
    its address, and the requests that came."""
    came: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                came.append(request)
                reply = answers[(len(came) - 1) % len(answers)]
                writer.write(reply)
                if not reply:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname(), came
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


@pytest.mark.sockets
def test_every_connection_asks_all_requests_in_turn() -> None:
    with serving(ACCEPTED) as (address, came):
        load = run_load(address, REQUESTS, connections=2, seconds=0.3)
    assert len(load.accepted) == len(came) > len(REQUESTS)
    assert set(came) == set(REQUESTS)
    assert not load.refused
    assert 0.3 <= load.wall_seconds < 5
    assert load.client_cpu_seconds > 0
    assert all(0 < seconds < load.wall_seconds for seconds in load.accepted)


@pytest.mark.sockets
def test_no_two_connections_ask_the_same_where_there_is_enough_to_ask() -> None:
    with serving(ACCEPTED) as (address, came):
        run_load(address, REQUESTS, connections=4, seconds=0.2)
    # The first four are asked for the whole time, each by one connection, and what is left over by none.
    assert set(came) == set(REQUESTS[:4])
    with serving(ACCEPTED) as (address, came):
        run_load(address, REQUESTS[:2], connections=4, seconds=0.2)
    assert set(came) == set(REQUESTS[:2])


@pytest.mark.sockets
def test_what_is_refused_is_counted_apart_with_the_first_reason() -> None:
    with serving(ACCEPTED, REFUSED) as (address, came):
        load = run_load(address, REQUESTS, connections=1, seconds=0.2)
    assert len(load.accepted) + len(load.refused) == len(came)
    assert abs(len(load.accepted) - len(load.refused)) <= 1
    assert load.refusal == "503 busy"


@pytest.mark.sockets
def test_a_connection_that_ends_ends_the_run() -> None:
    with serving(ACCEPTED, b"") as (address, _), pytest.raises(BenchError, match="ended in the middle of an answer"):
        run_load(address, REQUESTS, connections=2, seconds=5)


def test_a_rate_counts_what_was_accepted() -> None:
    load = Load(2.0, (0.1, 0.2, 0.3), (0.5,), "503 busy", 0.1)
    assert load.rate == 1.5
    assert load.latency(50) == 0.2
    assert load.as_dict()["refused"] == 1
    with pytest.raises(BenchError, match="503 busy"):
        Load(2.0, (), (0.5,), "503 busy", 0.1).latency(50)
