"""`birdhouse explain DATA_SOURCE`: the views that fire, in their order, and what each of them costs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from deploy.explain.view_costs import Firing, ViewCosts, render_view_costs
from service.clickhouse.asking import Asker
from tests.schemas.mapping.engines import ENGINES, connector

TABLES = (
    "events (at DateTime, user String, amount UInt32) ENGINE = MergeTree ORDER BY at",
    "events_quarantine (why String) ENGINE = MergeTree ORDER BY why",
    "per_hour (hour DateTime, n AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY hour",
    "per_day (day Date, n AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY day",
    "nothing (user String) ENGINE = Null",
    "reasons (why String, n UInt64) ENGINE = SummingMergeTree ORDER BY why",
)
VIEWS = (
    "hourly TO {db}.per_hour AS SELECT toStartOfHour(at) AS hour, countState() AS n FROM {db}.events GROUP BY hour",
    "daily TO {db}.per_day AS SELECT toDate(hour) AS day, countMergeState(n) AS n FROM {db}.per_hour GROUP BY day",
    "people TO {db}.nothing AS SELECT user FROM {db}.events",
    "more TO {db}.reasons AS SELECT user AS why, 1 AS n FROM {db}.nothing",
    "wrong TO {db}.reasons AS SELECT why, 1 AS n FROM {db}.events_quarantine",
)


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Callable[[], Client]:
    return connector(request)


@pytest.fixture
def client(connect: Callable[[], Client]) -> Iterator[Client]:
    opened = connect()
    yield opened
    opened.close()


@pytest.fixture
def costs(connect: Callable[[], Client], database: str) -> Iterator[ViewCosts]:
    with Asker(connect, database) as asker:
        yield ViewCosts(asker)


@pytest.fixture
def database(client: Client) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    client.command(f"CREATE DATABASE {name}")
    for table in TABLES:
        client.command(f"CREATE TABLE {name}.{table}")
    for view in VIEWS:
        client.command(f"CREATE MATERIALIZED VIEW {name}.{view.replace('{db}', name)}")
    yield name
    client.command(f"DROP DATABASE {name} SYNC")


def test_views_are_shown_with_those_behind_them_and_what_each_costs(
    client: Client, database: str, costs: ViewCosts
) -> None:
    minutes = "toDateTime('2026-01-01 00:00:00', 'UTC') + number * 60"
    client.command(f"INSERT INTO {database}.events SELECT {minutes}, toString(number), 1 FROM numbers(60000)")
    found = costs.of("events")
    assert [each.firing for each in found] == [
        Firing("hourly", "events", "per_hour", 0),
        Firing("daily", "per_hour", "per_day", 1),
        Firing("people", "events", "nothing", 0),
        Firing("more", "nothing", "reasons", 1),
        Firing("wrong", "events_quarantine", "reasons", 0),
    ]
    hourly, daily, people, more, wrong = (each.cost for each in found)
    assert hourly is not None
    assert daily is not None
    assert people is not None
    assert (hourly.rows, hourly.written, people.written) == (60000, 1000, 60000)
    assert hourly.microseconds is not None
    assert (daily.rows, daily.written, daily.microseconds) == (1000, 42, None)
    assert (more, wrong) == (None, None)
    lines = render_view_costs("events", found).splitlines()
    assert re.fullmatch(r"hourly: events -> per_hour, 0\.0167 rows written, \d+\.\d\d µs CPU at most \(.*\)", lines[1])
    assert lines[2].startswith("  daily: per_hour -> per_day, 0.042 rows written (tried on 1,000 rows, too few")
    assert lines[4] == "  more: nothing -> reasons, cost unknown: `nothing` keeps no rows to try it on"


def test_a_view_that_fails_is_told_beside_the_others(client: Client, database: str, costs: ViewCosts) -> None:
    client.command(f"INSERT INTO {database}.events SELECT now(), toString(number), 1 FROM numbers(10)")
    throwing = "toString(throwIf(user = '7', 'seven')) AS user"
    client.command(f"ALTER TABLE {database}.people MODIFY QUERY SELECT {throwing} FROM {database}.events")
    found = {each.firing.view: each for each in costs.of("events")}
    assert found["hourly"].cost is not None
    assert found["people"].cost is None
    assert "seven" in found["people"].unknown
    assert render_view_costs("others", costs.of("others")).endswith("no materialized view reads `others`")
