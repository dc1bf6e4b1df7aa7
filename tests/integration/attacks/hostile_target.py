"""What hostile requests are sent to: an API on a real ClickHouse, with the pipes of every test project and own ones."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from query_api.app import create_app
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.observing.log import log_observation
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.query import Query
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.settings import load_settings
from tests.integration.attacks.hostile_tokens import Caller
from tests.query_api.fakes import SECRET, FakeBroker

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "600"))

# In tables that nobody but the admin may read, and in rows that a token's fixed parameters leave out.
CANARY = "canary-3f9c1b"

# What a pipe answers by custom_error().
OWN_ERROR, OWN_STATUS = {"reason": "so"}, 418
FILES = {
    "vault.datasource": "SCHEMA >\n    `secret` String\n\nENGINE MergeTree\nENGINE_SORTING_KEY secret\n",
    "owned_rows.datasource": (
        "SCHEMA >\n    `owner` String,\n    `note` String\n\nENGINE MergeTree\nENGINE_SORTING_KEY owner\n"
    ),
    "vault_all.pipe": "NODE n\nSQL >\n    SELECT secret FROM vault\nTYPE endpoint\n",
    "vault_count.pipe": "TOKEN counter READ\n\nNODE n\nSQL >\n    SELECT count() AS n FROM vault\nTYPE endpoint\n",
    "owned.pipe": (
        "NODE n\nSQL >\n    %\n    SELECT owner, note FROM owned_rows WHERE owner = {{String(owner, 'alice')}}\n"
        "TYPE endpoint\n"
    ),
    "refusing.pipe": (
        "NODE n\nSQL >\n    %\n    SELECT 1 AS n\n    {% if defined(why) %}\n"
        f"    {{{{ custom_error({OWN_ERROR}, {OWN_STATUS}) }}}}{{% end %}}\nTYPE endpoint\n"
    ),
    "measured.pipe": "NODE n\nSQL >\n    SELECT 'up' AS name, 'gauge' AS type, 1.5 AS value\nTYPE endpoint\n",
    "chosen.pipe": (
        "NODE n\nSQL >\n    %\n    SELECT {{columns(which, 'number')}} FROM (SELECT number, toString(number) AS text"
        " FROM numbers({{UInt8(n, 3)}})){% if defined(big) %} LIMIT 1{% end %}\nTYPE endpoint\n"
    ),
    "kinds.pipe": """NODE n
SQL >
    SELECT toUInt64(1) AS a, toInt256(-1) AS b, map(1, 2.5) AS c, (1, 'a') AS d,
        CAST((1, 'a'), 'Tuple(x UInt8, y String)') AS e, 1.5::Decimal(9, 2) AS f, INTERVAL 1 DAY AS g,
        (1., 2.)::Point AS h, true AS i, now() AS j, NULL AS k, 'a'::Enum8('a' = 1) AS l, '1.2.3.4'::IPv4 AS m,
        nan AS n, [1::Nullable(Float64)] AS o, generateUUIDv4() AS p, toDate('2024-01-31') AS q, toNullable(1) AS r,
        toLowCardinality('a') AS s, 1::Dynamic AS t, '{"a":{"b":1}}'::JSON AS u,
        [(1, 'a')]::Nested(v UInt8, w String) AS v,
        unhex('ff00') AS w
TYPE endpoint
""",
}


@dataclass
class Capturing:
    """An executor that remembers what ClickHouse was asked, by the id of the request."""

    inner: Executor
    asked: dict[str, list[Query]] = field(default_factory=lambda: defaultdict(list))

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        self.asked[query_id[:32]].append(query)
        return await self.inner.execute(query, format=format, query_id=query_id, limits=limits, settings=settings)

    async def ping(self) -> None:
        await self.inner.ping()

    async def close(self) -> None:
        await self.inner.close()


@dataclass(frozen=True)
class Target:
    client: TestClient[web.Request, web.Application]
    executor: Capturing
    broker: FakeBroker

    async def document(self, caller: Caller) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {caller.value}"}
        async with self.client.get("/v0/pipes/openapi.json", headers=headers) as response:
            document: dict[str, Any] = await response.json()
        assert response.status == 200, document
        return document


PROJECTS = Path(__file__).parents[2] / "projects"


@pytest.fixture
async def target(clickhouse: Any, clickhouse_client: Client, database: str, tmp_path: Path) -> AsyncIterator[Target]:
    """The API on the pipes of every test project, of the example and of this test, with their tables and rows."""
    clickhouse_client.command(f"CREATE DATABASE {database}")
    clickhouse_client.database = database
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    folders = [tmp_path, EXAMPLE_PROJECT, *sorted(path.parent for path in PROJECTS.glob("*/rows.sql"))]
    loaded = [load_project(folder, environment={}) for folder in folders]
    data_sources = {name: source for project in loaded for name, source in project.data_sources.items()}
    pipes = {name: pipe for project in loaded for name, pipe in project.pipes.items()}
    project = type(loaded[0])(Path(), data_sources, pipes)
    apply(clickhouse_client, read_plan(clickhouse_client, project, database))
    for folder in folders[2:]:
        for statement in (folder / "rows.sql").read_text().split(";\n"):
            if statement.strip():
                clickhouse_client.command(statement)
    clickhouse_client.command(f"INSERT INTO vault (secret) VALUES ('{CANARY}')")
    clickhouse_client.command(f"INSERT INTO owned_rows (owner, note) VALUES ('alice', 'hers'), ('bob', '{CANARY}')")
    server = ClickHouseServer(clickhouse.url, database, clickhouse.user, clickhouse.password)
    executor, broker = Capturing(HttpExecutor(server, connections=8)), FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET, "CLICKHOUSE_DATABASE": database}),
        environment={},
        project=project,
        servers=Servers(executor, broker, broker, broker),
        observer=log_observation,
    )
    listening = TestServer(app)
    await listening.start_server(access_log=None, auto_decompress=False, max_line_size=32_768, max_field_size=32_768)
    skipped = ["Accept-Encoding", "Content-Type"]
    async with TestClient(listening, auto_decompress=False, skip_auto_headers=skipped) as client:
        yield Target(client, executor, broker)
