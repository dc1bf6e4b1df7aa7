"""Views of materialized nodes through their life: made, changed, removed, and what somebody does to them by hand."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.model import Project
from schemas.project import load_project
from service.deployment.apply import apply
from service.deployment.plan import Plan, read_plan
from service.errors import RefusedPlanError
from tests.integration.deployment.deploys import state
from tests.schemas.mapping.mapped import Mapped, project_of
from tests.schemas.tables.views.projects import COUNTS, EVENTS, view

Deploy = Callable[..., Plan]
PROJECTS = Path(__file__).parents[2] / "projects"
FILES = {"events.datasource": EVENTS, "counts.datasource": COUNTS, "to_counts.pipe": view()}


def wanted(tmp_path: Path, files: dict[str, str]) -> Project:
    return project_of(tmp_path / uuid.uuid4().hex, files)


def deployed(client: Client, project: Project, database: str) -> Plan:
    """Deploy, and see that nothing is left to do."""
    plan = apply(client, read_plan(client, project, database))
    again = read_plan(client, project, database)
    assert again.is_empty, again.render()
    return plan


def messages(*users: str) -> list[bytes]:
    return [f'{{"at":"2024-01-01 00:00:00","user":"{user}"}}'.encode() for user in users]


def counts(client: Client, database: str, table: str = "counts") -> dict[str, int]:
    found = client.query(f"SELECT user, sum(n) FROM `{database}`.`{table}` GROUP BY user").result_rows
    return {str(user): int(n) for user, n in found}


@pytest.fixture
def mapped(client: Client, database: str, tmp_path: Path) -> Mapped:
    """`events`, whose users are counted by a view."""
    project = wanted(tmp_path, FILES)
    deployed(client, project, database)
    found = Mapped(client, database, project)
    found.own()
    return found


def test_a_batch_that_is_sent_again_counts_once_all_the_way(client: Client, database: str, tmp_path: Path) -> None:
    more = view("SELECT user, n FROM counts", into="copies")
    project = wanted(tmp_path, FILES | {"a_more.pipe": more, "copies.datasource": COUNTS})
    deployed(client, project, database)
    events = Mapped(client, database, project)
    events.own()
    for _ in range(3):
        events.insert("events", messages("ada", "bob", "ada"), first=0, token="one")
    assert counts(client, database) == counts(client, database, "copies") == {"ada": 2, "bob": 1}


def test_another_select_goes_on_where_the_former_stopped(
    client: Client, database: str, tmp_path: Path, mapped: Mapped
) -> None:
    mapped.insert("events", messages("ada"))
    upper = view("SELECT upper(user) AS user, count() AS n FROM events GROUP BY user")
    plan = deployed(client, wanted(tmp_path, FILES | {"to_counts.pipe": upper}), database)
    assert "adds     to_counts: replace the view of `events` into `counts`: rows that are there stay" in plan.render()
    assert plan.only_adds
    mapped.insert("events", messages("ada"))
    assert counts(client, database) == {"ada": 1, "ADA": 1}


def test_a_pipe_that_is_gone_takes_its_view_with_it_and_leaves_the_rows(
    client: Client, database: str, tmp_path: Path, mapped: Mapped
) -> None:
    client.command(
        f"CREATE MATERIALIZED VIEW `{database}`.theirs TO `{database}`.counts AS"
        f" SELECT user, 10 AS n FROM `{database}`.events COMMENT 'of somebody'"
    )
    mapped.insert("events", messages("ada"))
    files = {name: text for name, text in FILES.items() if name != "to_counts.pipe"}
    assert not deployed(client, wanted(tmp_path, files), database).only_adds
    mapped.insert("events", messages("ada"))
    assert counts(client, database) == {"ada": 21}


def test_a_pipe_that_comes_back_is_not_filled_with_what_its_target_has(
    client: Client, database: str, tmp_path: Path, mapped: Mapped
) -> None:
    mapped.insert("events", messages("ada"))
    files = {name: text for name, text in FILES.items() if name != "to_counts.pipe"}
    deployed(client, wanted(tmp_path, files), database)
    plan = deployed(client, wanted(tmp_path, files | {"renamed.pipe": view()}), database)
    assert "which is not filled: it has what the view `to_counts` wrote into it" in plan.render()
    assert counts(client, database) == {"ada": 1}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP VIEW `{}`.to_counts SYNC", "it is not there any more, and what came since is missing"),
        ("ALTER TABLE `{}`.to_counts MODIFY QUERY SELECT user, 5 AS n FROM `{}`.events", "it was changed by hand"),
    ],
)
def test_what_somebody_does_by_hand_is_seen_and_undone(
    client: Client, database: str, mapped: Mapped, statement: str, said: str
) -> None:
    mapped.insert("events", messages("ada"))
    client.command(statement.replace("{}", database))
    plan = read_plan(client, mapped.project, database)
    (change,) = plan.differences
    assert said in change.description
    assert (change.loses, change.held, change.answers) == (True, ("events",), True)
    deployed(client, mapped.project, database)
    mapped.insert("events", messages("ada"))
    assert counts(client, database) == {"ada": 2}


def test_a_view_of_somebody_else_is_never_replaced(
    client: Client, database: str, tmp_path: Path, mapped: Mapped
) -> None:
    client.command(
        f"CREATE MATERIALIZED VIEW `{database}`.taken TO `{database}`.counts AS"
        f" SELECT user, 1 AS n FROM `{database}`.events"
    )
    before = state(client, database)
    plan = read_plan(client, wanted(tmp_path, FILES | {"taken.pipe": view()}), database)
    with pytest.raises(RefusedPlanError, match="a view of its name that no deploy made"):
        apply(client, plan)
    assert state(client, database) == before


def test_what_can_be_no_view_changes_nothing(client: Client, database: str, tmp_path: Path) -> None:
    broken = view("SELECT user, 1 AS n FROM events UNION ALL SELECT user, n FROM counts")
    plan = read_plan(client, wanted(tmp_path, FILES | {"to_counts.pipe": broken}), database)
    with pytest.raises(RefusedPlanError, match=r"to_counts\.pipe:3:5: the materialized node `n`"):
        apply(client, plan)
    assert state(client, database) == []


def test_a_table_that_becomes_a_target_gets_its_window(client: Client, database: str, tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "to_counts.pipe"}
    deployed(client, wanted(tmp_path, files), database)
    plan = deployed(client, wanted(tmp_path, FILES), database)
    assert "counts: let it know a batch that is sent again" in plan.render()


@pytest.mark.parametrize("name", ["rollups", "chains", "over_endpoints", "described", "dimensions", "states"])
def test_each_view_hangs_on_the_table_that_the_project_says(client: Client, database: str, name: str) -> None:
    project = load_project(PROJECTS / name, environment={})
    plan = deployed(client, project, database)
    for shape in plan.project_views.shapes:
        found = client.query(
            "SELECT name FROM system.tables"
            " WHERE database = {database:String} AND has(dependencies_table, {view:String})",
            parameters={"database": database, "view": shape.name},
        ).result_rows
        assert [table for (table,) in found] == [shape.source]
