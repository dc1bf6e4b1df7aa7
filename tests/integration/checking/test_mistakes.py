"""Three projects full of mistakes: all of them are told at once, each with its line and column, on both engines."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from deploy.checking.engines import analyse_with
from deploy.checking.examination import Examined, examine
from schemas.project import EXAMPLE_PROJECT
from service.analysis.project import Analyst
from tests.schemas.mapping.engines import ENGINES, connector

PROJECTS = sorted((Path(__file__).parent / "mistakes").iterdir())


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Callable[[], Client]:
    return connector(request)


def told(found: Examined) -> list[str]:
    """Each problem in a line, and what would be set aside."""
    problems = [
        f"{each.severity} {each.place} {each.message}" + (f" | {each.hint}" if each.hint else "")
        for each in found.problems
    ]
    return [*problems, "", *(f"set aside {name}: {reason}" for name, reason in found.set_aside.items())]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.name)
def test_every_mistake_is_told_at_once_with_its_place(connect: Callable[[], Client], folder: Path) -> None:
    analyst = Analyst(connect, "birdhouse")
    found = examine(folder, {}, analyse_with(analyst))
    expected = (folder / "expected.txt").read_text().splitlines()
    assert told(found) == expected
    assert sum(line.startswith("error") or line.startswith("warning") for line in expected) > 20
    # A second look asks nothing anew, and finds the same.
    assert told(examine(folder, {}, analyse_with(analyst))) == expected


def test_what_is_left_without_the_broken_parts_is_right(connect: Callable[[], Client]) -> None:
    for folder in PROJECTS:
        analyse = analyse_with(Analyst(connect, "birdhouse"))
        rest = examine(folder, {}, analyse).rest
        assert rest is not None
        assert rest.project.pipes
        assert analyse(rest.project, rest.catalog).errors == ()


def test_nothing_is_left_behind(connect: Callable[[], Client]) -> None:
    database = f"a_database_that_is_not_there_{uuid.uuid4().hex}"
    examine(PROJECTS[0], {}, analyse_with(Analyst(connect, database)))
    with closing(connect()) as client:
        found = [str(name) for (name,) in client.query("SELECT name FROM system.databases").result_rows]
    # Other tests are at the same server.
    assert not [name for name in found if name.startswith(database)]


SOUND = [
    EXAMPLE_PROJECT,
    *sorted(path.parent for path in (Path(__file__).parents[2] / "projects").glob("*/questions.json")),
]
# What is told of them beyond what reading the files tells.
TOLD = {"signed.pipe:6:11": "reads all rows of `orders` for those of one `order_id`"}


@pytest.mark.parametrize("folder", SOUND, ids=lambda path: path.name)
def test_projects_that_work_raise_no_false_alarm(connect: Callable[[], Client], folder: Path) -> None:
    found = examine(folder, {}, analyse_with(Analyst(connect, "birdhouse")))
    assert found.whole is not None
    beyond = [each for each in found.problems if each not in found.whole.warnings]
    for problem in beyond:
        assert TOLD[str(problem.place).rpartition("/")[2]] in problem.message
    assert len(beyond) == (folder.name == "web_shop")


def asked_about(connect: Callable[[], Client], folder: Path, **files: str) -> Examined:
    for name, text in files.items():
        path, _, kind = name.rpartition("_")
        (folder / f"{path}.{kind}").write_text(text)
    return examine(folder, {}, analyse_with(Analyst(connect, "birdhouse")))


EVENTS = "SCHEMA >\n    `id` UInt64,\n    `day` Date,\n    `name` String\n\nENGINE MergeTree\nENGINE_SORTING_KEY id\n"
PIPE = "NODE endpoint\nSQL >\n    %\n    {sql}\n\nTYPE endpoint\n"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        # The text of a parameter may be a date, a number, a column: nobody knows, so nothing is said.
        ("SELECT name FROM events WHERE day > toDate({{ String(since) }})", []),
        ("SELECT name FROM events WHERE id = toUInt64({{ String(number) }})", []),
        ("SELECT {{ column(what) }} FROM events", []),
        ("SELECT name FROM events WHERE day >= {{ String(day, '2025-01-01') }}", []),
        # With a default that cannot be read it fails for all who give none.
        ("SELECT name FROM events WHERE day > toDate({{ String(since, 'today') }})", ["error"]),
        # Two parameters that nobody gives at once.
        (
            "SELECT name {% if defined(a) %}, id AS x{% end %} {% if defined(b) %}, day AS x{% end %} FROM events",
            ["warning"],
        ),
        ("SELECT name FROM events {{ error('never') }}", ["warning"]),
        ("SELECT name FROM events WHERE id IN (SELECT number FROM numbers({{ UInt32(n, 10) }}))", []),
        ("SELECT count() FROM events WHERE {{ columns(c, 'id') }} > (SELECT sleep(0))", []),
    ],
)
def test_only_what_is_the_projects_own_is_told(
    connect: Callable[[], Client], tmp_path: Path, sql: str, said: list[str]
) -> None:
    found = asked_about(connect, tmp_path, events_datasource=EVENTS, p_pipe=PIPE.format(sql=sql))
    assert [each.severity for each in found.problems] == said, found.problems


def test_a_table_of_a_copy_that_reaches_another_server_is_not_asked_for(
    connect: Callable[[], Client], tmp_path: Path
) -> None:
    copy = "NODE n\nSQL >\n    SELECT * FROM url('http://127.0.0.1:9/x.csv', CSV, 'id UInt64')\n\nTYPE copy\n"
    found = asked_about(
        connect,
        tmp_path,
        events_datasource=EVENTS,
        c_pipe=f"{copy}TARGET_DATASOURCE events\nCOPY_SCHEDULE @on-demand\n",
    )
    assert not found.has_errors


def test_a_secret_is_in_no_complaint(connect: Callable[[], Client], tmp_path: Path) -> None:
    (tmp_path / "events.datasource").write_text(EVENTS)
    sql = "SELECT name FROM events WHERE day = {{ tb_secret('KEY') }}"
    (tmp_path / "p.pipe").write_text(PIPE.format(sql=sql))
    environment = {"BIRDHOUSE_SECRET_KEY": "hunter2"}
    found = examine(tmp_path, environment, analyse_with(Analyst(connect, "birdhouse")))
    assert found.has_errors
    assert "hunter2" not in repr(found.problems)
