"""Answers that are kept or shared, over HTTP: who gets them, what is said of them, and what they cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import aiohttp
import jwt
import pytest

from query_api.access.auth import derive_token
from query_api.app import STATE, swap_project
from query_api.observing.requests import RequestEnded
from schemas.queries.catalog import compile_project
from tests.query_api.asking import ended, metrics_of
from tests.query_api.fakes import PROJECT, SECRET, Api, StartApi, until

TOP = "/v0/pipes/top.json"


def signed(scope: Mapping[str, object], **claims: object) -> dict[str, str]:
    """The header of a signed token that may read `top`."""
    document = {
        "name": "page",
        "exp": int(time.time()) + 60,
        "scopes": [{"type": "PIPES:READ", "resource": "top", **scope}],
        **claims,
    }
    value = jwt.encode(document, derive_token(SECRET.encode(), "admin"), algorithm="HS256")
    return {"Authorization": f"Bearer {value}"}


@pytest.fixture
async def keeping(start_api: StartApi) -> Api:
    return await start_api(cache_seconds=60)


async def ask(api: Api, path: str = TOP, **headers: str) -> aiohttp.ClientResponse:
    response = await api.client.get(path, headers={**api.token(), **headers})
    await response.read()
    return response


def asked(api: Api) -> int:
    return len(api.executor.questions)


async def test_an_answer_is_kept_with_its_age_and_for_whom(keeping: Api) -> None:
    first, second = await ask(keeping), await ask(keeping)
    assert asked(keeping) == 1
    assert await second.read() == await first.read() == keeping.executor.body
    for each in (first, second):
        assert each.headers["Content-Type"] == "application/json; charset=UTF-8"
        assert each.headers["Cache-Control"] == "private, max-age=60"
        assert each.headers["Vary"] == "Authorization"
        assert each.headers["Age"] == "0"
        assert {"ETag", "Age"} <= set(each.headers["Access-Control-Expose-Headers"].split(", "))
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


async def test_without_a_cache_time_nothing_is_said_of_one(api: Api) -> None:
    first, second = await ask(api), await ask(api)
    assert asked(api) == 2
    for each in (first, second):
        assert not {"ETag", "Age", "Cache-Control", "Vary"} & set(each.headers)


async def test_the_log_line_and_the_metrics_say_where_an_answer_came_from(keeping: Api) -> None:
    await ask(keeping)
    first = ended(keeping)
    await ask(keeping)
    second = ended(keeping)
    assert (first.cache, first.rows_read) == ("asked", 12)
    assert "cache" not in first.log_fields()
    assert (second.cache, second.query_id, second.rows_read) == ("hit", first.request_id, 0)
    assert {"cache": "hit", "query_id": first.request_id}.items() <= second.log_fields().items()
    metrics = metrics_of(keeping)
    assert 'birdhouse_api_cache_answers_total{cache="asked",resource="top"} 1.0' in metrics
    assert 'birdhouse_api_cache_answers_total{cache="hit",resource="top"} 1.0' in metrics
    assert "birdhouse_api_cache_entries 1.0" in metrics
    assert 'birdhouse_api_rows_read_total{resource="top"} 12.0' in metrics


async def test_a_joined_answer_names_its_query(api: Api) -> None:
    api.executor.gate = asyncio.Event()
    asking = [asyncio.create_task(ask(api)) for _ in range(3)]
    await until(lambda: api.app[STATE].answers.is_asking("top"))
    await asyncio.sleep(0.05)
    api.executor.gate.set()
    answers = await asyncio.gather(*asking)
    assert {each.status for each in answers} == {200}
    await until(lambda: sum(isinstance(each, RequestEnded) for each in api.observed) == 3)
    lines = [each for each in api.observed if isinstance(each, RequestEnded)]
    assert sorted(each.cache for each in lines) == ["", "joined", "joined"]
    query_id = api.executor.questions[0].query_id
    assert {each.query_id for each in lines if each.cache} == {query_id}
    assert sorted(each.headers.get("X-Query-Id", "") for each in answers) == ["", query_id, query_id]
    assert sum(each.rows_read for each in lines) == 12


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ("*", 304),
        ('"other"', 200),
        ("no tag at all", 200),
    ],
)
async def test_who_has_the_answer_already_is_told_so(keeping: Api, sent: str, status: int) -> None:
    etag = (await ask(keeping)).headers["ETag"]
    assert (etag[0], etag[-1]) == ('"', '"')
    response = await ask(keeping, **{"If-None-Match": sent.format(etag=etag)})
    assert (response.status, response.headers["ETag"]) == (status, etag)
    assert all(name in response.headers for name in ("Age", "Cache-Control", "Vary", "X-Request-Id"))
    if status == 304:
        assert await response.read() == b""
        assert "Content-Type" not in response.headers
    # It holds for an answer that was just asked for, too.
    new = await ask(keeping, f"{TOP}?limit=3", **{"If-None-Match": sent.format(etag=etag)})
    assert new.status == status
    assert asked(keeping) == 2


async def test_a_post_is_answered_whole_and_shares_the_answer(keeping: Api) -> None:
    etag = (await ask(keeping, f"{TOP}?kind=a")).headers["ETag"]
    headers = {**keeping.token(), "If-None-Match": etag}
    response = await keeping.client.post(TOP, data={"kind": "a"}, headers=headers)
    assert (response.status, await response.read(), asked(keeping)) == (200, keeping.executor.body, 1)


async def test_a_caller_cannot_have_it_asked_again(keeping: Api) -> None:
    await ask(keeping)
    await ask(keeping, **{"Cache-Control": "no-cache", "Pragma": "no-cache"})
    await ask(keeping, f"{TOP}?__tb__no_cache=1")
    assert asked(keeping) == 1


@pytest.mark.parametrize(
    "paths",
    [
        (f"{TOP}?kind=a", f"{TOP}?kind=b"),
        (f"{TOP}?kind=a", "/v0/pipes/top.csv?kind=a"),
        ("/v0/pipes/top.csv", "/v0/pipes/top.csv?__tb__csv_header=0"),
        # As texts that are decoded first they are one.
        (f"{TOP}?kind=a%26limit=2", f"{TOP}?kind=a&limit=2"),
        (TOP, f"{TOP}?output_format_json_quote_64bit_integers=1"),
    ],
)
async def test_other_questions_have_other_answers(keeping: Api, paths: tuple[str, str]) -> None:
    for path in paths * 2:
        keeping.executor.body = path.encode()
        await ask(keeping, path)
    assert asked(keeping) == 2
    assert [await (await ask(keeping, path)).read() for path in paths] == [path.encode() for path in paths]


async def test_tokens_share_what_both_may_read(keeping: Api) -> None:
    await ask(keeping)
    response = await keeping.client.get(TOP, headers=keeping.token("board"))
    by_url = await keeping.client.get(f"{TOP}?token={derive_token(SECRET.encode(), 'board')}")
    assert (response.status, by_url.status, asked(keeping)) == (200, 200, 1)


async def test_tokens_with_other_fixed_values_share_nothing(keeping: Api) -> None:
    for kind in ("a", "b") * 2:
        keeping.executor.body = kind.encode()
        response = await keeping.client.get(TOP, headers=signed({"fixed_params": {"kind": kind}}))
        assert (response.status, await response.read()) == (200, kind.encode())
    assert [next(iter(each.query.parameters.values())) for each in keeping.executor.questions] == ["a", "b"]
    for kinds, body in ((["1"], b"text"), ([1], b"number")):
        keeping.executor.body = body
        response = await keeping.client.get(TOP, headers=signed({"fixed_params": {"kind": kinds}}))
        assert (response.status, await response.read()) == (200, body)
    # What a token fixes is what another one may ask for.
    assert await (await ask(keeping, f"{TOP}?kind=a")).read() == b"a"


async def test_who_may_not_read_gets_nothing_that_is_kept(keeping: Api) -> None:
    await ask(keeping)
    for headers in ({}, keeping.token("app"), {"Authorization": "Bearer p.nobody"}):
        assert (await keeping.client.get(TOP, headers=headers)).status == 403


async def test_a_rate_that_is_used_up_is_used_up_for_kept_answers_too(keeping: Api) -> None:
    headers = signed({}, limits={"rps": 1})
    statuses = [(await keeping.client.get(TOP, headers=headers)).status for _ in range(3)]
    assert statuses == [200, 429, 429]


async def test_hits_and_joined_questions_are_answered_when_the_queue_is_full(start_api: StartApi) -> None:
    api = await start_api(max_queries=1, max_queued=0, cache_seconds=60)
    await ask(api)
    api.executor.gate = asyncio.Event()
    first = asyncio.create_task(ask(api, f"{TOP}?limit=2"))
    await until(lambda: asked(api) == 2)
    joined = asyncio.create_task(ask(api, f"{TOP}?limit=2"))
    assert (await ask(api)).status == 200
    assert (await ask(api, f"{TOP}?limit=3")).status == 503
    api.executor.gate.set()
    assert [(await first).status, (await joined).status] == [200, 200]
    assert asked(api) == 2


async def test_a_swap_of_the_project_begins_anew(keeping: Api) -> None:
    await ask(keeping)
    swap_project(keeping.app, PROJECT, compile_project(PROJECT))
    keeping.executor.body = b"new"
    assert await (await ask(keeping)).read() == b"new"
    assert asked(keeping) == 2


async def test_sql_of_callers_is_neither_kept_nor_shared(keeping: Api) -> None:
    for path in ("/v0/sql?q=SELECT+1", f"{TOP}?q=SELECT+1+FROM+_"):
        before = asked(keeping)
        responses = [await ask(keeping, path), await ask(keeping, path)]
        assert asked(keeping) > before + 1
        assert not any("Age" in each.headers for each in responses)
    assert keeping.app[STATE].answers.kept.entries == 0


async def test_streams_are_not_kept(keeping: Api) -> None:
    keeping.executor.chunks = [b"a" * 100_000, b"b" * 100_000]
    for _ in range(2):
        response = await ask(keeping)
        assert (len(await response.read()), "Age" in response.headers) == (200_000, False)
    assert asked(keeping) == 2
    assert "birdhouse_api_queries_running 0.0" in metrics_of(keeping)


async def test_without_room_nothing_is_kept_and_the_answer_says_its_time_all_the_same(start_api: StartApi) -> None:
    api = await start_api(cache_seconds=60, cache_bytes=0)
    assert [(await ask(api)).headers["Age"] for _ in range(2)] == ["0", "0"]
    assert asked(api) == 2


async def test_questions_know_when_a_caller_was_told_that_its_rows_are_stored(api: Api) -> None:
    api.executor.body = b"0\n"
    sending = await api.client.post("/v0/events?name=events&wait=true", data=b'{"kind":"a"}', headers=api.token("app"))
    assert sending.status == 200
    told = api.app[STATE].told.now()
    assert told == 1
    unsure = await api.client.post("/v0/events?name=events", data=b'{"kind":"a"}', headers=api.token("app"))
    assert (unsure.status, api.app[STATE].told.now()) == (202, told)


async def test_a_hot_dashboard_costs_one_query_a_second(start_api: StartApi) -> None:
    api = await start_api(cache_seconds=1)
    ends = time.monotonic() + 3

    async def look() -> int:
        looks = 0
        while time.monotonic() < ends:
            assert (await ask(api)).status == 200
            looks += 1
            await asyncio.sleep(0.01)
        return looks

    began = time.monotonic()
    looks = sum(await asyncio.gather(*(look() for _ in range(50))))
    # One at the beginning, and one for each second that is over.
    assert 2 <= asked(api) <= time.monotonic() - began + 1
    assert looks > 10 * asked(api)
