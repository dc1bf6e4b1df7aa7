"""Prepared requests say to the API and to ClickHouse the same, and no value is spliced into SQL."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from bench.load.requests import address_of, clickhouse_request, endpoint_request, events_request
from schemas.queries.query import Query
from service.settings import ServiceSettings, load_settings


def read(request: bytes) -> tuple[str, dict[str, list[str]], dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    return f"{method} {parts.path}", parse_qs(parts.query), dict(line.split(": ", 1) for line in lines), body


def test_an_endpoint_is_asked_as_a_client_asks() -> None:
    line, parameters, headers, body = read(endpoint_request("http://h:7181", "p.t", "user activity", {"id": "a&b"}))
    assert (line, parameters, body) == ("GET /v0/pipes/user%20activity.json", {"id": ["a&b"]}, b"")
    assert headers == {"Host": "h:7181", "Authorization": "Bearer p.t"}


def test_events_come_with_their_length() -> None:
    line, parameters, headers, body = read(events_request("http://h", "p.t", "events", b"{}\n{}"))
    assert (line, parameters, body) == ("POST /v0/events", {"name": ["events"]}, b"{}\n{}")
    assert headers["Content-Length"] == "5"


def test_clickhouse_is_asked_the_same_with_bound_values() -> None:
    settings = load_settings(ServiceSettings, {"CLICKHOUSE_URL": "http://ch:8123", "CLICKHOUSE_PASSWORD": "p"})
    query = Query("SELECT {x:String}", {"x": "a\tb"}, {"max_threads": "2"})
    line, parameters, headers, body = read(clickhouse_request(settings, "db", query))
    assert (line, body) == ("POST /", b"SELECT {x:String}")
    assert parameters["param_x"] == ["a\\tb"]
    assert (parameters["database"], parameters["max_threads"]) == (["db"], ["2"])
    assert headers["X-ClickHouse-Key"] == "p"


@pytest.mark.parametrize(
    ("url", "address"), [("http://h", ("h", 80)), ("https://h", ("h", 443)), ("http://h:8", ("h", 8))]
)
def test_a_port_that_is_not_given_is_the_schemes(url: str, address: tuple[str, int]) -> None:
    assert address_of(url) == address
