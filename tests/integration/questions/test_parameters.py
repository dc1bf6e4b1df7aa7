"""What callers send as parameters, by every door over HTTP, and the rows that a real ClickHouse answers with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from deploy.explain.explanation import explain
from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.model import Column, ColumnType, Copy, DataSource, Endpoint, Node, Pipe, Project
from schemas.queries.catalog import compile_project
from service.settings import load_settings
from tests.query_api.fakes import FakeBroker

SECRET = "0123456789abcdef0123456789abcdef"
ADMIN = derive_token(SECRET.encode(), "admin")
HEADERS = {"Authorization": f"Bearer {ADMIN}"}
DATABASE = "parameters_db"
TYPES = {"id": "Int32", "name": "String", "day": "Date", "day32": "Date32", "at": "DateTime", "fine": "DateTime64"}
ROWS = """
    (1, 'Doe, John', '2026-01-01', '2026-01-01', '2026-01-01 10:00:00', '2026-01-01 10:00:00.5'),
    (2, 'Doe', '2026-03-02', '2026-03-02', '2026-03-02 10:00:00', '2026-03-02 10:00:00.5'),
    (3, ' John', '1970-01-01', '1950-01-01', '1970-01-01 00:00:00', '1950-01-01 00:00:00'),
    (4, 'it''s "q"', '2149-06-06', '2299-12-31', '2106-02-07 06:28:15', '2200-01-01 00:00:00'),
    (5, '', '2026-01-02', '2026-01-02', '2026-01-02 01:00:00', '2026-01-02 01:00:00')
