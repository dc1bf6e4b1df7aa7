"""SQL of callers over HTTP, on an engine that says what a test says: what is asked of it, and in which order."""

from __future__ import annotations

import gzip
import json

import pytest

from query_api.ids import resource_id
from tests.query_api.fakes import Api


def parsed(*tables: str, **more: object) -> bytes:
    """What ClickHouse's parser says of a SELECT from these tables."""
    elements = [
        {"type": "TableExpression", "database_and_table_name": {"type": "TableIdentifier", "name": name}}
        for name in tables
    ]
    select = {"type": "SelectQuery", "tables": {"type": "TablesInSelectQuery", "children": elements}}
    tree = {"type": "SelectWithUnionQuery", "list_of_selects": {"type": "ExpressionList", "children": [select]}, **more}
    return json.dumps([json.dumps(tree), ["events", "hidden", "totals"]]).encode()


async def test_a_statement_is_parsed_by_clickhouse_before_it_runs(api: Api) -> None:
    api.executor.body = parsed("events")
    response = await api.client.get("/v0/sql?q=SELECT kind FROM events FORMAT CSV", headers=api.token())
    assert response.status == 200
    proof, run = api.executor.questions
    assert proof.query.parameters == {"statement": run.query.sql}
    assert run.query.sql not in proof.query.sql
    assert (run.query.sql.strip(), run.format) == ("SELECT kind FROM events", "CSV")
    assert response.headers["Content-Type"] == "text/csv; charset=UTF-8; header=absent"


@pytest.mark.parametrize(
    "body",
    [
        parsed("hidden"),
        parsed("events", "hidden"),
        parsed("events", out_file={"type": "Literal"}),
        parsed("events", news={"type": "NodeOfALaterClickHouse"}),
        parsed("events", type="ShowTablesQuery"),
    ],
)
async def test_what_the_parser_finds_decides_and_not_what_we_found(api: Api, body: bytes) -> None:
    api.executor.body = body
    response = await api.client.get("/v0/sql?q=SELECT kind FROM events", headers=api.token())
    assert response.status in (400, 403)
    assert len(api.executor.questions) == 1


async def test_a_plain_request_of_a_pipe_asks_once(api: Api) -> None:
    assert (await api.client.get("/v0/pipes/top.json", headers=api.token())).status == 200
    assert len(api.executor.questions) == 1


@pytest.mark.parametrize(
    ("path", "token", "status", "words"),
    [
        ("/v0/sql", "admin", 400, "the SQL is missing"),
        ("/v0/sql?q=%20", "admin", 400, "the SQL is missing"),
        ("/v0/sql?q=SELECT 1 FORMAT Odd", "admin", 400, "the format `Odd` is not offered"),
        ("/v0/sql?q=DROP TABLE events", "admin", 400, "is a SELECT, not `DROP`"),
        ("/v0/sql?q=SELECT 1%00", "admin", 400, "control character"),
        ("/v0/sql?q=SELECT 1 FROM _&pipeline=none", "admin", 404, "The pipe 'none' does not exist"),
        ("/v0/sql?q=SELECT 1 FROM _&pipeline=picky", "board", 403, "no READ scope on `picky`"),
        ("/v0/sql?q=SELECT 1 FROM events", "board", 403, "may not read `events`"),
        ("/v0/sql?q=SELECT 1 FROM nothing", "board", 403, "may not read `nothing`"),
        ("/v0/sql?q=SELECT 1", "unknown", 403, "not valid"),
        ("/v0/pipes/top.json?q=SELECT 1 FROM _ FORMAT CSV", "board", 400, "FORMAT clause"),
    ],
)
async def test_what_is_refused_is_never_asked(api: Api, path: str, token: str, status: int, words: str) -> None:
    response = await api.client.get(path, headers=api.token(token))
    assert response.status == status
    assert words in (await response.json())["error"]
    assert api.executor.questions == []


async def test_sql_that_is_too_long_is_413(api: Api) -> None:
    response = await api.client.post("/v0/sql", data="SELECT " + "1" * 65_536, headers=api.token())
    assert response.status == 413


async def test_template_parameters_reach_the_pipe_and_what_is_given_by_itself_wins(api: Api) -> None:
    more = json.dumps({"kind": "inner", "limit": 3, "q": "SELECT 2", "pipeline": "odd", "token": "x"})
    path = {"limit": "7", "template_parameters": more}
    response = await api.client.get("/v0/pipes/top.json", params=path, headers=api.token())
    assert response.status == 200
    (asked,) = api.executor.questions
    assert sorted(asked.query.parameters.values()) == ["7", "inner"]


async def test_template_parameters_that_are_no_object_are_400(api: Api) -> None:
    response = await api.client.get("/v0/pipes/top.json?template_parameters=[1]", headers=api.token())
    assert response.status == 400
    assert "`template_parameters`" in (await response.json())["error"]


async def test_a_pipe_is_asked_by_its_id(api: Api) -> None:
    response = await api.client.get(f"/v0/pipes/{resource_id('top')}.json", headers=api.token("board"))
    assert response.status == 200
    assert (await api.client.get(f"/v0/pipes/{resource_id('odd')}.json", headers=api.token("board"))).status == 403


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (
            {"Content-Encoding": "gzip", "Content-Type": "application/json"},
            gzip.compress(b'{"kind": "a"}', mtime=0),
            200,
        ),
        ({"Content-Encoding": "gzip"}, b"kind=a", 400),
        ({"Content-Encoding": "br"}, b"kind=a", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n1\r\n--x--", 415),
        ({"Content-Type": "Application/JSON"}, b'{"kind": "a"}', 200),
    ],
)
async def test_bodies_of_parameters(api: Api, headers: dict[str, str], body: bytes, status: int) -> None:
    response = await api.client.post("/v0/pipes/top.json", data=body, headers=api.token() | headers)
    assert response.status == status
    if status == 200:
        assert api.executor.questions[-1].query.parameters["p1"] == "a"
