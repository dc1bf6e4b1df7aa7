"""`birdhouse verify` on views: what they counted is held against their sources, and what nobody can tell is said."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from deploy.operations.verify.deployed_views import deployed_views
from deploy.operations.verify.report import Verdict
from deploy.operations.verify.rollups import ATTEMPTS, RollupReport, verify_rollups, verify_views
from schemas.model import DataSource, Engine, Project
from schemas.project import load_project
from schemas.sql.text import qualified
from schemas.tables.views.view import TableUse, ViewShape
from service.clickhouse.asking import Asker
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from tests.integration.filled import fill
from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import project_of

HOUR = "toStartOfHour(at) AS hour"
STATES = "(hour DateTime, n AggregateFunction(count), users AggregateFunction(uniq, String))"
PLAIN = "(hour DateTime, n UInt64, spent UInt64) ENGINE = SummingMergeTree ORDER BY hour"


@dataclass
class Scene:
    client: Client
    asker: Asker
    database: str

    def command(self, sql: str) -> None:
        self.client.command(sql.replace("{db}", f"`{self.database}`"))

    def table(self, name: str, text: str) -> None:
        self.command(f"CREATE TABLE {{db}}.{name} {text}")

    def view(self, name: str, select: str, source: str = "events", behind: str = "", target: str = "") -> ViewShape:
        """A view that selects this from a table, and what stands behind the table's name; made."""
        statement = (f"SELECT {select} FROM ", TableUse(source), behind)
        shape = ViewShape(name, "node", source, (source,), target or f"per_{name}", statement)
        into = qualified(self.database, shape.target)
        self.command(f"CREATE MATERIALIZED VIEW {{db}}.{name} TO {into} AS {shape.select(self.database)}")
        return shape

    def events(self, numbers: range) -> None:
        minute = "toDateTime('2026-01-01 00:00:00', 'UTC') + number * 60"
        self.command(
            f"INSERT INTO {{db}}.events SELECT {minute}, toString(number % 7), number"
            f" FROM numbers({numbers.start}, {len(numbers)})"
        )

    def verify(
        self, *views: ViewShape, fed: tuple[str, ...] = (), sleep: Callable[[float], object] = lambda _: None
    ) -> RollupReport:
        (report,) = self.verify_all(*views, fed=fed, sleep=sleep)
        return report

    def verify_all(
        self, *views: ViewShape, fed: tuple[str, ...] = (), sleep: Callable[[float], object] = lambda _: None
    ) -> list[RollupReport]:
        return verify_rollups(views, self.asker, frozenset(fed), sleep=sleep)


@pytest.fixture(params=ENGINES)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    connect, database = connector(request), f"test_{uuid.uuid4().hex}"
    with Asker(connect, database) as asker:
        made = Scene(connect(), asker, database)
        made.command("CREATE DATABASE {db}")
        made.table("events", "(at DateTime, user String, amount UInt32) ENGINE = MergeTree ORDER BY at")
        yield made
        made.command("DROP DATABASE {db} SYNC")
        made.client.close()


def hourly(scene: Scene) -> ViewShape:
    scene.table("per_hourly", f"{STATES} ENGINE = AggregatingMergeTree ORDER BY hour")
    select = f"{HOUR}, countState() AS n, uniqState(user) AS users"
    return scene.view("hourly", select, behind=" WHERE amount != 5 GROUP BY hour")


def test_a_rollup_of_states_is_counted_through_its_condition(scene: Scene) -> None:
    view = hourly(scene)
    scene.events(range(1000))
    scene.events(range(1000, 1100))
    report = scene.verify(view)
    assert (report.verdict, report.expected, report.counted) == (Verdict.WELL, {"n": 1099}, {"n": 1099})


@pytest.mark.parametrize(("change", "counted"), [("missing", 100), ("doubled", 300)])
def test_what_a_rollup_misses_and_what_it_has_twice_is_found(scene: Scene, change: str, counted: int) -> None:
    scene.table("per_sums", PLAIN)
    select = f"{HOUR}, count() AS n, sum(amount) AS spent"
    view = scene.view("sums", select, behind=" GROUP BY hour")
    scene.events(range(100))
    assert scene.verify(view).verdict is Verdict.WELL
    if change == "missing":
        scene.command("DROP VIEW {db}.sums SYNC")
    else:
        scene.command(
            f"INSERT INTO {{db}}.per_sums {view.select(scene.database)} SETTINGS deduplicate_insert = 'disable'"
        )
        scene.command("DROP VIEW {db}.sums SYNC")
        scene.command("INSERT INTO {db}.per_sums SELECT toDateTime(0), 100, 0")
    scene.events(range(100, 200))
    report = scene.verify(view)
    assert report.verdict is Verdict.WRONG
    assert (report.expected["n"], report.counted["n"]) == (200, counted)


