"""Plans and deploys on real engines: what they create, change and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.own_names import FENCE_TABLE, passage_tables, views
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.tables.change import Effect
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.errors import RefusedPlanError
from tests.integration.deployment.deploys import ADDITIONS, ALTERATIONS, EVENTS, Plans, changed, deploy, state
from tests.schemas.mapping.mapped import Mapped

OBJECTS = {
    *("events", "events_quarantine", FENCE_TABLE),
    *(*passage_tables("events"), *views("events")),
}


def test_a_deploy_creates_everything_and_the_next_has_nothing_to_do(
    client: Client, database: str, plan_of: Plans
) -> None:
    plan = plan_of(events=EVENTS)
    assert plan.creates_database
    assert plan.only_adds
    deploy(client, plan)
    before = state(client, database)
    assert {row[0] for row in before} == OBJECTS
    again = plan_of(events=EVENTS)
    assert again.render() == f"nothing to do: `{database}` holds what the project says"
    assert apply(client, again) is again
    assert state(client, database) == before


def test_reading_a_plan_changes_nothing(client: Client, database: str, plan_of: Plans) -> None:
    plan_of(events=EVENTS)
    assert client.query(f"SELECT name FROM system.databases WHERE name = '{database}'").result_rows == []
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    assert not plan_of(
        events=EVENTS.replace("SCHEMA >\n", "SCHEMA >\n    `new` Int8 `json:$.new` DEFAULT 1,\n")
    ).is_empty
    assert state(client, database) == before


def test_the_example_project_is_deployed_and_deployed_again(client: Client, database: str) -> None:
    plan = read_plan(client, load_project(EXAMPLE_PROJECT, environment={}), database)
    assert plan.only_adds
    deploy(client, plan)


@pytest.mark.parametrize("edit", [*ADDITIONS.values(), *ALTERATIONS.values()], ids=[*ADDITIONS, *ALTERATIONS])
def test_a_change_is_made_with_the_data_kept_and_can_be_taken_back(
    client: Client, database: str, plan_of: Plans, edit: tuple[str, str]
) -> None:
    deploy(client, plan_of(events=EVENTS))
    row = "INSERT INTO `{0}`.events (id, user, size, at) VALUES ('kept', 'u', 5, '2025-05-12 07:04:14')"
    client.command(row.format(database))
    plan = plan_of(events=changed(edit))
    assert plan.only_adds == (edit in ADDITIONS.values())
    deploy(client, plan)
    stored = client.query(f"SELECT id, user, size, toString(at, 'UTC') FROM `{database}`.events").result_rows
    assert [tuple(found) for found in stored] == [("kept", "u", 5, "2025-05-12 07:04:14")]
    back = plan_of(events=EVENTS)
    if "new" in edit[1] or "Nullable" in edit[1]:
        assert back.refused
    else:
        deploy(client, back)


REFUSALS = {
    "another type": ("Int32", "Int64"),
    "no longer nullable": ("String `json:$.id`", "LowCardinality(String) `json:$.id`"),
    "a column less": ("    `size` Int32 `json:$.size` DEFAULT 0,\n", ""),
    "another sorting key": ('"at, id"', '"id, at"'),
    "another partition key": ("toYYYYMM", "toYear"),
    "another engine": ('"MergeTree"', '"ReplacingMergeTree"'),
    "another primary key": ("ENGINE_SORTING_KEY", "ENGINE_PRIMARY_KEY at\nENGINE_SORTING_KEY"),
}


@pytest.mark.parametrize("edit", REFUSALS.values(), ids=REFUSALS)
def test_what_would_lose_data_is_refused_and_nothing_is_changed(
    client: Client, database: str, plan_of: Plans, edit: tuple[str, str]
) -> None:
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    plan = plan_of(events=changed(edit), others=EVENTS)
    assert [change.effect for change in plan.refused] == [Effect.REFUSED]
    assert plan.refused[0].hint
    with pytest.raises(RefusedPlanError, match="refused  events: "):
        apply(client, plan)
    assert state(client, database) == before


def test_a_plan_that_has_become_wrong_meanwhile_is_refused(client: Client, database: str, plan_of: Plans) -> None:
    stale = plan_of(events=changed(REFUSALS["another type"]))
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    with pytest.raises(RefusedPlanError):
        apply(client, stale)
    assert state(client, database) == before


def test_a_new_column_is_filled_from_then_on(client: Client, database: str, plan_of: Plans, tmp_path: Path) -> None:
    first = plan_of(events=EVENTS)
    mapped = Mapped(client, database, first.project)
    mapped.deploy()
    mapped.insert("events", [b'{"id":"before","new":"ignored"}'])
    mapped.project = plan_of(events=changed(ADDITIONS["a column at the end"])).project
    mapped.deploy()
    mapped.insert("events", [b'{"id":"after","new":"taken"}', b'{"id":5.5,"new":"bad","size":"x"}'])
    assert mapped.query("SELECT id, new FROM {table} ORDER BY id", "events") == [("after", "taken"), ("before", "old")]
    assert mapped.query("SELECT id, new FROM {table}", "events_quarantine") == [("5.5", "bad")]


HAND_MADE = """\
CREATE TABLE `{0}`.events (id String, user String DEFAULT 'nobody', size Int32, at DateTime)
ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY {1}
"""


def test_a_table_made_by_hand_is_taken_over_with_its_rows(client: Client, database: str, plan_of: Plans) -> None:
    client.command(f"CREATE DATABASE `{database}`")
    client.command(HAND_MADE.format(database, "(at, id)"))
    client.command(f"INSERT INTO `{database}`.events VALUES ('kept', 'u', 5, '2025-05-12 07:04:14')")
    plan = plan_of(events=EVENTS)
    assert not plan.refused
    deploy(client, plan)
    mapped = Mapped(client, database, plan.project)
    mapped.deploy()
    mapped.insert("events", [b'{"id":"new"}'], token="once")
    mapped.insert("events", [b'{"id":"new"}'], first=0, token="once")
    assert mapped.query("SELECT id FROM {table} ORDER BY id", "events") == [("kept",), ("new",)]


def test_a_table_made_by_hand_with_another_key_is_not_touched(client: Client, database: str, plan_of: Plans) -> None:
    client.command(f"CREATE DATABASE `{database}`")
    client.command(HAND_MADE.format(database, "id"))
    before = state(client, database)
    plan = plan_of(events=EVENTS)
    assert "the sorting key is `id` and should become `at, id`" in plan.render()
    with pytest.raises(RefusedPlanError):
        apply(client, plan)
    assert state(client, database) == before
