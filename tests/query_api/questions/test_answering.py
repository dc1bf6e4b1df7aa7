"""The stages that every question goes through: refusals, streams, callers who leave, admission, limits."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from query_api.errors import BrokenAnswer, QueryRefused, Unavailable
from query_api.observing.requests import AnswerBroken, RequestEnded
from tests.query_api.asking import ended, error_of, metrics_of
from tests.query_api.fakes import Api, StartApi, until

TOP = "/v0/pipes/top.json"


async def test_the_engines_refusal_is_passed_on_with_its_code(api: Api) -> None:
    api.executor.error = QueryRefused("no such column", 47)
    response = await api.client.get(TOP, headers=api.token())
    assert (response.status, response.headers["X-DB-Exception-Code"]) == (400, "47")
    assert await error_of(response) == "no such column"


async def test_an_unreachable_engine_is_503_with_a_time_to_come_back(api: Api) -> None:
    api.executor.error = Unavailable("ClickHouse cannot be reached", retry_after=7)
    response = await api.client.get(TOP, headers=api.token())
    assert (response.status, response.headers["Retry-After"]) == (503, "7")


async def test_a_long_answer_streams_to_its_end(api: Api) -> None:
    api.executor.chunks = [b"a" * 100_000, b"b" * 100_000]
    response = await api.client.get("/v0/pipes/top.ndjson", headers=api.token())
    assert await response.read() == b"a" * 100_000 + b"b" * 100_000


async def test_a_stream_that_fails_breaks_the_connection(api: Api) -> None:
    api.executor.chunks = [b"rows", BrokenAnswer("it failed", 395)]
    response = await api.client.get("/v0/pipes/top.ndjson", headers=api.token())
    assert response.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    broken = [observation for observation in api.observed if isinstance(observation, AnswerBroken)]
    assert [(each.code, each.error) for each in broken] == [(395, "it failed")]


async def test_a_caller_who_leaves_cancels_the_query(api: Api) -> None:
    api.executor.gate = asyncio.Event()
    asking = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: bool(api.executor.questions))
    asking.cancel()
    await until(lambda: api.executor.was_cancelled)
    await until(lambda: any(isinstance(each, RequestEnded) for each in api.observed))
    assert ended(api).status == 499


async def test_more_queries_than_slots_and_queue_are_503(start_api: StartApi) -> None:
    api = await start_api(max_queries=1, max_queued=1)
    api.executor.gate = asyncio.Event()
    first = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: len(api.executor.questions) == 1)
    second = asyncio.create_task(api.client.get(f"{TOP}?limit=2", headers=api.token()))
    await until(lambda: "birdhouse_api_queries_waiting 1.0" in metrics_of(api))
    third = await api.client.get(f"{TOP}?limit=3", headers=api.token())
    assert (third.status, third.headers["Retry-After"]) == (503, "1")
    assert "`BIRDHOUSE_API_MAX_QUEUED`" in await error_of(third)
    # No work goes into what is refused anyway: not even its parameters are looked at, where no answer can be shared.
    broken = await api.client.post("/v0/pipes/picky.json", headers=api.token(), data=b"{")
    sql = await api.client.get("/v0/sql", headers=api.token())
    assert (broken.status, sql.status) == (503, 503)
    assert (await api.client.get(TOP, headers={"Authorization": "Bearer nobody"})).status == 403
    api.executor.gate.set()
    assert [(await first).status, (await second).status] == [200, 200]


async def test_the_limits_of_the_settings_hold_for_every_query(start_api: StartApi) -> None:
    api = await start_api(max_execution_seconds=3, max_result_rows=5)
    await api.client.get(TOP, headers=api.token())
    assert api.executor.questions[0].limits.execution_seconds == 3
    assert api.executor.questions[0].limits.result_rows == 5
