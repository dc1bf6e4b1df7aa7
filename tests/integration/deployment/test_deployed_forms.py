"""Every engine, odd names and hidden keys on real engines, and projections that answer what is stored."""

from __future__ import annotations

import re
import time
from pathlib import Path

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from service.deployment.plan import read_plan
from tests.integration.deployment.deploys import ADDITIONS, EVENTS, Plans, changed, deploy, state
from tests.schemas.mapping.mapped import Mapped, project_of

ENGINE_FILES = {
    "replacing": "ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER v\nENGINE_IS_DELETED d\n",
    "summing": "ENGINE SummingMergeTree\nENGINE_SORTING_KEY a\nENGINE_COLUMNS v\n",
    "aggregating": "ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY a\n",
    "collapsing": "ENGINE CollapsingMergeTree\nENGINE_SORTING_KEY a\nENGINE_SIGN s\n",
    "versioned": "ENGINE VersionedCollapsingMergeTree\nENGINE_SORTING_KEY a\nENGINE_SIGN s\nENGINE_VERSION v\n",
    "nothing": "ENGINE Null\n",
    "plain": "",
    "joined": "ENGINE Join\nENGINE_JOIN_STRICTNESS ANY\nENGINE_JOIN_TYPE LEFT\nENGINE_KEY_COLUMNS a\n",
}


def test_every_engine_is_created_and_compared_with_itself(client: Client, database: str, plan_of: Plans) -> None:
    schema = "SCHEMA >\n    a String,\n    v UInt32,\n    d UInt8,\n    s Int8\n\n"
    fed = re.sub(r"(\w) (\w+)(,?)\n", r"\1 \2 `json:$.\1`\3\n", schema)
    texts = {name: schema + text for name, text in ENGINE_FILES.items()}
    texts |= {f"fed_{name}": fed + text for name, text in ENGINE_FILES.items() if name != "joined"}
    deploy(client, plan_of(**texts))
    engines = {str(row[0]): row for row in state(client, database)}
    assert set(texts) <= set(engines)


def test_keys_may_name_the_hidden_columns(client: Client, database: str, plan_of: Plans) -> None:
    keys = {"toYYYYMM(at)": "toYYYYMM(__timestamp)", "at, id": "__timestamp, __offset"}
    text = EVENTS
    for shown, hidden in keys.items():
        text = text.replace(shown, hidden)
    plan = plan_of(events=text)
    mapped = Mapped(client, database, plan.project)
    mapped.deploy()
    assert read_plan(client, plan.project, database).is_empty
    offsets = mapped.insert("events", [b'{"id":"b"}', b'{"id":"a"}'])
    assert list(mapped.rows("events", ["id"], offsets).values()) == [{"id": "b"}, {"id": "a"}]


def test_names_that_need_quotes_are_deployed_and_filled(client: Client, tmp_path: Path, database: str) -> None:
    odd = f"{database} of'`tests-1"
    columns = ["`x.y` Int32 `json:$.x.y`", "`a-b` String `json:$.['a-b']`", "`select` Array(String) `json:$.s[:]`"]
    schema = "SCHEMA >\n    " + ",\n    ".join(columns) + "\n"
    project: Project = project_of(tmp_path, {"A.b-c.datasource": schema + "\nENGINE_SORTING_KEY `a-b`\n"})
    mapped = Mapped(client, odd, project)
    try:
        mapped.deploy()
        mapped.insert("A.b-c", [b'{"x":{"y":5},"a-b":"d","s":["z"]}', b"{}"])
        assert mapped.query("SELECT * FROM {table}", "A.b-c") == [(5, "d", ["z"])]
        assert list(mapped.reasons("A.b-c")) == [1]
    finally:
        mapped.drop()


def test_a_projection_answers_what_is_stored_and_never_what_was_deleted(
    client: Client, database: str, plan_of: Plans
) -> None:
    deploy(client, plan_of(events=EVENTS))
    table = f"`{database}`.events"
    insert = (
        f"INSERT INTO {table} (id, user, at) SELECT toString(number), {{}}, '2025-05-12 07:04:14' FROM numbers({{}})"
    )
    client.command(insert.format("concat('u', number % 100)", 100_000))
    at_once = {"mutations_sync": 2, "lightweight_deletes_sync": 2}
    client.command(f"DELETE FROM {table} WHERE user = 'u1'", settings=at_once)
    edit = ADDITIONS["a projection"]
    plan = plan_of(events=changed(edit))
    assert "add the projection `by_user` and build it" in plan.render()
    deploy(client, plan)
    _await_mutations(client, database)
    client.command(insert.format("concat('v', number % 100)", 20_000))

    def rows(user: str) -> tuple[int, int]:
        answer = client.query(f"SELECT id, at FROM {table} WHERE user = {{user:String}}", parameters={"user": user})
        return answer.row_count, int(answer.summary["read_rows"])

    assert rows("u1")[0] == 0
    found, read = rows("u2")
    assert found == 1_000
    assert read <= 4 * 8_192
    client.command(f"DELETE FROM {table} WHERE user = 'u2'", settings=at_once)
    assert rows("u2")[0] == 0
    assert rows("u3")[0] == 1_000


def _await_mutations(client: Client, database: str) -> None:
    pending = "SELECT count() FROM system.mutations WHERE database = {database:String} AND NOT is_done"
    give_up = time.monotonic() + 60
    while client.query(pending, parameters={"database": database}).result_rows[0][0]:
        assert time.monotonic() < give_up, "a mutation does not end"
        time.sleep(0.1)
