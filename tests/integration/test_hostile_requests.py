"""Hostile requests, made up from a seed, against a running API on a real ClickHouse.

None may end in a server error, show a token, or bring a caller's value into SQL. `FUZZ_REQUESTS` says how many.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client
from yarl import URL

from deploy.apply import apply
from deploy.plan import read_plan
from query_api.app import STATE, create_app
from query_api.auth import derive_token
from query_api.clickhouse_http import ClickHouseServer, HttpExecutor
from query_api.execute import Answer, Executor
from query_api.limits import Limits
from query_api.log_observer import log_observation
from query_api.query import Query
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.project import EXAMPLE_PROJECT, load_project
from service.settings import load_settings
from tests.query_api.fakes import SECRET, FakeBroker

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
# A word that every hostile text holds: where it is found, a caller's value is.
MARK = "zqx7"
ADMIN = derive_token(SECRET.encode(), "admin")
READER = derive_token(SECRET.encode(), "classic read")
PROJECTS = Path(__file__).parents[1] / "projects"
# The API's own words for overload; everything else from 500 on is a fault of ours.
OVERLOAD = (503, 504)

PIECES = [
    "' OR 1=1 --", "\\", "\\'", "'", '"', "`", "``", "{{", "{%", "{p1:String}", "{x:Identifier}", "\0", "\n", "\t",
    "\r\n", "\x1a", "%", "\\%", "%00", "ñ漢😀", "\u202e", "\ufeff", ")", "(", "/*", "*/", ";", "; DROP TABLE events",
    "--", "#", "UNION ALL SELECT 1", "system.tables", "0x41", "-1", "1e400", "nan", "inf", "9" * 40, "null", "NULL",
    "true", "[]", "[1,2]", "{}", '{"a":1}', "../../etc/passwd", "$(id)", "${HOME}", "__class__", "A" * 2000, ",", ",,",
    " ", "١٢٣",
]  # fmt: skip
PLAIN = [
    "", "1", "5", "0", "-5", "a", "a,b", "page_view", "2024-01-01", "2024-01-01 10:00:00", "2024-01-01T10:00:00Z",
    "2024-01-31 10:00:00.123", "true", "kind", "value, sensor", "[]", '[{"field":"kind","op":"eq","value":"a"}]',
]  # fmt: skip
TOOL_NAMES = [
    "token", "q", "format", "explain", "query_id", "tag", "pipeline", "debug", "template_parameters",
    "__tb__csv_header", "__tb__semver", "output_format_json_quote_64bit_integers", "output_format_json_quote_denormals",
    "output_format_parquet_string_as_string", "finalize_aggregations", "max_threads", "readonly", "param_p1", "p1",
    "database", "user", "password", "self", "range", "expression_wrapper", "_tt_utf8", "__class__", "loop", "defined",
]  # fmt: skip
# `q` is the caller's own SQL, and so may be a body that is nothing else: these hold no mark.
STATEMENTS = [
    "SELECT * FROM _", "SELECT count() AS n FROM _", "SELECT 1 FROM system.tables", "SELECT * FROM events", "SELECT",
    "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')", "INSERT INTO events VALUES (1)", "DROP TABLE events",
    "SELECT 1; SELECT 2", "SELECT 1 SETTINGS max_execution_time = 0, readonly = 0", "SHOW TABLES", "SELECT {p1:String}",
    "SELECT 1 INTO OUTFILE 'x'", "SELECT * FROM _ FORMAT Native", "% SELECT {{String(a)}}",
    "SELECT user(), currentUser()",
]  # fmt: skip
EXTENSIONS = ["json", "csv", "csvwithnames", "ndjson", "parquet", "prometheus"]


@dataclass
class Capturing:
    """An executor that remembers what ClickHouse was asked."""

    inner: Executor
    asked: list[Query] = field(default_factory=list)

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        self.asked.append(query)
        return await self.inner.execute(query, format=format, query_id=query_id, limits=limits, settings=settings)

    async def ping(self) -> None:
        await self.inner.ping()

    async def close(self) -> None:
        await self.inner.close()


@dataclass(frozen=True)
class Hostile:
    """One request as it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass
class Target:
    client: TestClient[web.Request, web.Application]
    executor: Capturing
    names: Mapping[str, list[str]]


