"""The information API on a real ClickHouse: sizes of tables, EXPLAIN, and fixed parameters of signed tokens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.settings import QueryApiSettings
from schemas.model import Column, ColumnType, DataSource, Endpoint, Node, Pipe, Project
from service.settings import load_settings

SECRET = "0123456789abcdef0123456789abcdef"
ADMIN = derive_token(SECRET.encode(), "admin")
HEADERS = {"Authorization": f"Bearer {ADMIN}"}
BROKEN = "%\nSELECT toUInt8(upper({{tb_secret('salt')}})) AS n"
SQL = "%\nSELECT kind, {{tb_secret('salt')}} AS salt FROM events WHERE kind = {{String(kind, 'a')}}"


@pytest.fixture
async def api(
    kafka: str, clickhouse: Any, clickhouse_client: Client, database: str
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    clickhouse_client.command(f"CREATE DATABASE {database}")
    clickhouse_client.command(f"CREATE TABLE {database}.events (kind String) ENGINE = MergeTree ORDER BY kind")
    clickhouse_client.command(f"INSERT INTO {database}.events VALUES ('a'), ('a'), ('b')")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "BIRDHOUSE_SECRET": SECRET,
    }
    source = DataSource("events", (Column("kind", ColumnType("String", "String")),))
    kinds = Pipe("kinds", (Node("endpoint", SQL, Endpoint()),))
    broken = Pipe("broken", (Node("endpoint", BROKEN, Endpoint()),))
    app = create_app(
        load_settings(QueryApiSettings, environment),
        environment={"BIRDHOUSE_SECRET_salt": "hush-hush"},
        project=Project(Path(), {"events": source}, {"kinds": kinds, "broken": broken}),
    )
    server = TestServer(app)
    await server.start_server(auto_decompress=False)
    client = TestClient(server)
    yield client
    await client.close()


async def test_a_data_source_has_the_tables_size(api: TestClient[web.Request, web.Application]) -> None:
    response = await api.get("/v0/datasources/events", headers=HEADERS)
    statistics = (await response.json())["statistics"]
    assert statistics["row_count"] == 3
    assert statistics["bytes"] > 0


async def test_an_explanation_says_what_would_be_read(api: TestClient[web.Request, web.Application]) -> None:
    response = await api.get("/v0/pipes/kinds/explain?kind=b", headers=HEADERS)
    text = await response.text()
    found = await response.json()
    assert response.status == 200, text
    assert found["reads"] == [{"table": "events", "parts": 1, "rows": 3, "marks": 1}]
    assert any("Granules" in line for line in found["explain"])
    assert sorted(found["parameters"].values()) == ["***", "b"]
    assert "hush-hush" not in text


async def test_fixed_parameters_decide_which_rows_are_read(api: TestClient[web.Request, web.Application]) -> None:
    scope = {"type": "PIPES:READ", "resource": "kinds", "fixed_params": {"kind": "b"}}
    claims = {"name": "page", "exp": int(time.time()) + 60, "scopes": [scope]}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, ADMIN, algorithm='HS256')}"}
    response = await api.get("/v0/pipes/kinds.json?kind=a", headers=headers)
    assert [row["kind"] for row in (await response.json())["data"]] == ["b"]


@pytest.mark.parametrize(
    "path",
    [
        "/v0/pipes/broken.json",
        "/v0/pipes/broken.json?q=SELECT n FROM _",
        "/v0/pipes/broken/explain",
        "/v0/sql?q=SELECT n FROM broken",
    ],
)
async def test_an_error_that_quotes_a_secret_is_hidden(
    api: TestClient[web.Request, web.Application], path: str
) -> None:
    response = await api.get(path, headers=HEADERS)
    text = await response.text()
    assert response.status == 400, text
    assert "it quotes a secret" in text
    assert "hush" not in text.lower()
