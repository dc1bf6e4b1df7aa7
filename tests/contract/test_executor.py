"""What the API asks of an engine: a server over HTTP, the embedded one and the tests' own answer alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import pytest

from deploy.embedded.executor import EmbeddedExecutor
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.errors import BadRequest, BrokenAnswer, QueryRefused, QueryTooSlow, TooLarge
from schemas.queries.query import Query
from tests.query_api.fakes import FakeExecutor

REAL = [pytest.param("server", marks=pytest.mark.needs("clickhouse")), "embedded"]
SLOW = Query("SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))")


@pytest.fixture
async def executor(request: pytest.FixtureRequest) -> AsyncIterator[Executor]:
    opened: Executor
    if request.param == "server":
        server = request.getfixturevalue("clickhouse")
        opened = HttpExecutor(ClickHouseServer(server.url, "default", server.user, server.password), connections=2)
    elif request.param == "embedded":
        opened = EmbeddedExecutor(request.getfixturevalue("embedded_engine").handle, database="default", threads=2)
    else:
        opened = request.param
    yield opened
    await opened.close()


async def ask(
    executor: Executor,
    query: Query,
    *,
    format: str = "JSONCompactEachRow",
    limits: Limits | None = None,
    settings: Mapping[str, str] | None = None,
) -> Answer:
    return await executor.execute(query, format=format, query_id="", limits=limits or Limits(), settings=settings or {})


async def body_of(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    async with aclosing(answer.body) as chunks:
        return b"".join([chunk async for chunk in chunks])


# -- all of them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", [*REAL, pytest.param(FakeExecutor(body=b"[1]\n"), id="fake")], indirect=True)
async def test_an_answer_is_its_bytes_and_what_was_read(executor: Executor) -> None:
    await executor.ping()
    answer = await ask(executor, Query("SELECT 1"))
    assert answer.body == b"[1]\n"
    assert answer.summary.rows_read >= 1
    assert answer.summary.bytes_read >= 1


@pytest.mark.parametrize(
    "executor", [*REAL, pytest.param(FakeExecutor(error=QueryRefused("Unknown table", 60)), id="fake")], indirect=True
)
async def test_what_the_engine_refuses_is_raised_with_its_code(executor: Executor) -> None:
    with pytest.raises(QueryRefused, match=r"(?i)unknown table") as refused:
        await ask(executor, Query("SELECT * FROM a_table_that_is_not_there"))
    assert refused.value.code == 60


@pytest.mark.parametrize(
    "executor", [*REAL, pytest.param(FakeExecutor(gate=asyncio.Event()), id="fake")], indirect=True
)
async def test_a_caller_may_leave(executor: Executor) -> None:
    asking = asyncio.create_task(ask(executor, SLOW, limits=Limits(execution_seconds=60)))
    await asyncio.sleep(0.2)
    assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    "executor", [*REAL, pytest.param(FakeExecutor(chunks=[b"0\n", b"1\n" * 999_999]), id="fake")], indirect=True
)
async def test_a_large_answer_may_come_in_pieces_which_make_up_all_of_it(executor: Executor) -> None:
    answer = await ask(
        executor, Query("SELECT number > 0 FROM numbers(1000000)"), format="TSV", settings={"max_threads": "1"}
    )
    assert (await body_of(answer)).count(b"\n") == 1_000_000


@pytest.mark.parametrize(
    "executor",
    [
        *REAL,
        pytest.param(
            FakeExecutor(chunks=[b"0\n", BrokenAnswer("Code: 395. DB::Exception: it throws", 395)]), id="fake"
        ),
    ],
    indirect=True,
)
async def test_an_answer_that_breaks_is_never_whole(executor: Executor) -> None:
    """What fails before anything is answered is a refusal; after that the answer breaks, with or without the reason."""
    query = Query("SELECT throwIf(number = 2999999, 'it throws'), number FROM numbers(3000000)")
    with pytest.raises((BrokenAnswer, QueryRefused)):
        await body_of(await ask(executor, query, format="TSV"))


# -- the engines ------------------------------------------------------------------------------------------------

BOUND: list[tuple[Query, Any]] = [
    (Query("SELECT {t:String}", {"t": "it's\t{x} \\ \n ñ"}), ["it's\t{x} \\ \n ñ"]),
    (Query("SELECT {n:Int64} + 1", {"n": "-5"}), [-4]),
    (Query("SELECT {a:Array(String)}", {"a": "['a','it\\'s']"}, verbatim=frozenset("a")), [["a", "it's"]]),
    (Query("SELECT number FROM {t:Identifier} LIMIT {l:UInt8}", {"t": "one", "l": "1"}, verbatim=frozenset("t")), None),
    (Query("SELECT toString(toDateTime('2024-01-31 10:00:00'))"), ["2024-01-31 10:00:00"]),
    (Query("SELECT getSetting('max_threads')", settings={"max_threads": "3"}), [3]),
]


@pytest.mark.parametrize("executor", REAL, indirect=True)
@pytest.mark.parametrize(("query", "row"), BOUND)
async def test_values_are_bound_and_settings_hold(executor: Executor, query: Query, row: Any) -> None:
    if row is None:
        with pytest.raises(QueryRefused):
            await ask(executor, query)
        return
    answer = await ask(executor, query)
    assert json.loads(await body_of(answer)) == row


@pytest.mark.parametrize("executor", REAL, indirect=True)
@pytest.mark.parametrize(
    ("sql", "limits", "error", "words"),
    [
        ("SELECT number FROM numbers(11)", Limits(result_rows=10), TooLarge, "`10 rows`"),
        ("SELECT sum(number) FROM numbers(1000000)", Limits(rows_to_read=1000), QueryRefused, "MAX_ROWS_TO_READ"),
        (SLOW.sql, Limits(execution_seconds=0.5), QueryTooSlow, "MAX_EXECUTION_SECONDS"),
        ("SELECT", Limits(), QueryRefused, "Syntax error"),
        ("CREATE TABLE t (a UInt8) ENGINE = Memory", Limits(), QueryRefused, r"(?i)readonly"),
        ("SELECT {t:String}", Limits(), BadRequest, "t"),
    ],
)
async def test_errors_are_the_same(
    executor: Executor, sql: str, limits: Limits, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await body_of(await ask(executor, Query(sql), limits=limits))


@pytest.mark.parametrize("executor", REAL, indirect=True)
async def test_a_value_that_is_too_long_is_named(executor: Executor) -> None:
    with pytest.raises(TooLarge, match="`t`"):
        await ask(executor, Query("SELECT length({t:String})", {"t": "x" * 200_000}))
