"""What `birdhouse explain` says that an index or a projection would read, and what is read once it is there."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client

from deploy.cli import main
from query_api.engine.limits import Limits
from tests.servers import ClickHouseServer

pytestmark = pytest.mark.needs("clickhouse")

FILE = (
    "SCHEMA >\n    `user` String `json:$.user`,\n    `at` DateTime `json:$.at`,\n    `size` UInt32 `json:$.size`\n\n"
    "ENGINE MergeTree\nENGINE_PARTITION_KEY toYYYYMM(at)\nENGINE_SORTING_KEY at\n"
)
PIPE = """\
NODE n
SQL >
    %
    SELECT user, quantiles(0.5)(size) FROM visits WHERE user = {{ String(user) }} GROUP BY user

TYPE endpoint
"""
# Users of whom each comes all along, and such that come for an hour and never again.
SPREAD, BRIEF = "concat('u', number % 500)", "concat('u', intDiv(number, 500))"


class Scene:
    def __init__(self, client: Client, database: str, folder: Path) -> None:
        self.client, self.database, self.folder = client, database, folder
        (folder / "visits.datasource").write_text(FILE)
        (folder / "by_user.pipe").write_text(PIPE)

    def run(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    def fill(self, user: str) -> None:
        self.client.command(
            f"INSERT INTO `{self.database}`.visits (user, at, size)"
            f" SELECT {user}, toDateTime('2026-01-20 00:00:00', 'UTC') + number * 5, number FROM numbers(400000)"
        )
        self.client.command(f"OPTIMIZE TABLE `{self.database}`.visits FINAL")

    def settle(self) -> None:
        pending = "SELECT count() FROM system.mutations WHERE database = {d:String} AND NOT is_done"
        give_up = time.monotonic() + 60
        while self.client.query(pending, parameters={"d": self.database}).result_rows[0][0]:
            assert time.monotonic() < give_up, "a mutation does not end"
            time.sleep(0.1)

    def tables(self) -> set[str]:
        """All of them that can be this test's: others run on the server too, each in a database of its own name."""
        found = self.client.query(
            "SELECT name FROM system.tables WHERE startsWith(database, {own:String}) OR database = 'default'",
            parameters={"own": self.database},
        )
        return {str(name) for (name,) in found.result_rows}

    def rows_read(self, user: str) -> int:
        answer = self.client.query(
            f"SELECT user, quantiles(0.5)(size) FROM `{self.database}`.visits WHERE user = {{u:String}} GROUP BY user",
            parameters={"u": user},
        )
        return int(answer.summary["read_rows"])


@pytest.fixture
def scene(
    clickhouse: ClickHouseServer,
    clickhouse_client: Client,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    environment = {
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "PROJECT_DIR": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Scene(clickhouse_client, database, tmp_path)


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def test_the_index_reads_what_was_counted(scene: Scene) -> None:
    scene.run("deploy")
    scene.fill(BRIEF)
    told = scene.run("explain", "by_user", "user=u77")
    assert number(r"visits: ([\d,]+) rows read, 500 of them", told) == scene.rows_read("u77") == 400_000
    line = "by_user user TYPE text(tokenizer = array)"
    assert told.rstrip().endswith(f"hint: add to `visits.datasource`, below `INDEXES >`:\n    {line}")
    before = scene.tables()
    scene.run("explain", "by_user", "user=u77")
    assert scene.tables() == before
    (scene.folder / "visits.datasource").write_text(f"{FILE}\nINDEXES >\n    {line}\n")
    scene.run("deploy")
    scene.settle()
    assert scene.rows_read("u77") == number(r"with an index ([\d,]+) rows", told) <= 2 * 8_192
    assert "could be spared" not in scene.run("explain", "by_user", "user=u77")


def test_the_projection_reads_no_more_than_was_counted(scene: Scene) -> None:
    scene.run("deploy")
    scene.fill(SPREAD)
    told = scene.run("explain", "by_user", "user=u77")
    assert number(r"with an index ([\d,]+) rows", told) == 400_000
    line = "# birdhouse: PROJECTION by_user (SELECT * ORDER BY user, at)"
    assert told.rstrip().endswith(f"\n{line}")
    (scene.folder / "visits.datasource").write_text(f"{FILE}{line}\n")
    scene.run("deploy")
    scene.settle()
    assert scene.rows_read("u77") <= number(r"at most ([\d,]+)\n", told) <= 4 * 8_192


def test_what_cannot_be_counted_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.run("deploy")
    scene.fill(SPREAD)
    monkeypatch.setattr("deploy.explain.explanation.LIMITS", Limits(bytes_to_read=1_000))
    told = scene.run("explain", "by_user", "user=u77")
    assert "visits: 400,000 rows in" in told
    assert "whether an index would help could not be counted: " in told
