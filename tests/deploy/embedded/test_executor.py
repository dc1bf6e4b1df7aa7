"""The embedded executor through the query API's protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from query_api.engine.limits import Limits
from query_api.errors import BadRequest, QueryRefused, QueryTooSlow, RequestError, TooLarge
from schemas.queries.query import Query

DATABASE = "of tests"
NO_LIMITS = Limits()
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 3"


@pytest.fixture
async def executor(engine: EmbeddedEngine) -> AsyncIterator[EmbeddedExecutor]:
    executor = EmbeddedExecutor(engine.handle, database=DATABASE)
    yield executor
    await executor.close()


async def ask(
    executor: EmbeddedExecutor,
    sql: str,
    parameters: Mapping[str, str] | None = None,
    *,
    format: str = "JSONEachRow",
    limits: Limits = NO_LIMITS,
    settings: Mapping[str, str] | None = None,
) -> bytes:
    query = Query(sql=sql, parameters=parameters or {}, settings={})
    answer = await executor.execute(query, format=format, query_id="a-test", limits=limits, settings=settings or {})
    assert isinstance(answer.body, bytes)
    return answer.body


@pytest.mark.parametrize(
    ("format", "body"),
    [
        ("CSVWithNames", b'"a","b"\n1,"x/y"\n'),
        ("JSONEachRow", b'{"a":1,"b":"x\\/y"}\n'),
    ],
)
async def test_answers_are_the_engines_bytes(executor: EmbeddedExecutor, format: str, body: bytes) -> None:
    assert await ask(executor, "SELECT 1 AS a, 'x/y' AS b", format=format) == body


async def test_json_has_clickhouses_envelope(executor: EmbeddedExecutor) -> None:
    body = json.loads(await ask(executor, "SELECT toUInt64(18446744073709551615) AS big", format="JSON"))
    assert body["data"] == [{"big": 18446744073709551615}]
    assert set(body) == {"meta", "data", "rows", "statistics"}


async def test_parquet_is_whole(executor: EmbeddedExecutor) -> None:
    body = await ask(executor, "SELECT number FROM numbers(10)", format="Parquet")
    assert body[:4] == body[-4:] == b"PAR1"


async def test_an_answer_tells_what_was_read(executor: EmbeddedExecutor) -> None:
    query = Query(sql="SELECT sum(number) FROM numbers(1000)", parameters={}, settings={})
    answer = await executor.execute(query, format="JSON", query_id="a-test", limits=Limits(), settings={})
    assert answer.summary.rows_read == 1000


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was_bound(engine: EmbeddedEngine, value: str) -> None:
    async def bind() -> bytes:
        executor = EmbeddedExecutor(engine.handle, database=DATABASE)
        try:
            return await ask(executor, "SELECT {p:String} AS v", {"p": value})
        finally:
            await executor.close()

    assert json.loads(asyncio.run(bind())) == {"v": value}


async def test_arrays_and_identifiers_are_bound(executor: EmbeddedExecutor) -> None:
    sql = "SELECT {a:Array(String)} AS a FROM {d:Identifier}.{t:Identifier}"
    parameters = {"a": "['it\\'s','b']", "d": "system", "t": "one"}
    query = Query(sql=sql, parameters=parameters, verbatim=frozenset(parameters))
    answer = await executor.execute(query, format="JSONEachRow", query_id="a-test", limits=NO_LIMITS, settings={})
    assert answer.body == b'{"a":["it\'s","b"]}\n'


async def test_a_failed_querys_rows_reach_nobody_else(executor: EmbeddedExecutor) -> None:
    halfway = "SELECT number, throwIf(number = 500000, 'half-way') AS x FROM numbers(1000000)"

    async def fail() -> None:
        with pytest.raises(QueryRefused, match="half-way"):
            await ask(executor, halfway, format="JSON")

    async def succeed() -> bytes:
        return await ask(executor, "SELECT 'mine' AS whose")

    outcomes = await asyncio.gather(*(coroutine for _ in range(8) for coroutine in (fail(), succeed())))
    assert set(outcomes) == {None, b'{"whose":"mine"}\n'}


@pytest.mark.parametrize(
    ("sql", "limits", "error", "setting"),
    [
        (ENDLESS, Limits(execution_seconds=0.2), QueryTooSlow, "EXECUTION_SECONDS"),
        ("SELECT groupArray(number) FROM numbers(9000000)", Limits(memory_bytes=2**22), QueryRefused, "MEMORY_BYTES"),
        ("SELECT number FROM numbers(100)", Limits(result_rows=10), TooLarge, "RESULT_ROWS"),
        ("SELECT repeat('x', 10000) FROM numbers(100)", Limits(result_bytes=1000), TooLarge, "RESULT_BYTES"),
        ("SELECT sum(number) FROM numbers(1000)", Limits(rows_to_read=10), QueryRefused, "ROWS_TO_READ"),
    ],
)
async def test_a_limit_is_an_error_that_names_its_setting(
    executor: EmbeddedExecutor, sql: str, limits: Limits, error: type[RequestError], setting: str
) -> None:
    with pytest.raises(error, match=f"BIRDHOUSE_API_MAX_{setting}"):
        await ask(executor, sql, limits=limits)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE made (x Int8) ENGINE = Memory",
        "INSERT INTO kept VALUES (1)",
        "DROP DATABASE `of tests`",
        "SET readonly = 0",
    ],
)
async def test_a_query_changes_nothing(executor: EmbeddedExecutor, sql: str) -> None:
    with pytest.raises(QueryRefused, match="READONLY"):
        await ask(executor, sql)


async def test_settings_of_the_caller_hold_for_one_query(executor: EmbeddedExecutor) -> None:
    quoted = {"output_format_json_quote_64bit_integers": "1"}
    assert await ask(executor, "SELECT toUInt64(1) AS n", settings=quoted) == b'{"n":"1"}\n'
    assert await ask(executor, "SELECT toUInt64(1) AS n") == b'{"n":1}\n'


@pytest.mark.parametrize("name", ["readonly = 0, x", "no_such_setting"])
async def test_an_unknown_setting_is_refused(executor: EmbeddedExecutor, name: str) -> None:
    with pytest.raises(BadRequest, match=name):
        await ask(executor, "SELECT 1", settings={name: "1"})


async def test_the_value_of_a_setting_is_no_sql(executor: EmbeddedExecutor) -> None:
    value = "a', readonly = '0\\"
    sql = "SELECT value AS v FROM system.settings WHERE name = 'format_csv_null_representation'"
    body = await ask(executor, sql, settings={"format_csv_null_representation": value})
    assert json.loads(body)["v"] == value


async def until_running(executor: EmbeddedExecutor, count: int) -> None:
    sql = "SELECT count() AS n FROM system.processes WHERE query LIKE '%sipHash64%3' AND 1"
    while json.loads(await ask(executor, sql))["n"] != count:
        pass


async def test_a_caller_who_leaves_cancels_the_query(executor: EmbeddedExecutor) -> None:
    task = asyncio.create_task(ask(executor, ENDLESS, limits=Limits(execution_seconds=60)))
    async with asyncio.timeout(10):
        await until_running(executor, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_running(executor, 0)


async def test_a_query_whose_caller_left_in_the_queue_never_begins(engine: EmbeddedEngine) -> None:
    executor = EmbeddedExecutor(engine.handle, database=DATABASE, threads=1)
    first = asyncio.create_task(ask(executor, ENDLESS, limits=Limits(execution_seconds=60)))
    second = asyncio.create_task(ask(executor, ENDLESS, limits=Limits(execution_seconds=60)))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with asyncio.timeout(10):
        await executor.close()
    assert first.cancelled()
    assert second.cancelled()


async def test_closing_ends_what_runs(engine: EmbeddedEngine) -> None:
    executor = EmbeddedExecutor(engine.handle, database=DATABASE)
    task = asyncio.create_task(ask(executor, ENDLESS, limits=Limits(execution_seconds=60)))
    async with asyncio.timeout(10):
        await until_running(executor, 1)
        await executor.close()
        with pytest.raises(RequestError):
            await task


async def test_ping(executor: EmbeddedExecutor) -> None:
    await executor.ping()
