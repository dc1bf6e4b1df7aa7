"""What every request goes through: errors as answers, CORS, and what is observed of it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from query_api.observing.observations import Observation
from query_api.observing.requests import RequestCrashed, RequestEnded
from query_api.web.middleware import answer_errors
from tests.query_api.asking import ended, error_of, metrics_of
from tests.query_api.fakes import Api

TOP = "/v0/pipes/top.json"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_405_and_told_what_is_allowed(api: Api, method: str) -> None:
    response = await api.client.request(method, TOP, headers=api.token())
    assert response.status == 405
    assert response.headers["Allow"] == "GET, OPTIONS, POST"


async def test_a_browser_may_ask_from_anywhere(api: Api) -> None:
    response = await api.client.options(TOP)
    assert (response.status, await response.read()) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert {"Authorization", "Content-Type"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))


@pytest.mark.parametrize("path", [TOP, "/v0/events", "/v0/sql/", "/nothing"])
async def test_a_browser_may_send_the_headers_that_it_asks_for(api: Api, path: str) -> None:
    asked = {
        "Origin": "https://blog.example",
        "Access-Control-Request-Headers": "x-site-uuid,content-type, x-b, b\u00e4d, a b",
    }
    response = await api.client.options(path, headers={**asked, "Access-Control-Request-Method": "POST"})
    assert response.status == 204
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["Authorization", "Content-Type", "Content-Encoding", "x-site-uuid", "x-b"]
    assert response.headers["Vary"] == "Access-Control-Request-Headers"


async def test_a_defect_shows_its_request_id_and_nothing_else(api: Api) -> None:
    api.executor.error = KeyError("secret internals")
    response = await api.client.get(TOP, headers=api.token())
    text = await error_of(response)
    assert response.status == 500
    assert "secret" not in text
    assert response.headers["X-Request-Id"] in text
    crash = next(observation for observation in api.observed if isinstance(observation, RequestCrashed))
    assert crash.request_id == response.headers["X-Request-Id"]
    assert crash.error is api.executor.error


async def test_a_request_is_observed_once_without_its_token(api: Api) -> None:
    token = api.token("board")["Authorization"].removeprefix("Bearer ")
    response = await api.client.get(f"{TOP}?token={token}&kind=x")
    seen = ended(api)
    assert (seen.method, seen.route, seen.resource, seen.format) == ("GET", "pipe", "top", "json")
    assert (seen.status, seen.token, seen.rows_read, seen.bytes_read) == (200, "board", 12, 345)
    assert seen.request_id == response.headers["X-Request-Id"]
    assert token not in repr(api.observed)
    text = metrics_of(api)
    assert 'birdhouse_api_requests_total{resource="top",route="pipe",status="200"} 1.0' in text
    assert 'birdhouse_api_rows_read_total{resource="top"} 12.0' in text


async def test_an_answer_does_not_wait_for_its_log_line() -> None:
    observed: list[Observation] = []
    middleware = answer_errors(observed.append, max_body_bytes=1)

    async def handler(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response()

    await middleware(make_mocked_request("GET", "/"), handler)
    assert not observed
    await asyncio.sleep(0)
    assert [type(each) for each in observed] == [RequestEnded]


async def test_unknown_names_make_no_series(api: Api) -> None:
    await api.client.get("/v0/pipes/made_up.json", headers=api.token())
    assert "made_up" not in metrics_of(api)