class Author:
    """Makes up requests; the same seed makes up the same ones."""

    def __init__(self, names: Mapping[str, list[str]], seed: int) -> None:
        self._names = names
        self._random = random.Random(seed)

    def request(self) -> Hostile:
        chance = self._random
        pipe = chance.choice(list(self._names))
        path = self._path(pipe)
        query, headers, body = self._items(pipe), self._headers(), None
        method = chance.choices(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"], [60, 30, 2, 2, 2, 2, 2])[
            0
        ]
        if method in ("POST", "PUT", "PATCH"):
            body = self._body(pipe, headers)
        if chance.random() < 0.1:
            query.append(("token", chance.choice([ADMIN, READER, self._text()])))
        url = str(URL.build(path=path, encoded=False).with_query([(n, v) for n, v in query]))
        return Hostile(method, url, headers, body)

    def _path(self, pipe: str) -> str:
        chance = self._random
        if chance.random() < 0.85:
            return f"/v0/pipes/{pipe}.{chance.choice(EXTENSIONS)}"
        known = ["/v0/pipes", "/v0/datasources", "/v0/sql", "/v0/pipes/openapi.json", f"/v0/pipes/{pipe}", "/docs", "/"]
        strange = [
            f"/v0/pipes/{self._text()[:200]}.json",
            f"/v0/pipes/{pipe}.{self._text()[:50]}",
            f"/{self._text()[:200]}",
        ]
        return chance.choice(known + strange).replace("\0", "0")

    def _items(self, pipe: str) -> list[tuple[str, str]]:
        chance = self._random
        items = []
        for _ in range(chance.randrange(6)):
            name = chance.choice(self._names[pipe] or ["x"]) if chance.random() < 0.75 else chance.choice(TOOL_NAMES)
            if chance.random() < 0.05:
                name = self._text()[:100]
            items.append((name, self._value(name)))
        return items

    def _value(self, name: str) -> str:
        chance = self._random
        if name == "q":
            return chance.choice([*STATEMENTS, self._text().replace(MARK, " ")])
        return self._text() if chance.random() < 0.6 else chance.choice(PLAIN)

    def _text(self) -> str:
        chance = self._random
        pieces = [chance.choice(PIECES) for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.2:
            pieces.append("".join(chr(chance.randrange(1, 0xD800)) for _ in range(chance.randrange(8))))
        if chance.random() < 0.002:
            pieces.append("B" * 6_000)
        return MARK.join(["", *pieces, ""]) if chance.random() < 0.8 else "".join(pieces)

    def _headers(self) -> dict[str, str]:
        chance = self._random
        token = chance.choices([ADMIN, READER, "p.unknown", ""], [85, 5, 5, 5])[0]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for name in (
            "Accept",
            "Origin",
            "Content-Language",
            "X-Request-Id",
            "Range",
            "If-None-Match",
            "Accept-Encoding",
        ):
            if chance.random() < 0.05:
                headers[name] = "".join(c for c in self._text() if c.isascii() and c.isprintable())[:500]
        return headers

    def _body(self, pipe: str, headers: dict[str, str]) -> bytes:
        chance = self._random
        items = self._items(pipe)
        kind = chance.randrange(6)
        if kind == 0:
            body = str(URL.build(query=items)).removeprefix("?").encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif kind in (1, 2):
            values: dict[str, Any] = dict(items)
            for name in list(values):
                if chance.random() < 0.3:
                    values[name] = chance.choice(
                        [
                            None,
                            True,
                            1,
                            -1.5e300,
                            2**70,
                            [],
                            {},
                            [values[name], 1],
                            {"a": {"b": [values[name]]}},
                            [[[]]],
                        ]
                    )
            body = json.dumps(values).encode()
            headers["Content-Type"] = "application/json"
        elif kind == 3:
            body = b"[" * chance.choice([1, 10, 5_000])
            headers["Content-Type"] = "application/json"
        elif kind == 4:
            body = chance.randbytes(chance.randrange(200))
            headers["Content-Type"] = chance.choice(
                ["text/plain", "multipart/form-data", "application/x-ndjson", "a/b"]
            )
        else:
            body = self._value("q").encode()
        if chance.random() < 0.2:
            headers["Content-Encoding"] = chance.choice(["gzip", "gzip", "br", "zstd", "nonsense"])
            if chance.random() < 0.7:
                body = gzip.compress(body, mtime=0)
        return body


@pytest.fixture
async def target(clickhouse: Any, clickhouse_client: Client, database: str) -> AsyncIterator[Target]:
    """The API on the pipes of every test project and of the example, with their tables and rows."""
    clickhouse_client.command(f"CREATE DATABASE {database}")
    clickhouse_client.database = database
    folders = [EXAMPLE_PROJECT, *sorted(PROJECTS.iterdir())]
    loaded = [load_project(folder, environment={}) for folder in folders]
    data_sources = {name: source for project in loaded for name, source in project.data_sources.items()}
    pipes = {name: pipe for project in loaded for name, pipe in project.pipes.items()}
    project = type(loaded[0])(Path(), data_sources, pipes)
    apply(clickhouse_client, read_plan(clickhouse_client, project, database))
    for folder in folders[1:]:
        for statement in (folder / "rows.sql").read_text().split(";\n"):
            if statement.strip():
                clickhouse_client.command(statement)
    server = ClickHouseServer(clickhouse.url, database, clickhouse.user, clickhouse.password)
    executor, broker = Capturing(HttpExecutor(server, connections=8)), FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET, "CLICKHOUSE_DATABASE": database}),
        environment={},
        project=project,
        servers=Servers(executor, broker, broker, broker),
        observer=log_observation,
    )
    names = {name: [each.name for each in found.parameters] for name, found in app[STATE].catalog.endpoints.items()}
    listening = TestServer(app)
    await listening.start_server(access_log=None, auto_decompress=False, max_line_size=32768)
    session = {"auto_decompress": False, "skip_auto_headers": ["Accept-Encoding"]}
    async with TestClient(listening, **session) as client:
        yield Target(client, executor, names)


