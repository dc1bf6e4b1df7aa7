"""`birdhouse check` and `birdhouse deploy` with SQL that is wrong: who analyses it, and what becomes of the rest."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from tests import in_process
from tests.integration.running.runs import COMMAND, environment, needs_embedded
from tests.servers import ClickHouseServer

EVENTS = """SCHEMA >
    `id` UInt64 `json:$.id`,
    `name` String `json:$.name`

ENGINE MergeTree
ENGINE_SORTING_KEY id
"""
PIPE = "NODE endpoint\nSQL >\n    SELECT {sql}\n\nTYPE endpoint\n"
WRONG = "error: ClickHouse refuses the node `endpoint`: Unknown expression identifier `nam`\n  --> wrong.pipe:3:12\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """`wrong` names a column that there is not, `reader` reads it, `right` and `events` are right."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "events.datasource").write_text(EVENTS)
    (folder / "wrong.pipe").write_text(PIPE.format(sql="nam FROM events"))
    (folder / "reader.pipe").write_text(PIPE.format(sql="count() FROM wrong"))
    (folder / "right.pipe").write_text(PIPE.format(sql="name FROM events"))
    return folder


def birdhouse(*arguments: str, given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own where it may need an engine: one process can have one."""
    said = subprocess.run(
        [*COMMAND, *arguments], env=dict(given), capture_output=True, text=True, timeout=110, check=False
    )
    assert "Traceback" not in said.stderr
    return said


@pytest.fixture
def alone(project: Path, tmp_path: Path) -> dict[str, str]:
    """No server is configured."""
    return environment(tmp_path / "data", {"PROJECT_DIR": str(project)})


@pytest.fixture
def on_server(project: Path, tmp_path: Path, clickhouse: ClickHouseServer, database: str) -> dict[str, str]:
    return environment(
        tmp_path / "data",
        {
            "PROJECT_DIR": str(project),
            "CLICKHOUSE_URL": clickhouse.url,
            "CLICKHOUSE_USER": clickhouse.user,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
            "CLICKHOUSE_DATABASE": database,
        },
    )


@needs_embedded
def test_check_without_a_server_asks_an_engine_of_its_own_and_leaves_the_data_folder_alone(
    alone: dict[str, str], tmp_path: Path
) -> None:
    said = birdhouse("check", given=alone)
    assert (said.returncode, said.stdout.startswith(WRONG), said.stderr) == (1, True, "")
    assert "hint: did you mean `name`?" in said.stdout
    assert not (tmp_path / "data").exists()


def test_check_without_sql_reads_the_files_alone(alone: dict[str, str]) -> None:
    said = birdhouse("check", "--no-sql", given=alone)
    assert (said.returncode, said.stdout) == (0, "")


def test_a_machine_that_cannot_load_the_engine_says_so_and_goes_on(alone: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "chdb.py").write_text("raise ImportError('not for this machine')\n")
    said = birdhouse("check", given={**alone, "PYTHONPATH": str(tmp_path)})
    assert said.returncode == 0
    assert said.stderr.startswith("note: the SQL is not analysed: the package `chdb` is not installed")
    assert "1 data source and 3 pipes" in said.stderr


@needs_embedded
def test_a_server_that_does_not_answer_is_told_of_and_the_engine_asked(alone: dict[str, str]) -> None:
    said = birdhouse("check", given={**alone, "CLICKHOUSE_URL": "http://127.0.0.1:9"})
    assert said.returncode == 1
    assert said.stdout.startswith(WRONG)
    assert said.stderr.startswith(
        "note: the SQL is analysed by the embedded engine: ClickHouse at `http://127.0.0.1:9`"
    )


def test_deploy_refuses_the_whole_project(
    on_server: dict[str, str], clickhouse_client: Client, database: str, project: Path
) -> None:
    said = in_process.birdhouse(on_server, "deploy")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(WRONG)
    assert "nothing was changed\nhint: `--keep-going` deploys the rest" in said.stderr
    assert tables(clickhouse_client, database) == set()


def test_keep_going_deploys_what_is_right_and_names_what_it_leaves(
    on_server: dict[str, str], clickhouse_client: Client, database: str, project: Path
) -> None:
    (project / "refused.datasource").write_text(EVENTS.replace("`name` String", "`name` Decimal(99, 2)"))
    (project / "broken.pipe").write_text("NODE endpoint\nSQL >\n    SELECT 1; SELECT 2\n")
    said = in_process.birdhouse(on_server, "deploy", "--keep-going")
    assert said.returncode == 3
    assert WRONG in said.stderr
    for line in (
        "set aside `broken`: it has errors",
        "set aside `refused`: it has errors",
        "set aside `wrong`: it has errors",
        "set aside `reader`: it reads `wrong`",
    ):
        assert f"{line}\n" in said.stderr
    deployed = tables(clickhouse_client, database)
    assert "events" in deployed
    assert "refused" not in deployed
    assert in_process.birdhouse(on_server, "deploy", "--keep-going").stdout.startswith("nothing to do")


def test_a_view_of_a_pipe_that_is_set_aside_stays_as_it_is(
    on_server: dict[str, str], clickhouse_client: Client, database: str, project: Path
) -> None:
    for name in ("wrong", "reader"):
        (project / f"{name}.pipe").unlink()
    (project / "totals.datasource").write_text(
        "SCHEMA >\n    `name` String,\n    `events` UInt64\n\nENGINE SummingMergeTree\nENGINE_SORTING_KEY name\n"
    )
    view = "NODE n\nSQL >\n    SELECT name, count() AS {column} FROM events GROUP BY name\n\n"
    view += "TYPE materialized\nDATASOURCE totals\n"
    (project / "count.pipe").write_text(view.format(column="events"))
    assert in_process.birdhouse(on_server, "deploy").returncode == 0
    assert "count" in tables(clickhouse_client, database)
    (project / "count.pipe").write_text(view.format(column="evens"))
    said = in_process.birdhouse(on_server, "deploy", "--keep-going")
    assert (said.returncode, said.stdout.startswith("nothing to do")) == (3, True)
    assert "selects `evens`, which `totals` does not have" in said.stderr
    assert "note: nothing comes into `totals` from `count`, which is set aside" in said.stderr
    assert "count" in tables(clickhouse_client, database)


def test_a_new_column_that_old_producers_do_not_send_is_warned_of(on_server: dict[str, str], project: Path) -> None:
    for name in ("wrong", "reader"):
        (project / f"{name}.pipe").unlink()
    assert "will go to quarantine" not in in_process.birdhouse(on_server, "deploy").stderr
    new = "`json:$.name`,\n    `more` String `json:$.more`,\n    `other` String `json:$.other` DEFAULT 'none'"
    (project / "events.datasource").write_text(EVENTS.replace("`json:$.name`", new))
    said = in_process.birdhouse(on_server, "deploy")
    assert said.returncode == 0
    assert "warning: the new column `more` of `events` is required" in said.stderr
    assert "  --> events.datasource:4:5\n" in said.stderr
    assert "`other`" not in said.stderr


def tables(client: Client, database: str) -> set[str]:
    found = client.query(
        "SELECT name FROM system.tables WHERE startsWith(database, {database:String})",
        parameters={"database": database},
    )
    return {str(name) for (name,) in found.result_rows}
