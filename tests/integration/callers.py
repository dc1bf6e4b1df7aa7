"""An API on a real server and on the embedded engine, with tables that a token may read and others that it may not."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.model import Column, ColumnType, DataSource, Endpoint, Node, Pipe, Project, Token
from service.settings import load_settings
from tests.query_api.fakes import SECRET, FakeBroker

# What only the other token may read: no answer to `mine`, and no error, may hold it.
SECRET_ROW = "their-secret-row"
READ_MINE, READ_THEIRS = Token("mine", "READ"), Token("theirs", "READ")
TABLES = {
    "my_events": ("kind String, number UInt32", "('a', 1), ('b', 2), ('a', 3)"),
    "their_events": ("kind String, number UInt32", f"('{SECRET_ROW}', 1)"),
    "their_events_quarantine": ("kind String, number UInt32", f"('{SECRET_ROW}', 1)"),
    "my_events_landing": ("kind String, number UInt32", f"('{SECRET_ROW}', 1)"),
    "hidden": ("kind String, number UInt32", f"('{SECRET_ROW}', 1)"),
    "blocked": ("kind String", f"('{SECRET_ROW}')"),
}

COLUMNS = (Column("kind", ColumnType("String", "String")), Column("number", ColumnType("UInt32", "UInt32")))


def pipe(name: str, *nodes: str, token: Token) -> Pipe:
    *before, last = nodes
    parts = [Node(f"{name}_{number}", sql) for number, sql in enumerate(before)]
    return Pipe(name, (*parts, Node("endpoint", last, Endpoint())), (token,))


PROJECT = Project(
    Path(),
    {
        "my_events": DataSource("my_events", COLUMNS, tokens=(READ_MINE,)),
        "their_events": DataSource("their_events", COLUMNS, tokens=(READ_THEIRS,)),
        "blocked": DataSource("blocked", COLUMNS[:1]),
    },
    {
        each.name: each
        for each in (
            pipe("top", "%\nSELECT kind, number FROM my_events WHERE number >= {{UInt32(least, 1)}}",
                 "SELECT kind, count() AS events FROM top_0 GROUP BY kind", token=READ_MINE),
            pipe("filtered", "SELECT kind FROM their_events WHERE kind NOT IN blocked AND lower(kind) NOT IN "
                 "(SELECT kind FROM blocked)", token=READ_MINE),
            pipe("hiding", "SELECT kind FROM their_events", "SELECT length(kind) AS size FROM hiding_0",
                 token=READ_MINE),
            pipe("secretive", "%\nSELECT length({{String(password)}}) AS size, {{tb_secret('key')}} = '' AS none",
                 token=READ_MINE),
            pipe("related", "SELECT kind, number FROM my_events",
                 "SELECT kind, max(number) AS most FROM related_0 GROUP BY kind",
                 "SELECT related_0.kind AS kind, x.number AS number, related_1.most AS most FROM related_0 AS x "
                 "JOIN related_1 AS y ON related_0.kind = y.kind WHERE related_0.number = related_1.most ORDER BY kind",
                 token=READ_MINE),
            pipe("joining", "SELECT r.kind AS kind, top.events AS events FROM related AS r JOIN top AS t "
                 "ON related.kind = top.kind AND t.kind IN (SELECT kind FROM top)",
                 "(SELECT x.kind AS kind, joining_0.events AS events FROM joining_0 AS x) UNION ALL (SELECT 'end', 0)",
                 "WITH 1 AS one SELECT joining_1.kind AS kind, b.events AS events FROM joining_1 AS b ORDER BY events",
                 token=READ_MINE),
            pipe("aliased", "SELECT number + 1 AS id, kind FROM my_events",
                 "SELECT concat(kind, '') AS kind, b.id AS id FROM my_events AS a JOIN aliased_0 AS b USING kind",
                 "SELECT number + 1 AS id, b.kind AS kind FROM my_events AS a JOIN aliased_0 AS b USING id ORDER BY id",
                 token=READ_MINE),
            pipe("their_top", "SELECT kind FROM their_events", token=READ_THEIRS),
        )
    },
)  # fmt: skip

# More of the API's settings; other files' tests set them.
SETTINGS: dict[str, str] = {}


@dataclass(frozen=True)
class Api:
    client: TestClient[web.Request, web.Application]
    database: str

    async def sql(self, q: str, token: str = "mine", **parameters: str) -> tuple[int, str]:
        response = await self.client.post("/v0/sql", data={"q": q, **parameters}, headers=self.header(token))
        return response.status, await response.text()

    def header(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {derive_token(SECRET.encode(), token)}"}

    async def rows(self, q: str, token: str = "mine", **parameters: str) -> list[Any]:
        status, text = await self.sql(f"{q} FORMAT JSONCompact", token, **parameters)
        assert status == 200, text
        return list(json.loads(text)["data"])


def statements(database: str) -> Iterator[str]:
    for name, (columns, rows) in TABLES.items():
        yield f"CREATE TABLE {database}.{name} ({columns}) ENGINE = MergeTree ORDER BY tuple()"
        yield f"INSERT INTO {database}.{name} VALUES {rows}"
    yield f"CREATE TABLE {database}.joined (id UInt8, kind String) ENGINE = Join(ANY, LEFT, id)"
    yield f"INSERT INTO {database}.joined VALUES (1, '{SECRET_ROW}')"


@pytest.fixture(scope="module")
def engine(embedded_engine: EmbeddedEngine) -> Iterator[EmbeddedEngine]:
    client = embedded_engine.client()
    client.command("CREATE DATABASE callers")
    for statement in statements("callers"):
        client.command(statement)
    yield embedded_engine
    client.command("DROP DATABASE callers")
    client.close()


@pytest.fixture(scope="module")
def server_database(clickhouse: Any) -> Iterator[str]:
    client = clickhouse_connect.get_client(dsn=clickhouse.url, username=clickhouse.user, password=clickhouse.password)
    name = f"test_{secrets.token_hex(16)}"
    client.command(f"CREATE DATABASE {name}")
    for statement in statements(name):
        client.command(statement)
    yield name
    client.command(f"DROP DATABASE {name} SYNC")
    client.close()


@pytest.fixture(params=["server", "embedded"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    if request.param == "server":
        server, database = request.getfixturevalue("clickhouse"), request.getfixturevalue("server_database")
        executor: Any = HttpExecutor(
            ClickHouseServer(server.url, database, server.user, server.password), connections=4
        )
    else:
        database = "callers"
        executor = EmbeddedExecutor(request.getfixturevalue("engine").handle, database=database)
    broker = FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET, **SETTINGS}),
        environment={"BIRDHOUSE_SECRET_key": SECRET_ROW},
        project=PROJECT,
        servers=Servers(executor, broker, broker, broker),
    )
    server_of_api = TestServer(app)
    await server_of_api.start_server(auto_decompress=False)
    client = TestClient(server_of_api)
    yield Api(client, database)
    await client.close()
