"""What comes over a socket and is no request, or never becomes one: answered as all else is, and ended in time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from query_api.access.auth import derive_token
from query_api.observing.lifetime import Listening
from query_api.observing.requests import RequestEnded
from query_api.server import serve
from service.web.server import USUAL_PATIENCE, Patience
from tests.query_api.fakes import SECRET, until
from tests.query_api.test_server import Service

pytestmark = pytest.mark.sockets

RESET = b"reset"
TOKEN = derive_token(SECRET.encode(), "admin")
URL = f"/v0/sql?token={TOKEN}"
HOST = " HTTP/1.1\r\nHost: x\r\n"
BROKEN: dict[str, tuple[bytes | str, int, str]] = {
    "no http": (b"hello\r\n\r\n", 400, "cannot be read"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 99 + b"\r\n\r\n", 400, "not HTTPS"),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "cannot be read"),
    "unknown method": (f"FOO {URL}{HOST}\r\n", 405, "not known"),
    "method in lower case": (f"get {URL}{HOST}\r\n", 405, "not known"),
    "version": (f"GET {URL} HTTP/9.9\r\n\r\n", 400, "bad status line"),
    "long url": (f"GET {URL}&q={'a' * 40_000}{HOST}\r\n", 414, "URL is longer than `32768` bytes"),
    "very long url": (f"GET {URL}&q={'a' * 400_000}{HOST}\r\n", 414, "in the body of a POST"),
    "long header": (f"GET {URL}{HOST}X: {TOKEN}{'a' * 40_000}\r\n\r\n", 431, "header is longer"),
    "long name of a header": (f"GET {URL}{HOST}{'a' * 40_000}: x\r\n\r\n", 431, "header is longer"),
    "many headers": (f"GET {URL}{HOST}{'a: x' * 1}\r\n" + "a: x\r\n" * 500 + "\r\n", 431, "too many headers"),
    "header without a colon": (f"GET {URL}{HOST}{TOKEN} x\r\n\r\n", 400, "invalid header token"),
    "no host": (f"GET {URL} HTTP/1.1\r\n\r\n", 400, "missing 'host' header"),
    "bytes in the url": (b"GET /v0/pipes/\xff?token=" + TOKEN.encode() + HOST.encode() + b"\r\n", 400, "url is wrong"),
    "wrong address": (f"GET http://[::1{URL}{HOST}\r\n", 400, "url is wrong"),
    "wrong port": (f"GET http://a:99999{URL}{HOST}\r\n", 400, "url is wrong"),
    "length": (f"POST {URL}{HOST}Content-Length: {TOKEN}\r\n\r\n", 400, "content-length"),
    "two lengths": (f"POST {URL}{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "duplicate"),
    "length and chunks": (
        f"POST {URL}{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "content-length"
    ),
    "chunk": (f"POST {URL}{HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n{TOKEN}\r\n0\r\n\r\n", 400, "chunk size"),
    "expectation": (f"POST {URL}{HOST}Expect: {TOKEN}\r\nContent-Length: 1\r\n\r\na", 417, "expectation failed"),
    "second of two": (f"GET /livez{HOST}\r\nFOO {URL}{HOST}\r\n", 405, "not known"),
}  # fmt: skip
# Read as requests, and wrong in what they say.
WRONG = {
    "method": (f"PURGE {URL}{HOST}\r\n", 405),
    "escape in a path": (f"GET /v0/pipes/%ff%zz%.json?token={TOKEN}{HOST}\r\n", 404),
    "escape in a parameter": (f"GET {URL}&q=%ff%zz%{HOST}\r\n", 400),
    "escape in the token": (f"GET /v0/sql?token=%ff{TOKEN}{HOST}\r\n", 403),
    "path": (f"GET /../nothing%00?token={TOKEN}{HOST}\r\n", 404),
    "encoding": (f"POST {URL}{HOST}Content-Encoding: br\r\nContent-Length: 1\r\n\r\na", 415),
    "no gzip": (f"POST {URL}{HOST}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", 400),
    "content type": (f"POST {URL}{HOST}Content-Type: \xff;;\r\nContent-Length: 1\r\n\r\na", 400),
}


@asynccontextmanager
async def serving(patience: Patience = USUAL_PATIENCE) -> AsyncIterator[tuple[Service, Listening]]:
    service = Service()
    running = asyncio.create_task(serve(service.app, stop=service.stop, patience=patience))
    yield service, await service.listening()
    service.stop.set()
    await running


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, Listening]]:
    async with serving() as found:
        yield found


@pytest.fixture
async def hasty(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Service, Listening]]:
    """A service with the patience that the test says."""
    async with serving(request.param) as found:
        yield found


def patience(**seconds: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("hasty", [Patience(**seconds)], indirect=True, ids=[""])


async def answer_to(port: int, request: bytes | str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the (first) answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request if isinstance(request, bytes) else request.encode("latin-1"))
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            return int(status.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()


def check_headers(headers: dict[str, str], body: bytes) -> None:
    assert headers["server"] == "birdhouse"
    assert headers["content-type"].startswith("application/json")
    assert TOKEN.encode() not in body
    assert not any(TOKEN in value or "aiohttp" in value for value in headers.values())


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_request_is_answered_as_all_else(
    service: tuple[Service, Listening], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    request, expected, words = BROKEN[name]
    with caplog.at_level(logging.DEBUG):
        for port in (service[1].port, service[1].admin_port):
            status, headers, body = await answer_to(port, request)
            assert status == expected
            check_headers(headers, body)
            error = json.loads(body)["error"]
            assert words in error or port == service[1].admin_port
    status, headers, body = await answer_to(service[1].port, request)
    assert headers["access-control-allow-origin"] == "*"
    assert len(headers["x-request-id"]) == 32
    assert set(json.loads(body)) == {"error", "documentation"}
    ended = [each for each in service[0].observed if isinstance(each, RequestEnded)]
    assert [each.status for each in ended] == [expected] * 2
    assert ended[-1].request_id == headers["x-request-id"]
    assert TOKEN not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("name", WRONG)
async def test_what_a_request_says_wrong_is_answered_as_all_else(service: tuple[Service, Listening], name: str) -> None:
    request, expected = WRONG[name]
    status, headers, body = await answer_to(service[1].port, request)
    assert status == expected, body
    check_headers(headers, body)
    status, headers, body = await answer_to(service[1].admin_port, request)
    assert status == 404
    check_headers(headers, body)


async def test_the_admin_port_tells_no_version(service: tuple[Service, Listening]) -> None:
    for request, expected in (("GET /livez", 200), ("GET /livez/", 200), ("POST /livez", 405), ("GET /x", 404)):
        status, headers, body = await answer_to(service[1].admin_port, f"{request}{HOST}\r\n")
        assert status == expected
        check_headers(headers, body)
        assert headers.get("allow", "GET") == "GET"


@pytest.mark.parametrize(
    "sent", [f"GET {URL}", f"GET {URL}{HOST}X: ", f"GET {URL}{HOST}"], ids=["line", "value", "end"]
)
@patience(head=0.5)
async def test_a_head_that_does_not_end_is_given_up(hasty: tuple[Service, Listening], sent: str) -> None:
    """400 connections at once, each of which goes on sending a little, on a connection that is new or was used."""

    async def be_slow(port: int, is_used: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if is_used:
            writer.write(f"GET /nothing{HOST}\r\n".encode())
            await reader.readuntil(b"}")
        writer.write(sent.encode())
        reading = asyncio.create_task(reader.read())
        try:
            while not (await asyncio.wait({reading}, timeout=0.1))[0]:
                writer.write(b"a")
            return await reading
        except ConnectionResetError:
            return RESET  # what was on its way to a server that has closed
        finally:
            writer.close()

    ports = [hasty[1].port] * 300 + [hasty[1].admin_port] * 100
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(be_slow(port, number % 2 == 0) for number, port in enumerate(ports)))
    assert b"" not in answers
    told = [answer for answer in answers if answer != RESET]
    assert {answer.split(b"\r\n")[0] for answer in told} == {b"HTTP/1.0 408 Request Timeout"}
    assert all(b"the head of the request did not arrive in time" in answer for answer in told)
    assert TOKEN.encode() not in b"".join(answers)


@patience(head=0.2)
async def test_a_connection_that_says_nothing_is_closed(hasty: tuple[Service, Listening]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty[1].port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


@patience(head=0.1)
async def test_the_head_of_a_request_that_takes_long_is_not_late(hasty: tuple[Service, Listening]) -> None:
    running, (api, where) = asyncio.Event(), hasty
    api.executor.gate = running
    asking = asyncio.create_task(answer_to(where.port, f"GET /v0/pipes/top.json?token={TOKEN}{HOST}\r\n"))
    await until(lambda: bool(api.executor.questions))
    await asyncio.sleep(0.3)
    running.set()
    assert (await asking)[0] == 200


@patience(take=0.3)
async def test_a_caller_who_takes_nothing_of_an_answer_is_left(hasty: tuple[Service, Listening]) -> None:
    api, where = hasty
    api.executor.body = b"x" * 50_000_000
    reader, writer = await asyncio.open_connection("127.0.0.1", where.port, limit=1024)
    writer.write(f"GET /v0/pipes/top.csv?token={TOKEN}{HOST}\r\n".encode())
    await asyncio.sleep(2)
    received = 0
    async with asyncio.timeout(10):
        while chunk := await reader.read(1_000_000):
            received += len(chunk)
    assert received < len(api.executor.body)
    writer.close()
