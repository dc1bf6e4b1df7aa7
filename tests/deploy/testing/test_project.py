"""What of a project is deployed for its tests."""

from __future__ import annotations

from pathlib import Path

from deploy.testing.database.project import project_for_tests
from schemas.feed import feed_of
from schemas.model import Column, ColumnType, DataSource, Engine, JsonPath, Materialization, Node, Pipe, Project

COLUMN = Column("id", ColumnType("String", "String"), JsonPath("$.id", ("id",)))


def project(sql: str = "SELECT 1") -> Project:
    sources = [DataSource(name, (COLUMN,), Engine(ttl="at + 1")) for name in ("events", "users")]
    node = Node("n", sql, Materialization("t", engine=Engine(ttl="at + 1")))
    return Project(Path(), {source.name: source for source in sources}, {"p": Pipe("p", (node,))})


def fed(tested: Project) -> set[str]:
    return {name for name, source in tested.data_sources.items() if feed_of(source) is not None}


def test_rows_never_become_too_old() -> None:
    tested = project_for_tests(project(), {"events"})
    assert [source.engine.ttl for source in tested.data_sources.values()] == [None, None]
    [kind] = [node.kind for node in tested.pipes["p"].nodes]
    assert isinstance(kind, Materialization)
    assert kind.engine == Engine()


def test_what_no_test_comes_to_is_not_made() -> None:
    assert fed(project_for_tests(project(), {"events"})) == {"events"}
    assert fed(project_for_tests(project(), ())) == set()
    assert fed(project_for_tests(project("SELECT * FROM users_quarantine"), ())) == {"users"}
    assert fed(project_for_tests(project("SELECT __offset FROM users"), ())) == {"events", "users"}