def check_answer(hostile: Hostile, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """An answer is well-formed: its status honest, its body what its type says."""
    assert status < 500 or status in OVERLOAD, (hostile, status, body[:500])
    assert ADMIN.encode() not in body
    content_type = headers.get("Content-Type", "")
    if hostile.method == "HEAD" or status == 204:
        assert body == b""
    elif content_type.startswith("application/json"):
        document = json.loads(body)
        assert status < 400 or (isinstance(document, dict) and "error" in document), (hostile, body[:500])
    elif status < 400 and content_type.startswith("application/x-ndjson"):
        for line in body.splitlines():
            json.loads(line)
    elif content_type == "application/octet-stream":
        assert (body[:4], body[-4:]) == (b"PAR1", b"PAR1")
    else:
        assert status < 400, (hostile, status, content_type)
        assert content_type.startswith("text/"), (hostile, status, content_type)


@pytest.mark.timeout(60 + REQUESTS // 20)
@pytest.mark.needs("clickhouse")
async def test_hostile_requests_are_answered_and_never_become_sql(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    author, statuses, asked = Author(target.names, SEED), dict[int, int](), 0
    for number in range(REQUESTS):
        hostile = author.request()
        request = target.client.session.request(
            hostile.method,
            URL(str(target.client.make_url("/")).rstrip("/") + hostile.url, encoded=True),
            headers=hostile.headers,
            data=hostile.body,
            timeout=aiohttp.ClientTimeout(total=30),
        )
        async with request as response:
            body = await response.read()
            check_answer(hostile, response.status, response.headers, body)
            statuses[response.status] = statuses.get(response.status, 0) + 1
        for query in target.executor.asked:
            assert MARK not in query.sql, (hostile, query)
        asked += len(target.executor.asked)
        target.executor.asked.clear()
        if number % 500 == 499 or number == REQUESTS - 1:
            for record in caplog.records:
                text = f"{record.getMessage()} {getattr(record, 'fields', '')}"
                assert record.exc_info is None, (text, record.exc_info)
                assert ADMIN not in text
                assert READER not in text
            caplog.clear()
    print(f"{REQUESTS} requests, {asked} queries, answers {dict(sorted(statuses.items()))}")
    # Requests that reach ClickHouse are the point: most must not end at the first check.
    assert asked > REQUESTS / 10
    assert statuses[200] > REQUESTS / 20
