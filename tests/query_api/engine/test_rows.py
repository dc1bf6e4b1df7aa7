"""Small answers, taken apart."""

from __future__ import annotations

from query_api.engine.limits import Limits
from query_api.engine.rows import count_rows, read_objects, read_rows
from schemas.queries.query import Query
from tests.query_api.fakes import FakeExecutor

QUERY = Query("SELECT 1")


async def test_a_number() -> None:
    assert await count_rows(FakeExecutor(b"42\n"), Limits(), QUERY) == 42


async def test_rows_end_where_lines_of_bytes_do() -> None:
    # A text may hold what Python takes for the end of a line, and bytes that are no text.
    executor = FakeExecutor('["a\u0085b\u2028c", 1]\n'.encode() + b'["\xff", 2]\n')
    assert await read_rows(executor, Limits(), QUERY) == [["a\u0085b\u2028c", 1], ["\ufffd", 2]]
    assert executor.questions[0].format == "JSONCompactEachRow"


async def test_rows_by_column_come_from_a_stream_too() -> None:
    executor = FakeExecutor(chunks=[b'{"a": 1}\n{"a"', b": 2}\n"])
    assert await read_objects(executor, Limits(), QUERY, "an-id") == [{"a": 1}, {"a": 2}]
    assert (executor.questions[0].format, executor.questions[0].query_id) == ("JSONEachRow", "an-id")


async def test_a_question_without_an_id_gets_one() -> None:
    executor = FakeExecutor(b"")
    await read_objects(executor, Limits(), QUERY)
    assert len(executor.questions[0].query_id) == 32