def test_a_chain_is_counted_link_by_link_whatever_was_merged(scene: Scene) -> None:
    first = hourly(scene)
    scene.table("per_daily", "(day Date, n AggregateFunction(count)) ENGINE = AggregatingMergeTree ORDER BY day")
    daily = scene.view("daily", "toDate(hour) AS day, countMergeState(n) AS n", "per_hourly", " GROUP BY day")
    for start in range(0, 3000, 500):
        scene.events(range(start, start + 500))
    scene.command("OPTIMIZE TABLE {db}.per_hourly FINAL")
    reports = scene.verify_all(first, daily)
    assert [report.verdict for report in reports] == [Verdict.WELL, Verdict.WELL]
    assert [report.counted for report in reports] == [{"n": 2999}, {"n": 2999}]


def test_several_views_into_one_target_are_counted_together(scene: Scene) -> None:
    scene.table("others", "(at DateTime, user String, amount UInt32) ENGINE = MergeTree ORDER BY at")
    scene.table("per_sums", PLAIN)
    select, behind = f"{HOUR}, count() AS n, sum(amount) AS spent", " GROUP BY hour"
    one = scene.view("sums", select, behind=behind)
    two = scene.view("more", select, "others", behind, target="per_sums")
    scene.events(range(100))
    scene.command("INSERT INTO {db}.others SELECT * FROM {db}.events LIMIT 30")
    report = scene.verify(one, two)
    assert (report.verdict, report.views, report.counted["n"]) == (Verdict.WELL, ("sums", "more"), 130)


def test_a_view_that_cannot_read_its_source_is_named_with_the_value(scene: Scene) -> None:
    view = hourly(scene)
    scene.events(range(100))
    broken = replace(view, statement=(f"SELECT {HOUR}, countState() AS n FROM ", TableUse("events"),
                                      " WHERE toUInt64(concat('x', user)) GROUP BY hour"))  # fmt: skip
    report = scene.verify(broken)
    assert report.verdict is Verdict.WRONG
    assert report.fails.startswith("Cannot parse string 'x0' as UInt64")
    assert report.fails.endswith("(at `user`)")


def test_rows_that_come_in_meanwhile_are_no_fault(scene: Scene) -> None:
    """What is under way is in the source and not in the view: it is counted again."""
    view = hourly(scene)
    scene.events(range(100))
    scene.command("DROP VIEW {db}.hourly SYNC")
    scene.events(range(100, 150))
    slept: list[float] = []

    def catch_up(seconds: float) -> None:
        slept.append(seconds)
        select = view.select(scene.database).replace("WHERE", "WHERE amount >= 100 AND")
        scene.command(f"INSERT INTO {{db}}.per_hourly {select}")

    assert scene.verify(view, sleep=catch_up).verdict is Verdict.WELL
    assert len(slept) == 1

    scene.events(range(150, 160))
    slept.clear()
    assert scene.verify(view, sleep=slept.append).verdict is Verdict.WRONG  # it does not catch up
    assert len(slept) == ATTEMPTS - 1


def test_views_are_found_as_they_are_deployed_and_those_of_the_mapping_are_none(scene: Scene) -> None:
    made = hourly(scene)
    scene.table("names", "(user String) ENGINE = MergeTree ORDER BY user")
    scene.table("per_v", f"{STATES} ENGINE = AggregatingMergeTree ORDER BY hour")
    joined = f" LEFT JOIN `{scene.database}`.names USING (user) GROUP BY hour"
    scene.view("v", f"{HOUR}, countState() AS n", behind=joined)
    scene.view("events_store", f"{HOUR}, countState() AS n", behind=" GROUP BY hour", target="per_v")
    events = DataSource("events", (), Engine("MergeTree"))
    found = deployed_views(scene.asker, Project(Path(), {"events": events}, {}))
    assert [(view.name, view.source, view.target, view.fills) for view in found] == [
        ("hourly", "events", "per_hourly", True),
        ("v", "events", "per_v", True),
    ]
    assert [set(view.reads) for view in found] == [{"events"}, {"events", "names"}]
    scene.events(range(100))
    assert scene.verify(found[0]).counted == scene.verify(made).counted == {"n": 99}


