"""SQL of callers on a real server and on the embedded engine: it answers, and no token reads what is another's."""

from __future__ import annotations

import json

import pytest

from tests.integration.callers import SECRET_ROW, Api

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
