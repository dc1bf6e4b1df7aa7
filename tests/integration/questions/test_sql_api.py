"""SQL of callers on a real server and on the embedded engine: it answers, and no token reads what is another's."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.engine.clickhouse_http import ClickHouseServer, HttpExecutor
from query_api.questions.sql_functions import is_refused
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
Asker = Callable[[str], tuple[int, str]]


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


ANSWERS = {
    "SELECT count() FROM my_events": [[3]],
    "SELECT kind, events FROM top ORDER BY kind": [["a", 2], ["b", 1]],
    "SELECT hiding.size > 3 FROM hiding WHERE hiding.size > 1": [[1]],
    "SELECT e.kind FROM my_events AS e JOIN top AS t USING kind WHERE e.number = 2": [["b"]],
    "SELECT count() FROM my_events WHERE kind IN (SELECT kind FROM top WHERE events > 1)": [[2]],
    "WITH c AS (SELECT * FROM my_events WHERE number > 1) SELECT count() FROM c": [[2]],
    "WITH my_events AS (SELECT * FROM my_events WHERE number > 1) SELECT count() FROM my_events": [[2]],
    "SELECT 1 UNION ALL SELECT count() FROM top WHERE 0": [[1], [0]],
    "(SELECT 1) UNION ALL (SELECT count() FROM top)": [[1], [2]],
    "SELECT number FROM numbers(3) WHERE number IN (SELECT number FROM my_events) ORDER BY number": [[1], [2]],
    "SELECT arrayMap(x -> x + 1, [1, 2]), arrayMap(lower, ['A'])": [[[2, 3], ["a"]]],
    "SELECT count() FROM my_events AS e LEFT ARRAY JOIN [1, 2] AS x": [[6]],
    "SELECT sum(number) OVER (ORDER BY number) FROM my_events ORDER BY number LIMIT 2 OFFSET 1": [[3], [6]],
    "SELECT * EXCEPT (number) FROM my_events ORDER BY number LIMIT 1 SETTINGS max_threads = 1": [["a"]],
    "SELECT size FROM hiding": [[len(SECRET_ROW)]],
    "SELECT count() FROM filtered": [[0]],
    "SELECT 'FROM hidden'; -- FROM hidden": [["FROM hidden"]],
    "SELECT count() FROM my_events // FROM hidden": [[3]],
    "SELECT 1 /* /* */ FROM hidden -- */": [[1]],
    "SELECT 1 # FROM hidden": [[1]],
    "SELECT dummy FROM system.one": [[0]],
    "SELECT x IN arr FROM (SELECT 1 AS x, [1, 2] AS arr)": [[1]],
    "SELECT v FROM values('v String', 'it')": [["it"]],
}


@pytest.mark.parametrize("sql", ANSWERS)
async def test_a_statement_is_answered(api: Api, sql: str) -> None:
    status, text = await api.sql(sql)
    assert status == 200, text
    assert [list(row.values()) for row in json.loads(text)["data"]] == ANSWERS[sql]


def lines_of(name: str) -> list[str]:
    return (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()


# Ways to another token's rows, one on each line, in which `\n` stands for a line break.
HOSTILE = lines_of("hostile_statements.txt")
# The caller's own names must not take the place of what the pipe's author meant.
POISONED = lines_of("poisoned_statements.txt")


async def test_nothing_of_another_token_is_told(api: Api) -> None:
    answered = []
    for line in HOSTILE:
        sql = line.replace("DATABASE_NAME", api.database).replace("\\n", "\n")
        for over in ({}, {"pipeline": "top"}):
            status, text = await api.sql(sql, **over)
            assert SECRET_ROW not in text, sql
            if status not in (400, 403):
                answered.append((status, sql, text))
    assert [sql for _, sql, _ in answered] == []


async def test_no_name_of_a_caller_stands_in_for_one_of_an_author(api: Api) -> None:
    for sql in POISONED:
        for token in ("mine", "admin"):
            status, text = await api.sql(f"{sql} FORMAT CSV", token)
            assert status in (200, 400, 403), sql
            assert SECRET_ROW not in text, sql
            assert "fake" not in text, sql


async def test_the_admin_token_reads_the_project_and_nothing_else(api: Api) -> None:
    assert await api.rows("SELECT kind FROM their_events UNION ALL SELECT kind FROM their_top", "admin") == [
        [SECRET_ROW],
        [SECRET_ROW],
    ]
    assert await api.rows("SELECT count() FROM their_events_quarantine", "admin") == [[1]]
    for name in ("hidden", "my_events_landing", "system.tables", "default.x", f"{api.database}.my_events"):
        status, text = await api.sql(f"SELECT * FROM {name}", "admin")
        assert (status, SECRET_ROW in text) == (403, False), name


async def test_parameters_reach_templates_of_callers_and_of_pipes(api: Api) -> None:
    assert await api.rows("SELECT sum(events) FROM top", least="3") == [[1]]
    assert await api.rows("% SELECT {{String(text)}}, sum(events) FROM _", text="it's", least="2", pipeline="top") == [
        ["it's", 2]
    ]
    assert await api.rows("% SELECT count() FROM my_events WHERE kind IN {{Array(kinds)}}", kinds="a,b") == [[3]]


FORMATS = {
    "": ("application/json", None),
    "FORMAT JSON": ("application/json", None),
    "FORMAT csv": ("text/csv", '"a",1\n'),
    "FORMAT CSVWithNames;": ("text/csv", '"kind","number"\n"a",1\n'),
    "FORMAT TSV": ("text/tab-separated-values", "a\t1\n"),
    "FORMAT TSVWithNames": ("text/tab-separated-values", "kind\tnumber\na\t1\n"),
    "FORMAT JSONEachRow": ("application/x-ndjson", '{"kind":"a","number":1}\n'),
    "FORMAT PrettyCompact": ("text/plain", None),
    "FORMAT Parquet": ("application/octet-stream", None),
    "FORMAT Native": ("application/octet-stream", None),
}


@pytest.mark.parametrize("clause", FORMATS)
async def test_each_format_has_its_content_type(api: Api, clause: str) -> None:
    sql = f"SELECT kind, number FROM my_events ORDER BY number LIMIT 1 {clause}"
    calls = {
        "q": api.client.get("/v0/sql", params={"q": sql}, headers=api.header("mine")),
        "text": api.client.post("/v0/sql", data=sql, headers=api.header("mine")),
        "form": api.client.post("/v0/sql", data={"q": sql}, headers=api.header("mine")),
    }
    for call in calls.values():
        response = await call
        body = await response.read()
        assert response.status == 200, body
        content_type, expected = FORMATS[clause]
        assert response.content_type == content_type
        assert expected is None or body.decode() == expected


async def test_sql_over_a_pipe(api: Api) -> None:
    path, headers = "/v0/pipes/top.csv", api.header("mine")
    sql = "SELECT sum(events) AS all FROM _"
    asked = {
        "parameter": api.client.get(path, params={"q": sql, "least": "2"}, headers=headers),
        "form": api.client.post(path, data={"q": sql, "least": "2"}, headers=headers),
        "text": api.client.post(f"{path}?least=2", data=sql, headers=headers),
    }
    for way, call in asked.items():
        response = await call
        assert (way, response.status, await response.text()) == (way, 200, '"all"\n2\n')
    response = await api.client.get("/v0/pipes/their_top.json", params={"q": "SELECT 1 FROM _"}, headers=headers)
    assert response.status == 403


NAMES = st.sampled_from(
    ["my_events", "top", "filtered", "hiding", "hidden", "their_events", "their_top", "system.tables"]
)
ALIASES = st.sampled_from(["a", "b", "hidden", "blocked", "my_events", "their_events", "lower", "top"])


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("SELECT * FROM ({}) AS {}".format, inner, ALIASES),
        st.builds("WITH {} AS ({}) SELECT * FROM {}".format, ALIASES, inner, ALIASES),
        st.builds("WITH {} AS ({}) SELECT * FROM view(SELECT * FROM {})".format, ALIASES, inner, NAMES),
        st.builds("SELECT (SELECT count() FROM ({})), kind FROM {} AS {}".format, inner, NAMES, ALIASES),
        st.builds("SELECT kind FROM {} WHERE kind IN ({}) OR kind IN {}".format, NAMES, inner, NAMES),
        st.builds("({}) UNION ALL ({})".format, inner, inner),
        st.builds("SELECT x.* FROM ({}) AS x JOIN {} AS {} ON 1 = 1".format, inner, NAMES, ALIASES),
        st.builds(
            "SELECT arrayMap({} -> (SELECT any(kind) FROM {}), ['x']), kind FROM ({})".format, ALIASES, NAMES, inner
        ),
        st.builds("{} /* ' */ -- '".format, inner),
    )


STATEMENTS = st.recursive(st.builds("SELECT kind FROM {}".format, NAMES), _wrapped, max_leaves=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=STATEMENTS)
def test_no_nesting_leaks(asker: Asker, sql: str) -> None:
    status, text = asker(sql)
    assert status in (200, 400, 403), text
    assert SECRET_ROW not in text


@pytest.fixture
def asker(api: Api) -> Asker:
    """Asks from a test that is no coroutine, on the loop that the application runs on."""
    loop = asyncio.get_event_loop()
    return lambda sql: loop.run_until_complete(api.sql(f"{sql} FORMAT CSV"))


async def test_every_function_that_sees_more_than_its_arguments_is_known(api: Api) -> None:
    found = await api.rows(
        "SELECT name FROM system.functions WHERE categories IN ('Dictionary', 'AI', 'Embedded Dictionary') "
        "OR match(name, '(?i)^(file|joinget|hascolumn|current|enabled|default(roles|profiles)|get[^s].*(set|mac|head)|"
        "filesystem|sleep|ai[A-Z]|host|session_user)') ORDER BY name"
    )
    assert len(found) > 60
    assert [name for (name,) in found if not is_refused(name)] == ["current_date", "current_timestamp"]


VALUES = [
    "'x'", "'it''s'", "'it\\'s'", "'\\\\'", "''", "' FORMAT JSON'", "0x1F", "0b11", "x'41'", "1e5", "1_000", "5.",
    "0 + .5", "-1", "$tag$ it's FORMAT JSON $tag$", "$$x$$", "[1, 2]", "(1, 'a')",
    "map('a', 1)", "NULL", "true", "inf", "format",
    "CASE WHEN 1 THEN 'a' END", "toDate('2024-01-01')", "DATE '2024-01-01'", "INTERVAL 1 DAY", "1::String", "a.1",
    "'x' -- it's FORMAT JSON\n", "'x' /* it's */", "'x' # it's\n", "'x' // it's\n", "`format`", "format AS select",
    "count(*)", "2 * format",
]  # fmt: skip
BEFORE_FORMAT = ["", " SETTINGS max_threads = 1", " FROM my_events WHERE kind = 'a' LIMIT 1 SETTINGS extremes = 0"]


@pytest.mark.parametrize("tail", [" FORMAT CSV", " format CSV;", "\nFORMAT /* it's */ CSV -- it's\n;"])
async def test_a_format_may_follow_any_value(api: Api, tail: str) -> None:
    for value in VALUES:
        for before in BEFORE_FORMAT:
            status, text = await api.sql(f"WITH (1, 2) AS a, 7 AS format SELECT {value}{before}{tail}")
            assert status == 200, (value, before, text)
            assert not text.startswith("{")
            assert len(text.splitlines()) == 1


async def test_settings_may_follow_the_format(api: Api) -> None:
    select, iso = "SELECT toDateTime(0, 'UTC') AS a", "SETTINGS date_time_output_format = 'iso'"
    for q in (f"{select} FORMAT CSV {iso}", f"{select} SETTINGS max_threads = 1 FORMAT CSV {iso};"):
        assert await api.sql(q) == (200, '"1970-01-01T00:00:00Z"\n')
    assert (await api.sql("SELECT 1 FORMAT CSV SETTINGS max_memory_usage = 1"))[0] == 403
    assert await api.rows("SELECT 2 * format x FROM (SELECT 3 AS format)") == [[6]]


@pytest.mark.parametrize("name", ["top", "related", "joining"])
async def test_a_pipe_answers_the_same_by_every_door(api: Api, name: str) -> None:
    """Also where its nodes are joined under an alias while their own names are used."""
    header = api.header("mine")
    answers = []
    for path in (
        f"/v0/pipes/{name}.json",
        f"/v0/pipes/{name}.json?q=SELECT * FROM _",
        f"/v0/pipes/top.json?q=SELECT * FROM {name}",
        f"/v0/sql?q=SELECT * FROM {name}",
        f"/v0/sql?q=SELECT _.* FROM _ AS x&pipeline={name}",
        f"/v0/sql?q=SELECT `{name}`.* FROM {name} AS x WHERE {name}.kind = x.kind FORMAT JSON",
        f"/v0/sql?q=(SELECT `{name}`.* FROM {name} AS x)",
        f"/v0/sql?q=WITH 1 AS one SELECT `{name}`.* FROM {name} AS x",
    ):
        async with api.client.get(path, headers=header) as response:
            answer = await response.json()
            assert response.status == 200, (path, answer)
        answers.append((answer["meta"], sorted(map(repr, answer["data"]))))
    assert answers[0][1]
    assert [each for each in answers if each != answers[0]] == []


async def test_an_alias_may_be_joined_by(api: Api) -> None:
    """`number + 1 AS id … USING id`: there is no column `id` in the table itself."""
    expected = [{"id": 2, "kind": "a"}, {"id": 3, "kind": "b"}, {"id": 4, "kind": "a"}]
    for path in ("/v0/pipes/aliased.json", "/v0/sql?q=SELECT * FROM aliased ORDER BY id"):
        async with api.client.get(path, headers=api.header("mine")) as response:
            assert (await response.json())["data"] == expected
    async with api.client.get("/v0/pipes/aliased/explain", headers=api.header("mine")) as response:
        assert response.status == 200, await response.text()
    q = "SELECT number + 1 AS id, b.id AS other FROM my_events AS a JOIN aliased AS b USING id ORDER BY id"
    assert await api.rows(q) == [[2, 2], [3, 3], [4, 4]]