"""
_BY_ID = "SELECT groupArray(id) AS ids FROM (SELECT id FROM people WHERE {} ORDER BY id)"
PIPES = {
    "by_id": _BY_ID.format("{% if defined(ids) %}id IN {{Array(ids, 'Int32')}}{% else %}1{% end %}"),
    "by_name": _BY_ID.format("{% if defined(names) %}name IN ({{Array(names)}}){% else %}1{% end %}"),
    "by_bare_name": _BY_ID.format("has({{names}}, name)"),
    "by_json": _BY_ID.format("has({{JSON(ids)}}, id)"),
    "by_looped_name": _BY_ID.format("0{% for n in Array(names) %} OR name = {{n}}{% end %}"),
    "without": _BY_ID.format("{{sql_and(id__not_in=Array(ids, 'Int32'))}}"),
    "echo": "SELECT {{String(x)}} AS x",
    "page": "SELECT groupArray(id) AS ids FROM (SELECT id FROM people ORDER BY id "
    "LIMIT {{Int32(size, 10)}} OFFSET ({{Int32(page, 1)}} - 1) * {{Int32(size, 10)}})",
    **{
        f"{kind}_{column}": _BY_ID.format(f"{column} >= {{{{{kind}(since)}}}}")
        for kind, columns in {
            "Date": ("day", "day32"),
            "DateTime": ("day", "at", "fine"),
            "DateTime64": ("fine", "at"),
        }.items()
        for column in columns
    },
    "on_day": _BY_ID.format("day = {{Date(since)}}"),
    "at_time": _BY_ID.format("at = {{DateTime(since)}}"),
    "in_days": _BY_ID.format("day IN {{Array(since, 'Date')}}"),
    "in_times": _BY_ID.format("at IN {{Array(since, 'DateTime')}}"),
    "to_day": _BY_ID.format("day >= toDate({{Date(since)}})"),
    "days_between": "SELECT {{date_diff_in_days(since, '2026-01-01')}} AS days",
    "ordered": "SELECT id FROM people ORDER BY {{symbol(order, '`')}}",
    "looped": "SELECT 1 AS one"
    "{% if defined(x) %}{% for i in [1] %}{% if not loop.first %}, {% end %}{% end %}{% end %}",
}  # fmt: skip


def people() -> DataSource:
    columns = tuple(
        Column(name, ColumnType(kind if kind != "DateTime64" else "DateTime64(3)", kind))
        for name, kind in TYPES.items()
    )
    return DataSource("people", columns)


def project() -> Project:
    pipes = {name: Pipe(name, (Node("endpoint", f"%\n{sql}", Endpoint()),)) for name, sql in PIPES.items()}
    copy = Node("copied", "%\nSELECT {{DateTime(job_timestamp)}} AS at", Copy("events"))
    pipes["copies"] = Pipe("copies", (copy,))
    pipes["read_copy"] = Pipe("read_copy", (Node("endpoint", "SELECT at FROM copies", Endpoint()),))
    return Project(Path(), {"people": people()}, pipes)


@dataclass
class Doors:
    client: TestClient[web.Request, web.Application]

    async def ids(self, pipe: str, **parameters: object) -> object:
        """The ids by a JSON body."""
        return await _ids(await self.client.post(f"/v0/pipes/{pipe}.json", json=parameters, headers=HEADERS))

    async def by_url(self, pipe: str, query: str) -> object:
        return await _ids(await self.client.get(f"/v0/pipes/{pipe}.json?{query}", headers=HEADERS))

    async def refused(self, pipe: str, query: str) -> str:
        response = await self.client.get(f"/v0/pipes/{pipe}.json?{query}", headers=HEADERS)
        body = await response.json()
        assert response.status == 400, body
        return str(body["error"])


async def _ids(response: Any) -> object:
    body = await response.json()
    assert response.status == 200, body
    return body["data"][0]["ids"]


@pytest.fixture
async def doors(embedded_engine: EmbeddedEngine) -> AsyncIterator[Doors]:
    engine = embedded_engine.client()
    columns = ", ".join(f"{name} {kind if kind != 'DateTime64' else 'DateTime64(3)'}" for name, kind in TYPES.items())
    for statement in (
        f"DROP DATABASE IF EXISTS {DATABASE}",
        f"CREATE DATABASE {DATABASE}",
        f"CREATE TABLE {DATABASE}.people ({columns}) ENGINE = MergeTree ORDER BY id",
        f"INSERT INTO {DATABASE}.people VALUES {ROWS}",
    ):
        engine.command(statement)
    engine.close()
    executor, broker = EmbeddedExecutor(embedded_engine.handle, database=DATABASE), FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET}),
        environment={},
        project=project(),
        servers=Servers(executor, broker, broker, broker),
        observer=lambda _: None,
    )
    client = TestClient(TestServer(app))
    await client.start_server()
    yield Doors(client)
    await client.close()


async def test_an_empty_list_matches_nothing(doors: Doors) -> None:
    assert await doors.ids("by_id", ids=[]) == []
    assert await doors.ids("by_name", names=[]) == []
    assert await doors.ids("by_bare_name", names=[]) == []
    assert await doors.ids("by_looped_name", names=[]) == []
    assert await doors.ids("without", ids=[]) == [1, 2, 3, 4, 5]
    assert await doors.ids("by_id", ids=None) == [1, 2, 3, 4, 5]
    assert await doors.ids("by_id") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("pipe", ["by_name", "by_bare_name", "by_looped_name"])
@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["Doe, John"], [1]),
        (["Doe, John", "nobody"], [1]),
        (["Doe", " John"], [2, 3]),
        (['it\'s "q"'], [4]),
        ([""], [5]),
        (["Doe, John", "", 'it\'s "q"'], [1, 4, 5]),
    ],
)
async def test_each_member_of_a_list_stays_one_value(doors: Doors, pipe: str, names: list[str], ids: list[int]) -> None:
    assert await doors.ids(pipe, names=names) == ids


async def test_a_list_keeps_its_shape_by_every_door(doors: Doors) -> None:
    client, names = doors.client, {"names": ["Doe, John"]}
    assert await doors.by_url("by_name", "names=Doe, John") == [2, 3]
    assert await doors.by_url("by_name", "names=Doe, John&names=x") == [1]
    form = await client.post("/v0/pipes/by_name.json", data=[("names", "Doe, John"), ("names", "x")], headers=HEADERS)
    assert await _ids(form) == [1]
    as_one = f"template_parameters={quote(json.dumps(names))}"
    assert await doors.by_url("by_name", as_one) == [1]
    assert await doors.by_url("by_name", f"{as_one}&q=SELECT * FROM _") == [1]
    over = await client.post("/v0/sql", json={**names, "q": "SELECT * FROM by_name"}, headers=HEADERS)
    assert await _ids(over) == [1]
    own = await client.post("/v0/sql", json={"ids": [], "q": "% SELECT {{Array(ids, 'Int8')}} AS ids"}, headers=HEADERS)
    assert await _ids(own) == []
    for fixed, ids in ((["Doe, John"], [1]), ([], [])):
        scope = {"type": "PIPES:READ", "resource": "by_name", "fixed_params": {"names": fixed}}
        token = jwt.encode({"name": "x", "exp": 4_000_000_000, "scopes": [scope]}, ADMIN, algorithm="HS256")
        sent = await client.get("/v0/pipes/by_name.json?names=Doe", headers={"Authorization": f"Bearer {token}"})
        assert await _ids(sent) == ids
    catalog = compile_project(project())
    assert explain(catalog, "by_name", [("names", "Doe, John"), ("names", "x")]).parameters == {
        "p1": "['Doe, John','x']"
    }
    assert explain(catalog, "by_id", [("template_parameters", '{"ids": []}')]).parameters == {"p1": "[]"}


async def test_numbers_of_a_list_are_exact_and_a_null_in_it_is_refused(doors: Doors) -> None:
    assert await doors.ids("by_id", ids=[1, 3]) == [1, 3]
    assert await doors.ids("by_id", ids=["1", "3"]) == [1, 3]
    assert await doors.ids("by_json", ids=[2, 5]) == [2, 5]
    for ids, told in (([1, None], "(null)"), ([[1, 2]], "([1, 2])"), ([1, "2,3"], "(2,3)"), ([1.5], "(1.5)")):
        response = await doors.client.post("/v0/pipes/by_id.json", json={"ids": ids}, headers=HEADERS)
        error = (await response.json())["error"]
        assert response.status == 400
        assert "`ids`" in error
        assert told in error
    response = await doors.client.post("/v0/pipes/echo.json", json={"x": [[1.10, "a"], {"b": None}]}, headers=HEADERS)
    assert (await response.json())["data"] == [{"x": '[[1.1, "a"], {"b": null}]'}]


async def test_a_list_may_have_thousands_of_members_and_too_many_are_413(doors: Doors) -> None:
    assert await doors.ids("by_id", ids=list(range(4, 20_000))) == [4, 5]
    form = "&".join(f"ids={number}" for number in range(4, 5_000))
    headers = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
    assert await _ids(await doors.client.post("/v0/pipes/by_id.json", data=form, headers=headers)) == [4, 5]
    for count in (40_000, 70_000):
        sent = {"ids": list(range(count))}
        response = await doors.client.post("/v0/pipes/by_id.json", json=sent, headers=HEADERS)
        assert response.status == 413
        assert "`ids`" in (await response.json())["error"]


DATES = ["2026-13-01", "2026-02-30", "9999-99-99", "2026-00-10", "0000-00-00", "2023-02-29", "1899-12-31", "2300-01-01"]
OTHER_DATES = ["20260101", "2026-1-1", "2026/01/01", "2026x01x01", "٢٠٢٦-01-01", "2026-01-01%0A", " 2026-01-01", ""]
TIMES = ["25:00:00", "24:00:00", "10:60:00", "10:00:60", "10:00:00 and more", "10:00:00%2B15:00", "10:00:00%2B05:75"]


@pytest.mark.parametrize("pipe", ["Date_day", "Date_day32", "on_day", "in_days", "to_day"])
async def test_a_date_that_does_not_exist_is_refused_by_name(doors: Doors, pipe: str) -> None:
    for text in DATES + OTHER_DATES:
        assert "`since`" in await doors.refused(pipe, f"since={text}")


@pytest.mark.parametrize(
    "pipe", ["DateTime_day", "DateTime_at", "DateTime_fine", "at_time", "in_times", "DateTime64_fine", "DateTime64_at"]
)
async def test_a_time_that_does_not_exist_is_refused_by_name(doors: Doors, pipe: str) -> None:
    end = ".5" if pipe.startswith("DateTime64") else ""
    texts = [f"{date} 10:00:00" for date in DATES if date] + [f"2026-01-01 {time}" for time in TIMES]
    texts += ["25:00:00", "2026x01y31 10:00:00", "٢٠٢٦-01-01 10:00:00", "2026-01-01t10:00:00", "26-01-01 10:00:00", ""]
    for text in texts:
        assert "`since`" in await doors.refused(pipe, f"since={text}{end}"), text


async def test_a_measure_between_dates_names_its_parameter(doors: Doors) -> None:
    for text in ("2026-13-01", "٢٠٢٦-01-01", "x"):
        assert "`since`" in await doors.refused("days_between", f"since={text}")
    assert "`since` (not given)" in await doors.refused("days_between", "")


async def test_a_time_beyond_what_a_column_holds_is_compared_as_what_it_is(doors: Doors) -> None:
    assert await doors.by_url("on_day", "since=1950-01-01") == []
    assert await doors.by_url("Date_day", "since=1950-01-01") == [1, 2, 3, 4, 5]
    assert await doors.by_url("Date_day", "since=2200-01-01") == []
    assert await doors.by_url("Date_day32", "since=2200-01-01") == [4]
    assert await doors.by_url("at_time", "since=1950-01-01 00:00:00") == []
    assert await doors.by_url("DateTime_at", "since=2200-01-01 00:00:00") == []
    assert await doors.by_url("DateTime_at", "since=31-01-2026 00:00:00") == [2, 4]
    assert await doors.by_url("DateTime_at", "since=2026-03-02T12:00:00%2B02:00") == [2, 4]


async def test_a_page_before_the_first_is_refused_and_not_counted_from_the_end(doors: Doors) -> None:
    assert await doors.by_url("page", "size=2&page=2") == [3, 4]
    assert "`size`" in await doors.refused("page", "size=-2")
    assert "`page`" in await doors.refused("page", "size=2&page=0")
    assert "`page`" in await doors.refused("page", "size=2&page=-1")
    own = "/v0/sql?n=-2&q=" + quote("% SELECT id FROM people LIMIT {{Int32(n)}}")
    response = await doors.client.get(own, headers=HEADERS)
    assert response.status == 400
    assert "`n`" in (await response.json())["error"]


async def test_a_function_that_is_given_nothing_names_the_parameter(doors: Doors) -> None:
    error = await doors.refused("ordered", "")
    assert error == (
        "Template Syntax Error: symbol() takes the text of a name, not nothing. "
        "It reads the parameter `order` (not given)."
    )


async def test_a_refused_tag_ends_the_requests_that_come_to_it_alone(doors: Doors) -> None:
    response = await doors.client.get("/v0/pipes/looped.json", headers=HEADERS)
    assert (await response.json())["data"] == [{"one": 1}]
    assert "attributes cannot be read: `first`" in await doors.refused("looped", "x=1")


async def test_a_copy_that_is_read_has_the_time_of_its_run(doors: Doors) -> None:
    response = await doors.client.get("/v0/pipes/read_copy.json", headers=HEADERS)
    assert (await response.json())["data"][0]["at"].startswith("20")
    response = await doors.client.get("/v0/pipes/read_copy.json?job_timestamp=2026-01-01 00:00:00", headers=HEADERS)
    assert (await response.json())["data"] == [{"at": "2026-01-01 00:00:00"}]
