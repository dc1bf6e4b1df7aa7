"""Bound values work wherever projects write them, on the real server and on the embedded engine.

Times in every form that a parameter takes, against every type of column, as the table's key and not: ClickHouse reads
texts strictly for a key and leniently for rows, so each is tried both ways.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource
from schemas.queries.column_kinds import column_kinds
from schemas.queries.query import Query
from schemas.template.rendering import Render
from schemas.template.template import Template

Asked = tuple[Executor, Any]


@pytest.fixture(params=["server", "embedded"])
async def executor(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    """What answers, and what runs a statement that arranges something."""
    if request.param == "server":
        clickhouse = request.getfixturevalue("clickhouse")
        server = HttpExecutor(
            ClickHouseServer(clickhouse.url, "default", clickhouse.user, clickhouse.password), connections=2
        )
        yield server, request.getfixturevalue("clickhouse_client").command
        await server.close()
        return
    engine = request.getfixturevalue("embedded_engine")
    from deploy.embedded.executor import EmbeddedExecutor

    embedded, client = EmbeddedExecutor(engine.handle, database="default", threads=1), engine.client()
    yield embedded, client.command
    client.close()
    await embedded.close()


async def ask(executor: Executor, source: str, values: dict[str, object], *columns: tuple[str, str]) -> Any:
    """The one row of a template's answer; `columns` are names and types of the project's columns."""
    known = [DataSource("t", tuple(Column(name, parse_column_type(type_)) for name, type_ in columns))]
    render = Render(column_kinds=column_kinds(known))
    sql = Template(source).render(values, render)
    query = Query(sql, render.bindings.parameters, render.settings, frozenset(render.bindings.verbatim))
    answer = await executor.execute(query, format="JSONCompactEachRow", query_id="", limits=Limits(), settings={})
    assert isinstance(answer.body, bytes)
    return [json.loads(line) for line in answer.body.splitlines()]


# The first moment of 2024-01-31 in UTC; a table holds it, the day before and the day after.
WITH_ZONE = [
    "2024-01-31T00:00:00Z",
    "2024-01-31 00:00:00Z",
    "2024-01-31T00:00:00+00:00",
    "2024-01-31T02:30:00+0230",
    "2024-01-30T22:00:00.000-02:00",
    "2024-01-31T00:00:00.000Z",
    "2024-01-31T00:00:00.000000Z",
]
WITHOUT_ZONE = ["2024-01-31 00:00:00", "2024-01-31T00:00:00", "2024-01-31 00:00:00.000", "2024-01-31T00:00:00,000000"]
COMPARISONS = {
    "c = {}": 1,
    "c != {}": 2,
    "c >= {}": 2,
    "c < {}": 1,
    "{} <= c": 2,
    "c BETWEEN {} AND {}": 1,
    "c NOT BETWEEN {} AND {}": 2,
    "c IN ({})": 1,
    "c NOT IN ({}, {})": 2,
    "c IN {{{{Array(y, 'DateTime')}}}}": 1,
    "{{{{sql_and(c__gte=DateTime(x))}}}}": 2,
    "toStartOfDay(toDateTime(c, 'UTC')) >= toDateTime({}, 'UTC')": 2,
    "toDateTime64(c, 3, 'UTC') = parseDateTime64BestEffort({}, 3, 'UTC')": 1,
    "dateDiff('second', toDateTime(c, 'UTC'), parseDateTimeBestEffort({}, 'UTC')) > 0": 1,
}
# Functions read a text themselves, and none reads a comma; in a list it parts the values.
READING = ("toDateTime({}", "BestEffort({}", "Array(y")
DATED = ["Date", "Date32", "LowCardinality(Date)", "Nullable(Date)"]
TIMED = ["DateTime", "DateTime64(3)", "DateTime64(9)", "Nullable(DateTime)", "Nullable(DateTime64(6))"]
TIMED += ["LowCardinality(DateTime)", "LowCardinality(Nullable(DateTime))"]
ZONED = ["DateTime('UTC')", "DateTime64(3, 'UTC')", "DateTime('Europe/Berlin')", "DateTime64(3, 'Asia/Tokyo')"]


def arrange(command: Any, type_: str, *, key: bool) -> None:
    settings = "allow_nullable_key = 1, index_granularity = 1"
    order = "c" if key else "tuple()"
    command("DROP TABLE IF EXISTS compared")
    command(
        f"CREATE TABLE compared (c {type_}) ENGINE = MergeTree ORDER BY {order} SETTINGS {settings}",
        settings={"allow_suspicious_low_cardinality_types": 1},
    )
    days = "toDateTime('2024-01-30 00:00:00', 'UTC') + INTERVAL number DAY"
    value = f"toDate({days})" if type_ in DATED else f"formatDateTime({days}, '%F %T')" if "String" in type_ else days
    command(f"INSERT INTO compared SELECT {value} FROM numbers(3)")


@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("type_", DATED + TIMED + ZONED + ["String", "LowCardinality(String)"])
async def test_a_time_is_compared_in_every_form_with_every_type(
    executor: Asked, type_: str, key: bool, request: pytest.FixtureRequest
) -> None:
    answering, command = executor
    arrange(command, type_, key=key)
    forms = {"String": WITHOUT_ZONE[:1], "LowCardinality(String)": WITHOUT_ZONE[:1]}.get(type_, WITH_ZONE)
    if type_ in DATED + TIMED + ZONED[:2]:
        forms = WITH_ZONE + WITHOUT_ZONE
    # On each engine every form with every type, by turns as the key and not: the other engine has it the other way.
    first = (request.node.callspec.params["executor"] == "server") == key
    for form in forms[0 if first or len(forms) == 1 else 1 :: 2]:
        comparisons = {
            where: count
            for where, count in COMPARISONS.items()
            if not any(reading in where for reading in READING) or ("," not in form and "String" not in type_)
        }
        tag = "{{DateTime(x)}}"
        counts = ", ".join(f"(SELECT count() FROM compared WHERE {where.format(tag, tag)})" for where in comparisons)
        (answer,) = await ask(answering, f"SELECT {counts}", {"x": form, "y": form}, ("c", type_))
        assert dict(zip(comparisons, map(int, answer), strict=True)) == comparisons, form
    command("DROP TABLE compared")


@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("type_", DATED + TIMED + ZONED)
async def test_a_fraction_of_a_second_counts(executor: Asked, type_: str, key: bool) -> None:
    answering, command = executor
    arrange(command, type_, key=key)
    forms = ["2024-01-31T00:00:00.500Z", "2024-01-31 01:00:00.25+01:00"]
    if type_ in DATED + TIMED:
        forms += ["2024-01-31 00:00:00.5", "2024-01-31T00:00:00,001"]
    wheres = {"c > {}": 1, "c <= {}": 2, "c = {}": 0, "c BETWEEN '2024-01-31' AND {}": 1}
    for form in forms:
        tag = "{{DateTime64(x)}}"
        counts = ", ".join(f"(SELECT count() FROM compared WHERE {where.format(tag)})" for where in wheres)
        (answer,) = await ask(answering, f"SELECT {counts}", {"x": form}, ("c", type_))
        assert dict(zip(wheres, map(int, answer), strict=True)) == wheres, form
    command("DROP TABLE compared")


@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("type_", DATED + TIMED + ZONED[:2] + ["String"])
async def test_a_date_is_compared_with_every_type(executor: Asked, type_: str, key: bool) -> None:
    answering, command = executor
    arrange(command, type_, key=key)
    tag = "{{Date(x)}}"
    wheres = {"c >= {}": 2, "c < {}": 1, "c BETWEEN {} AND {}": 0 if type_ == "String" else 1, "toDate(c) = {}": 1}
    counts = ", ".join(f"(SELECT count() FROM compared WHERE {where.format(tag, tag)})" for where in wheres)
    (answer,) = await ask(answering, f"SELECT {counts}", {"x": "2024-01-31"}, ("c", type_))
    assert dict(zip(wheres, map(int, answer), strict=True)) == wheres
    command("DROP TABLE compared")


async def test_a_time_uses_the_key(executor: Asked) -> None:
    answering, command = executor
    arrange(command, "DateTime", key=True)
    source = "EXPLAIN indexes = 1 SELECT c FROM compared WHERE c >= {{DateTime(x)}}"
    plan = "\n".join(row[0] for row in await ask(answering, source, {"x": "2024-02-01T00:00:00Z"}, ("c", "DateTime")))
    assert "Granules: 2/3" in plan
    command("DROP TABLE compared")


HUGE = "170141183460469231731687303715884105727"
DAY = "2024-01-01"
UUID = "61f0c404-5cb3-11e7-907b-a6006ad3dba0"
NUMBERS = "(SELECT number AS n FROM numbers(10))"
POSITIONS: list[tuple[str, dict[str, object], list[list[object]]]] = [
    (f"SELECT n FROM {NUMBERS} ORDER BY n LIMIT {{{{Int32(x)}}}} OFFSET {{{{Int32(y, 1)}}}}", {"x": "2"}, [[1], [2]]),
    (f"SELECT n FROM {NUMBERS} ORDER BY n LIMIT {{{{(Int32(x) - 1) * 2}}}}, {{{{UInt8(x)}}}}", {"x": "2"}, [[2], [3]]),
    (f"SELECT n % 2 AS m FROM {NUMBERS} ORDER BY m LIMIT {{{{Int32(x)}}}} BY m", {"x": "1"}, [[0], [1]]),
    ("SELECT toDate('2024-01-31') - INTERVAL {{Int32(x)}} DAY", {"x": "30"}, [["2024-01-01"]]),
    ("SELECT toDate('2024-01-31') - toIntervalDay({{Int32(x, 1)}})", {}, [["2024-01-30"]]),
    (
        "SELECT toStartOfInterval(toDateTime('2024-01-31 10:17:00', 'UTC'), INTERVAL {{Int32(x)}} MINUTE)",
        {"x": "15"},
        [["2024-01-31 10:15:00"]],
    ),
    ("SELECT dateDiff({{String(u)}}, toDate({{Date(x)}}), toDate('2024-01-31'))", {"u": "day", "x": DAY}, [[30]]),
    (f"SELECT quantileExact({{{{Float64(x)}}}})(n) FROM {NUMBERS}", {"x": "0.5"}, [[5]]),
    (f"SELECT topK({{{{Int32(x)}}}})(n % 1) FROM {NUMBERS}", {"x": "3"}, [[[0]]]),
    ("SELECT arrayElement(['a', 'b'], {{Int32(x)}}), ['a', 'b'][{{Int32(x)}}]", {"x": "2"}, [["b", "b"]]),
    ("SELECT substring({{x}}, {{Int32(y)}}), left({{x}}, {{Int32(y)}})", {"x": "abc", "y": "2"}, [["bc", "ab"]]),
    ("SELECT if({{Boolean(x)}}, 'a', 'b'), {{Boolean(x)}} = 1", {"x": "true"}, [["a", 1]]),
    ("SELECT {{column(x)}} FROM (SELECT 1 AS a, 2 AS b) ORDER BY {{column(x)}} DESC", {"x": "b"}, [[2]]),
    ("SELECT t.{{column(x)}} AS {{symbol(y)}} FROM (SELECT 7 AS a) AS t", {"x": "a", "y": "it's"}, [[7]]),
    ("SELECT {{columns(x, fn='max')}} FROM (SELECT 1 AS a, 2 AS b)", {"x": "a,b"}, [[1, 2]]),
    ("SELECT {{column(x)}}, count() FROM (SELECT 1 AS a) GROUP BY {{column(x)}}", {"x": "a"}, [[1, 1]]),
    (f"SELECT count() FROM {NUMBERS} WHERE n IN {{{{Array(x)}}}}", {"x": "1,2"}, [[2]]),
    (f"SELECT count() FROM {NUMBERS} WHERE n IN {{{{Array(x, 'Int32')}}}}", {"x": "1,2,-5"}, [[2]]),
    (f"SELECT count() FROM {NUMBERS} WHERE n NOT IN {{{{Array(x, 'UInt64')}}}}", {"x": "1,2"}, [[8]]),
    (f"SELECT count() FROM {NUMBERS} WHERE n IN {{{{Array(x, 'Int64', default=[])}}}}", {}, [[0]]),
    (f"SELECT count() FROM {NUMBERS} WHERE toNullable(n) IN {{{{Array(x)}}}}", {"x": "1"}, [[1]]),
    (f"SELECT count() FROM {NUMBERS} WHERE toLowCardinality(toString(n)) IN {{{{Array(x)}}}}", {"x": "1,x"}, [[1]]),
    (f"SELECT count() FROM {NUMBERS} WHERE has({{{{Array(x, 'UInt64')}}}}, n)", {"x": "1,2"}, [[2]]),
    (f"SELECT count() FROM {NUMBERS} WHERE has([n], {{{{Int32(x)}}}})", {"x": "1"}, [[1]]),
    (f"SELECT toUUID('{UUID}') IN {{{{Array(x)}}}}", {"x": UUID}, [[1]]),
    (f"SELECT toUUID('{UUID}') = {{{{String(x)}}}}", {"x": UUID}, [[1]]),
    ("SELECT toDate('2024-01-31') IN {{Array(x, 'Date')}}", {"x": "2024-01-31,2024-02-01"}, [[1]]),
    ("SELECT toDate('2024-01-31') IN {{Array(x)}}", {"x": "2024-01-31"}, [[1]]),
    ("SELECT {{Array(x, 'Int64')}}[1] = 9223372036854775807", {"x": "9223372036854775807"}, [[1]]),
    ("SELECT toString({{Int128(x)}}), toString({{Array(y, 'Int128')}}[1])", {"x": HUGE, "y": HUGE}, [[HUGE, HUGE]]),
    ("SELECT length({{Array(x, 'Int64', default=[])}}), {{Array(y, 'Boolean')}}", {"y": "1,false"}, [[0, [1, 0]]]),
    ("SELECT {{Array(x, 'Float64')}}, {{Array(y, 'Float32')}}", {"x": "1,2.5", "y": "-0.5"}, [[[1, 2.5], [-0.5]]]),
    ("SELECT count() FROM numbers({{UInt32(x)}}) WHERE number < {{Int32(x) * 2 - 5}}", {"x": "4"}, [[3]]),
    ("SELECT 'xay' LIKE {{ '%' + x + '%' }}, 'xay' ILIKE concat('%', {{x}}, '%')", {"x": "a"}, [[1, 1]]),
    ("SELECT match('xay', {{x}}), extract('xay', {{x}})", {"x": "[a-c]"}, [[1, "a"]]),
    ("SELECT n FROM numbers(1) AS t ARRAY JOIN {{Array(x)}} AS n ORDER BY n", {"x": "b,a"}, [["a"], ["b"]]),
    ("SELECT {{String(x)}} AS a, a || {{String(x)}} HAVING a = {{String(x)}}", {"x": "é'\\"}, [["é'\\", "é'\\é'\\"]]),
    ("WITH {{Int32(x)}} AS n SELECT n + 1", {"x": "1"}, [[2]]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "values", "expected"), POSITIONS, ids=[source for source, _, _ in POSITIONS])
async def test_a_value_is_bound_where_projects_write_it(
    executor: Asked, source: str, values: dict[str, object], expected: Any
) -> None:
    def plain(value: Any) -> Any:
        return [plain(each) for each in value] if isinstance(value, list) else str(value)

    assert plain(await ask(executor[0], source, values)) == plain(expected)
