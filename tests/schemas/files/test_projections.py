"""Projections in marked comments: read, checked, made and changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.checks.data_sources import check_data_source
from schemas.files.lines.datafile import lines_of
from schemas.files.projections import parse_projections
from schemas.model import DataSource, Problem, Projection
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Effect
from schemas.tables.ddl.tables import table_ddl
from schemas.tables.deployed import from_comment, to_comment
from schemas.tables.diff.project import diff
from schemas.tables.source_shape import shape_of
from tests.schemas.files.test_datasource import read

COLUMNS = "SCHEMA >\n    `id` String,\n    `user` String,\n    `at` DateTime\n\nENGINE {}\nENGINE_SORTING_KEY at\n{}"
LINE = "# birdhouse: PROJECTION by_user (SELECT * ORDER BY user, at)\n"


def data_source(lines: str = LINE, engine: str = "MergeTree") -> DataSource:
    found, problems = read(COLUMNS.format(engine, lines))
    assert found is not None, problems
    return found


@pytest.mark.parametrize(
    ("text", "projection"),
    [
        ("# birdhouse: PROJECTION p (SELECT * ORDER BY a)", ("p", "*", "a")),
        ("#Birdhouse:  projection `p q` ( select a, lower(b) order by (b, a) )", ("p q", "a, lower(b)", "(b, a)")),
        ("# PROJECTION p (SELECT * ORDER BY a)", None),
        ("# birdhouse is a name", None),
    ],
)
def test_forms_of_a_projection(text: str, projection: tuple[str, str, str] | None) -> None:
    problems: list[Problem] = []
    found = parse_projections(lines_of(f"ENGINE MergeTree\n{text}\n", "x"), problems)
    assert not problems
    assert [(each.name, each.columns, each.keys) for each in found] == ([projection] if projection else [])


@pytest.mark.parametrize(
    "text",
    [
        "PROJECTION p",
        "PROJECTIONS p (SELECT * ORDER BY a)",
        "PROJECTION p (SELECT *)",
        "PROJECTION p (SELECT (a ORDER BY b)",
        "PROJECTION p (SELECT a ORDER BY b), ADD COLUMN c String DEFAULT (1)",
        "PROJECTION p (SELECT a ORDER BY b; DROP)",
        "INDEX i a TYPE minmax",
        "PROJECTION p (SELECT a" + " " * 100_000 + ")",
    ],
)
def test_what_is_no_projection(text: str) -> None:
    problems: list[Problem] = []
    assert parse_projections(lines_of(f"\n# birdhouse: {text}\n", "x"), problems) == ()
    (problem,) = problems
    assert problem.message == "this is not understood as a projection"
    assert (problem.place.line, problem.place.column) == (2, 14)
    assert "PROJECTION name (SELECT columns ORDER BY keys)" in problem.hint


@pytest.mark.parametrize(
    ("lines", "engine", "message"),
    [
        (LINE, "MergeTree", None),
        (LINE.replace("user,", "usr,"), "MergeTree", "names the column `usr`, which there is not"),
        (LINE.replace("*", "id, nothing"), "MergeTree", "names the column `nothing`, which there is not"),
        (LINE + LINE, "MergeTree", "the projection `by_user` is declared twice"),
        (LINE, "Null", "a table of the engine Null has no projections"),
    ],
)
def test_a_projection_fits_its_table(lines: str, engine: str, message: str | None) -> None:
    problems = list(check_data_source(data_source(lines, engine), {}))
    assert [message is not None and message in problem.message for problem in problems] == (
        [True] if message else []
    ), problems


def test_a_table_is_made_with_its_projections_and_what_they_need() -> None:
    made = table_ddl(shape_of(data_source()), "d")
    assert "PROJECTION `by_user` (SELECT * ORDER BY user, at)" in made
    assert "lightweight_mutation_projection_mode = 'drop'" in made
    assert "deduplicate_merge_projection_mode" not in made
    replacing = table_ddl(shape_of(data_source(engine="ReplacingMergeTree")), "d")
    assert "deduplicate_merge_projection_mode = 'rebuild'" in replacing
    own = data_source(LINE + "ENGINE_SETTINGS deduplicate_merge_projection_mode='drop'\n", "ReplacingMergeTree")
    assert table_ddl(shape_of(own), "d").count("deduplicate_merge_projection_mode") == 1
    assert "projection" not in table_ddl(shape_of(data_source("")), "d").lower()


def test_the_comment_keeps_projections() -> None:
    shape = shape_of(data_source()).table
    assert from_comment(to_comment(shape)) == shape
    assert "projections" not in to_comment(shape_of(data_source("")).table)


def changes(before: DataSource, after: DataSource, *, has_deleted_rows: bool = False) -> list[tuple[Effect, str]]:
    columns = {name: ActualColumn(name, "String") for name in ("id", "user", "at")}
    comment = to_comment(shape_of(before).table)
    table = ActualTable("x", "MergeTree", comment=comment, columns=columns, has_deleted_rows=has_deleted_rows)
    project = type("P", (), {"data_sources": {"x": replace(after, name="x")}})()
    found = diff(project, Actual({"x": table}), "d")
    return [(change.effect, text) for change in found for text in change.statements if "COMMENT" not in text]


def test_a_projection_is_added_changed_and_dropped() -> None:
    without, with_one = data_source(""), data_source()
    alter = "ALTER TABLE `d`.`x`"
    added = [
        (Effect.ADDS, f"{alter} MODIFY SETTING lightweight_mutation_projection_mode = 'drop'"),
        (Effect.ADDS, f"{alter} ADD PROJECTION IF NOT EXISTS `by_user` (SELECT * ORDER BY user, at)"),
        (Effect.ADDS, f"{alter} MATERIALIZE PROJECTION `by_user`"),
    ]
    assert changes(without, with_one) == added
    assert changes(with_one, with_one) == []
    dropped = (Effect.ALTERS, f"{alter} DROP PROJECTION IF EXISTS `by_user`")
    assert changes(with_one, without) == [dropped]
    changed = changes(with_one, replace(with_one, projections=(Projection("by_user", "*", "user"),)))
    assert changed[0] == dropped
    assert changed[2][1].endswith("`by_user` (SELECT * ORDER BY user)")


def test_rows_that_are_marked_as_deleted_do_not_get_into_a_projection() -> None:
    statements = [text for _, text in changes(data_source(""), data_source(), has_deleted_rows=True)]
    assert statements[1] == "ALTER TABLE `d`.`x` APPLY DELETED MASK"
