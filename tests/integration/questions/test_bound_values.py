"""Whatever text a caller sends reaches ClickHouse as it is, and comes back so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.limits import MAX_VALUE_BYTES, Limits
from query_api.errors import QueryRefused, TooLarge
from schemas.queries.query import Query


@pytest.fixture
async def executor(clickhouse: Any) -> AsyncIterator[HttpExecutor]:
    server = ClickHouseServer(clickhouse.url, "default", clickhouse.user, clickhouse.password)
    executor = HttpExecutor(server, connections=4)
    yield executor
    await executor.close()


async def read_back(executor: HttpExecutor, kind: str, values: dict[str, str]) -> list[str]:
    columns = ", ".join(f"{{{name}:{kind}}}" for name in values)
    query = Query(f"SELECT [{columns}] AS texts", values)
    answer = await executor.execute(query, format="JSONEachRow", query_id="", limits=Limits(), settings={})
    assert isinstance(answer.body, bytes)
    texts = json.loads(answer.body)["texts"]
    assert isinstance(texts, list)
    return texts


# Every character below U+3000 but surrogates, in runs of 64, and everything that has a meaning to some parser between.
RUNS = ["".join(map(chr, range(start, start + 64))) for start in range(0, 0x3000, 64)]
TRICKS = [
    "' OR 1=1 --",
    "\\",
    "\\'",
    "\\N",
    "\\0\\t",
    "\0",
    "a\0b",
    "\r\n--boundary\r\n",
    "\t\n\r\b\f\v\x1a",
    "{p1:String}",
    "%00%27+&=",
    "🦉\u2028\ufeff\uffff",
    "",
    " ",
    "NULL",
    "`x`",
    '"x"',
]


async def test_any_text_is_read_back_unchanged(executor: HttpExecutor) -> None:
    texts = RUNS + TRICKS + [trick + other for trick in TRICKS for other in ("\\", "'", "\n", "\0")]
    values = {f"p{number}": text for number, text in enumerate(texts)}
    assert await read_back(executor, "String", values) == texts


async def test_identifiers_are_bound_whole(executor: HttpExecutor) -> None:
    query = Query("SELECT {c:Identifier} FROM system.one", {"c": "dummy` FROM system.users --"})
    with pytest.raises(QueryRefused) as caught:
        await executor.execute(query, format="JSON", query_id="", limits=Limits(), settings={})
    assert caught.value.code == 47


@pytest.mark.parametrize("character", ["x", "\\", "é"])
async def test_the_longest_value_passes_and_a_longer_one_is_413(executor: HttpExecutor, character: str) -> None:
    each = 2 if character in "\\é" else 1
    longest = character * (MAX_VALUE_BYTES // each)
    assert await read_back(executor, "String", {"p1": longest}) == [longest]
    with pytest.raises(TooLarge, match="`p1`"):
        await read_back(executor, "String", {"p1": longest + "x"})