@pytest.mark.parametrize(
    ("reason", "select", "behind", "columns"),
    [
        ("count", f"{HOUR}, uniqState(user) AS users", " GROUP BY hour", STATES),
        ("now()", f"{HOUR}, countState() AS n", " WHERE at < now() GROUP BY hour", STATES),
        ("LIMIT", f"{HOUR}, countState() AS n", " GROUP BY hour LIMIT 5", STATES),
        ("HAVING", f"{HOUR}, countState() AS n", " GROUP BY hour HAVING count() > 1", STATES),
    ],
)
def test_what_nobody_can_tell_is_said(scene: Scene, reason: str, select: str, behind: str, columns: str) -> None:
    scene.table("per_v", f"{columns} ENGINE = AggregatingMergeTree ORDER BY hour")
    view = scene.view("v", select, behind=behind)
    scene.events(range(10))
    report = scene.verify(view)
    assert report.verdict is Verdict.UNKNOWN
    assert reason in report.unknown_because[0]


def test_nothing_is_counted_that_goes_away_or_was_never_filled(scene: Scene) -> None:
    view = hourly(scene)
    reports = [scene.verify(replace(view, fills=False)), scene.verify(view, fed=("per_hourly",))]
    reports.append(scene.verify(replace(view, reads=("events", "names"))))
    scene.command("ALTER TABLE {db}.per_hourly MODIFY TTL hour + INTERVAL 1 DAY")
    reports.append(scene.verify(view))
    reports.append(scene.verify(replace(view, target="gone")))
    assert {report.verdict for report in reports} == {Verdict.UNKNOWN}
    said = ("BACKFILL skip", "events come to its target", "`names` besides", "TTL of `per_hourly`", "no table `gone`")
    for report, words in zip(reports, said, strict=True):
        assert words in report.unknown_because[0]


PROJECTS = Path(__file__).parents[2] / "projects"


@pytest.mark.parametrize("name", ["chains", "classic", "dimensions", "over_endpoints", "rollups", "states"])
def test_whole_projects_are_well_or_say_why_nobody_can_tell(scene: Scene, name: str) -> None:
    project = load_project(PROJECTS / name, environment={})
    scene.client.command(f"DROP TABLE `{scene.database}`.events SYNC")
    apply(scene.client, read_plan(scene.client, project, scene.database))
    fill(scene.client, scene.database, project, PROJECTS / name)
    reports = verify_views(project, scene.asker)
    assert reports
    for report in reports:
        assert report.verdict is not Verdict.WRONG, report
        assert report.verdict is Verdict.WELL or all(report.unknown_because)


def test_what_a_former_select_or_view_wrote_is_not_held_against_todays(scene: Scene, tmp_path: Path) -> None:
    files = {
        "events.datasource": "SCHEMA >\n    `id` Int64\n\nENGINE MergeTree\nENGINE_SORTING_KEY id\n",
        "per_id.datasource": "SCHEMA >\n    `id` Int64,\n    `n` UInt64\n\n"
        "ENGINE SummingMergeTree\nENGINE_SORTING_KEY id\n",
    }

    def deploy(**selects: str) -> RollupReport:
        pipes = {
            f"{name}.pipe": f"NODE n\nSQL >\n    {select}\n\nTYPE materialized\nDATASOURCE per_id\n"
            for name, select in selects.items()
        }
        for old in tmp_path.glob("*.pipe"):
            old.unlink()
        project = project_of(tmp_path, {**files, **pipes})
        apply(scene.client, read_plan(scene.client, project, scene.database))
        scene.command("INSERT INTO {db}.events SELECT number FROM numbers(10) SETTINGS deduplicate_insert = 'disable'")
        (report,) = verify_views(project, scene.asker)
        return report

    scene.command("DROP TABLE {db}.events SYNC")
    first = deploy(count="SELECT id, count() AS n FROM events GROUP BY id")
    assert (first.verdict, first.counted) == (Verdict.WELL, {"n": 10})
    changed = deploy(count="SELECT id, count() AS n FROM events WHERE id > 4 GROUP BY id")
    assert (changed.verdict, changed.unknown_because) == (
        Verdict.UNKNOWN,
        ["it was not filled (BACKFILL skip), or its target has what another view or SELECT wrote"],
    )
    another = deploy(other="SELECT id, count() AS n FROM events GROUP BY id")
    assert another.verdict is Verdict.UNKNOWN
    assert "`count`" in another.unknown_because[0] or "BACKFILL skip" in another.unknown_because[0]
