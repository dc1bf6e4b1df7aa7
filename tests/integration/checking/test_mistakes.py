"""Three projects full of mistakes: all of them are told at once, each with its line and column, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from deploy.checking.engines import analyse_with
from deploy.checking.examination import Examined, examine
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
    def databases() -> set[str]:
        client = connect()
        found = {str(name) for (name,) in client.query("SELECT name FROM system.databases").result_rows}
        client.close()
        return found

    before = databases()
    examine(PROJECTS[0], {}, analyse_with(Analyst(connect, "a_database_that_is_not_there")))
    assert databases() == before
