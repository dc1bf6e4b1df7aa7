"""A composed statement answers as its nodes would with sub-queries in the place of names, on the embedded engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from deploy.embedded.engine import EmbeddedEngine
from schemas.model import Pipe
from tests.query_api.projects import catalog, pipe

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


@pytest.fixture(scope="module")
def engine(embedded_engine: EmbeddedEngine) -> Iterator[Client]:
    client = embedded_engine.client()
    for name, rows in {"events": "(1, 'a'), (2, 'b'), (3, 'c')", "`A.b`": "(9, 'dotted')"}.items():
        client.command(f"CREATE OR REPLACE TABLE {name} (x Int32, y String) ENGINE = Memory")
        client.command(f"INSERT INTO {name} VALUES {rows}")
    yield client
    client.command("DROP TABLE events")
    client.command("DROP TABLE `A.b`")
    client.close()


def answer(engine: Client, endpoint: str, *pipes: Pipe, **values: str) -> Any:
    query = catalog(*pipes, tables=("events", "A.b")).endpoints[endpoint].render(values)
    settings = {
        f"param_{name}": text if name in query.verbatim else text.translate(ESCAPES)
        for name, text in query.parameters.items()
    }
    body = engine.raw_query(query.sql, settings=settings, fmt="JSONCompactEachRow")
    return [json.loads(line) for line in body.splitlines()]


CASES = {
    "a node named as its table": (
        [[2]],
        pipe("p", events="SELECT * FROM events WHERE x > 1", n="SELECT count() FROM events"),
    ),
    "qualified by the node's name": (
        [[2], [3]],
        pipe("p", events="SELECT * FROM events WHERE x > 1", n="SELECT events.x FROM events ORDER BY events.x"),
    ),
    "a node hides a table from its own pipe alone": (
        [[2, 3]],
        pipe("other", n="SELECT count() AS c FROM events"),
        pipe("p", events="SELECT * FROM events WHERE x > 1", n="SELECT (SELECT count() FROM events), c FROM other"),
    ),
    "the same node name in two pipes": (
        [[1, 5]],
        pipe("other", a="SELECT 5 AS v", end="SELECT v FROM a"),
        pipe("p", a="SELECT 1 AS v", n="SELECT a.v, other.v FROM a, other"),
    ),
    "a WITH in the endpoint": (
        [[7, 3]],
        pipe("p", a="SELECT max(x) AS m FROM events", n="WITH 4 AS k, c AS (SELECT m FROM a) SELECT k + m, m FROM c"),
    ),
    "a WITH that hides a node": (
        [[2, 1]],
        pipe(
            "p", a="SELECT 1 AS v", b="SELECT v AS w FROM a", n="WITH a AS (SELECT 2 AS v) SELECT a.v, b.w FROM a, b"
        ),
    ),
    "a WITH within a node": (
        [[3]],
        pipe("p", a="WITH 3 AS k SELECT k", n="SELECT k FROM a"),
    ),
    "a union": (
        [[1], [1], [2]],
        pipe(
            "p",
            a="SELECT 1 v",
            n="SELECT * FROM (SELECT v FROM a UNION ALL SELECT v FROM a UNION ALL SELECT 2) ORDER BY v",
        ),
    ),
    "a union at the top": (
        [[1], [1]],
        pipe("p", a="SELECT 1 AS v", n="SELECT v FROM a UNION ALL SELECT v FROM a"),
    ),
    "a union in brackets": (
        [[1], [1]],
        pipe("p", a="SELECT 1 AS v", n="(SELECT v FROM a) UNION ALL (SELECT v FROM a)"),
    ),
    "a node after IN": (
        [[2], [3]],
        pipe("p", a="SELECT x FROM events WHERE x > 1", n="SELECT x FROM events WHERE x IN a ORDER BY x"),
    ),
    "a renamed node after IN": (
        [[2], [3]],
        pipe(
            "p",
            y="SELECT x FROM events WHERE x > 1",
            b="SELECT x FROM events WHERE x IN y",
            n="WITH y AS (SELECT 1) SELECT x FROM b ORDER BY x",
        ),
    ),
    "a scalar alias named as a column": (
        [[1], [2], [3]],
        pipe("p", a="SELECT x FROM events", n="WITH 5 AS x SELECT a.x FROM a ORDER BY a.x"),
    ),
    "names in double quotes": ([[3]], pipe("p", a="SELECT count() AS c FROM events", n='SELECT "c" FROM "a"')),
    "an ARRAY JOIN": (
        [[1, "a"], [2, "a"]],
        pipe(
            "p",
            a="SELECT [1, 2] AS v",
            n="SELECT e, y FROM a ARRAY JOIN v AS e JOIN events ON events.x = 1 ORDER BY e",
        ),
    ),
    "a dotted table": ([[9]], pipe("p", n="SELECT x FROM A.b")),
    "a version of a table": ([[3]], pipe("p", n="SELECT max(events__v2.x) FROM events__v2")),
    "FROM first": ([[3]], pipe("p", a="FROM events SELECT max(x) AS m", n="FROM a SELECT m")),
    "a column, a table and a node of one name": (
        [[3]],
        pipe("p", x="SELECT x FROM events", n="SELECT max(x) FROM x"),
    ),
    "a table function": ([[3]], pipe("p", a="SELECT number FROM numbers(3)", n="SELECT count() FROM a")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_names_mean_what_they_mean_in_their_own_pipe(engine: Client, case: tuple[Any, ...]) -> None:
    expected, *pipes = case
    assert answer(engine, "p", *pipes) == expected


POSITIONS = [
    ("SELECT x FROM events WHERE x = {{Int32(v)}}", {"v": "2"}, [[2]]),
    ("SELECT x FROM events WHERE x IN {{Array(v, 'Int32')}} ORDER BY x", {"v": "1,3"}, [[1], [3]]),
    ("SELECT y FROM events WHERE y IN {{Array(v)}}", {"v": "b,o'f"}, [["b"]]),
    ("SELECT x FROM events ORDER BY x LIMIT {{Int32(v)}} OFFSET {{Int32(w, 1)}}", {"v": "1"}, [[2]]),
    ("SELECT x FROM events ORDER BY x LIMIT {{Int8(v) * 2}}", {"v": "1"}, [[1], [2]]),
    ("SELECT x FROM events ORDER BY x LIMIT {{Int32(v)}} BY 1 + x % 1", {"v": "1"}, [[1]]),
    ("SELECT toDate('2024-01-31') - INTERVAL {{Int32(v)}} DAY", {"v": "3"}, [["2024-01-28"]]),
    ("SELECT quantile({{Float64(v)}})(x) FROM events", {"v": "0.5"}, [[2]]),
    ("SELECT {{columns(v)}} FROM events WHERE x = 1", {"v": "y, x"}, [["a", 1]]),
    ("SELECT {{columns(v, 'x', fn='max')}} FROM events", {"v": "y,x"}, [["c", 3]]),
    ("SELECT x FROM events ORDER BY {{column(v)}} DESC LIMIT 1", {"v": "y"}, [[3]]),
    ("SELECT toDateTime('2024-01-31 10:00:00') > {{DateTime(v)}}", {"v": "2024-01-31T09:00:00Z"}, [[1]]),
    ("SELECT count() FROM numbers({{Int32(v)}})", {"v": "4"}, [[4]]),
    ("SELECT number FROM numbers(2) ORDER BY number WITH FILL TO 3 STEP {{Int32(v)}}", {"v": "1"}, [[0], [1], [2]]),
    ("SELECT toHour(toDateTime(0, {{String(z, 'UTC')}}) + INTERVAL {{Int32(v)}} HOUR)", {"v": "5"}, [[5]]),
    ("SELECT {{JSON(v)}}['a']", {"v": '{"a": "q\'"}'}, [["q'"]]),
    ("SELECT x -- {{v}}\nFROM events WHERE 'it''s' != {{v}} AND x = 1", {"v": "a"}, [[1]]),
]  # fmt: skip


@pytest.mark.parametrize(("template", "values", "expected"), POSITIONS, ids=[template for template, *_ in POSITIONS])
def test_values_are_bound_in_every_position(
    engine: Client, template: str, values: dict[str, str], expected: Any
) -> None:
    assert answer(engine, "p", pipe("p", n="% " + template), **values) == expected


def test_an_identifier_is_a_name_and_never_an_expression(engine: Client) -> None:
    with pytest.raises(Exception, match="UNKNOWN_IDENTIFIER"):
        answer(engine, "p", pipe("p", n="% SELECT {{column(v)}} FROM events"), v="count()")
