"""What a deploy does to views: each state of a database, held against a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from schemas.model import Project
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.deployed import to_comment as table_comment
from schemas.tables.diff.project import diff
from schemas.tables.diff.views import Unfinished, ViewDiff, diff_views
from schemas.tables.settings import WINDOW_SETTING
from schemas.tables.shape import Writer
from schemas.tables.source_shape import shape_of
from schemas.tables.views.deployed import DeployedView, fingerprint, from_comment, to_comment
from schemas.tables.views.project import ProjectViews, views_in
from schemas.tables.views.view import ViewShape
from tests.schemas.tables.views.projects import COUNTS, project, view

AS_MADE = "CREATE MATERIALIZED VIEW … AS SELECT"


def made(shape: ViewShape, definition: str = AS_MADE, version: str = "26.9") -> ActualTable:
    """A view as a deploy left it."""
    found = ActualTable(shape.name, "MaterializedView", definition=AS_MADE)
    comment = to_comment(DeployedView(shape, version, fingerprint(found)))
    return replace(found, comment=comment, definition=definition)


def target(found: Project, *writers: Writer, rows: int | None = 5, engine: str = "SummingMergeTree") -> ActualTable:
    shape = replace(shape_of(found.data_sources["counts"], is_target=True).table, writers=writers)
    columns = {column.name: ActualColumn(column.name, column.type) for column in shape.columns}
    return ActualTable("counts", engine, comment=table_comment(shape), columns=columns, rows=rows)


def changes(
    found: Project, *tables: ActualTable, views: ProjectViews | None = None, unfinished: Unfinished | None = None
) -> ViewDiff:
    actual = Actual(
        {table.name: table for table in (ActualTable("events", "MergeTree", rows=7), *tables)}, version="26.9"
    )
    wanted = views or views_in(found)
    return diff_views(wanted, found.data_sources, actual, "d", unfinished or Unfinished())


def only(found: ViewDiff) -> Change:
    (change,) = found.told
    return change


def test_a_view_that_is_missing_is_made_and_filled(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    found = changes(wanted)
    (shape,) = found.changes.new
    change = only(found)
    assert (shape.name, shape.fills) == ("to_counts", True)
    assert (change.effect, change.answers, change.loses) == (Effect.ADDS, True, False)
    assert change.description == "create the view of `events` into `counts`, filled from its 7 rows"
    (create,) = change.statements
    assert create.startswith("CREATE MATERIALIZED VIEW `d`.`to_counts` TO `d`.`counts`\nCOMMENT '")


def test_one_that_is_as_it_was_made_is_left_alone(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, target(wanted), made(shape))
    assert (found.changes.is_empty, found.told, found.notes) == (True, (), ())
    # What its node is called, and how it was filled, is no matter of what it does.
    assert changes(wanted, target(wanted), made(replace(shape, node="m", fills=False))).changes.is_empty


def test_another_select_replaces_the_view_and_keeps_the_rows(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, target(wanted), made(replace(shape, statement=("SELECT 1",))))
    assert found.changes.changed == (shape,)
    change = only(found)
    assert (change.effect, change.answers) == (Effect.ADDS, True)
    assert "rows that are there stay as the former one made them" in change.description


def test_what_a_deploy_made_and_no_file_says_is_removed_and_nothing_else(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    old = made(replace(shape, name="old"))
    theirs = ActualTable("theirs", "MaterializedView", comment="of somebody")
    mapping = ActualTable("events_store", "MaterializedView")
    found = changes(wanted, target(wanted), made(shape), old, theirs, mapping)
    assert found.changes.gone == ("old",)
    change = only(found)
    assert (change.effect, change.statements) == (Effect.ALTERS, ("DROP VIEW IF EXISTS `d`.`old` SYNC",))
    assert change.description == "remove the view of `events`: `counts` keeps its rows"


def test_another_target_takes_the_view_away_and_makes_it_anew(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, target(wanted, rows=0), made(replace(shape, target="former")))
    assert (found.changes.gone, found.changes.new) == (("to_counts",), (shape,))


def test_a_target_that_was_dropped_is_filled_again(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, made(shape))
    assert (found.changes.gone, found.changes.new) == (("to_counts",), (shape,))


def test_a_change_by_hand_is_undone_and_holds_what_comes(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, target(wanted), made(shape, definition=f"{AS_MADE} 2"))
    change = only(found)
    assert found.changes.changed == (shape,)
    assert (change.effect, change.loses, change.held) == (Effect.ADDS, True, ("events",))
    assert "changed by hand" in change.description


def test_another_version_writes_views_otherwise_and_is_noted(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    there = made(shape, definition=f"{AS_MADE}, as another version writes it", version="26.8")
    found = changes(wanted, target(wanted), there)
    assert found.changes.is_empty
    (note,) = found.notes
    assert (note.is_note, note.statements[0].startswith("ALTER TABLE `d`.`to_counts` MODIFY COMMENT '")) == (True, True)
    unnoted = replace(there, comment=to_comment(DeployedView(shape)))
    assert len(changes(wanted, target(wanted), unnoted).notes) == 1


def test_a_name_that_somebody_elses_view_has_is_refused(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    for engine, word in (("MaterializedView", "DROP VIEW"), ("MergeTree", "DROP TABLE")):
        found = changes(wanted, target(wanted), ActualTable("to_counts", engine, comment="by hand"))
        change = only(found)
        assert (found.changes.is_empty, change.effect) == (True, Effect.REFUSED)
        assert f"{word} `d`.`to_counts`" in change.hint


def test_a_view_that_was_dropped_by_hand_is_not_filled_twice(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    found = changes(wanted, target(wanted, Writer("to_counts", "events")))
    change = only(found)
    assert [shape.fills for shape in found.changes.new] == [False]
    assert (change.loses, change.held) == (True, ("events",))
    assert "which is not filled: it has what a view of this name wrote into it" in change.description
    assert "what came since is missing in its target" in change.description


def test_what_comes_to_a_lost_view_through_others_is_held_too(tmp_path: Path) -> None:
    second = view("SELECT user, n FROM counts", into="second")
    wanted = project(tmp_path, to_counts=view(), to_second=second, second_ds=COUNTS)
    first, _ = views_in(wanted).shapes
    shape = replace(shape_of(wanted.data_sources["second"]).table, writers=(Writer("to_second", "counts"),))
    there = ActualTable("second", "SummingMergeTree", comment=table_comment(shape), rows=1)
    change = only(changes(wanted, target(wanted), made(first), there))
    assert (change.name, change.held) == ("to_second", ("events",))


def test_a_pipe_that_was_renamed_does_not_fill_what_it_filled(tmp_path: Path) -> None:
    wanted = project(tmp_path, renamed=view())
    (shape,) = views_in(wanted).shapes
    found = changes(wanted, target(wanted, Writer("old", "events")), made(replace(shape, name="old")))
    assert (found.changes.gone, [shape.fills for shape in found.changes.new]) == (("old",), [False])
    assert "it has what the view `old` wrote into it" in found.told[-1].description


def test_an_empty_target_is_filled_whoever_wrote_into_it(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    writer = Writer("to_counts", "events")
    assert changes(wanted, target(wanted, writer, rows=0)).changes.new[0].fills
    # One that keeps nothing is always empty, and what is behind it is not.
    assert not changes(wanted, target(wanted, writer, rows=0, engine="Null")).changes.new[0].fills


def test_a_view_beside_others_of_the_same_source_is_filled(tmp_path: Path) -> None:
    wanted = project(
        tmp_path, one=view(), two=view("SELECT upper(user) AS user, count() AS n FROM events GROUP BY user")
    )
    one = next(shape for shape in views_in(wanted).shapes if shape.name == "one")
    found = changes(wanted, target(wanted, Writer("one", "events")), made(one))
    assert [(shape.name, shape.fills) for shape in found.changes.new] == [("two", True)]


def test_rows_that_no_view_made_are_told_of(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    change = only(changes(wanted, target(wanted, rows=5)))
    assert change.description.endswith("into `counts`, filled from its 7 rows, beside 5 rows that no view made")


def test_what_a_dead_deploy_left_is_gone_on_with(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    unmade = changes(wanted, target(wanted), made(shape), unfinished=Unfinished(unmade=frozenset({"to_counts"})))
    assert unmade.changes.new == (shape,)
    unfilled = changes(wanted, target(wanted), made(shape), unfinished=Unfinished(unfilled=frozenset({"to_counts"})))
    assert (unfilled.changes.new, unfilled.changes.unfilled, unfilled.changes.is_empty) == ((), ("to_counts",), False)


def test_an_error_is_refused_and_removes_no_view(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view("SELECT user FROM events FINAL"), old=view())
    old = next(shape for shape in views_in(wanted).shapes if shape.name == "old")
    found = changes(
        wanted, target(wanted), made(replace(old, name="to_counts")), made(old), made(replace(old, name="x"))
    )
    assert found.changes.is_empty
    change = only(found)
    assert (change.effect, change.name) == (Effect.REFUSED, "to_counts.pipe")
    assert change.description.startswith("to_counts.pipe:3:")


def test_a_view_whose_file_reads_what_is_not_there_stays(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view("SELECT user FROM nowhere"))
    shape = ViewShape("to_counts", "n", "events", ("events",), "counts", ("SELECT 1",))
    assert changes(wanted, target(wanted), made(shape)).changes.is_empty


def table_changes(wanted: Project, *tables: ActualTable) -> list[Change]:
    views = views_in(wanted)
    found = diff(wanted, Actual({table.name: table for table in tables}, version="26.9"), "d", views=views)
    return [change for change in found if change.name == "counts"]


def test_a_target_gets_a_window(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (create,) = table_changes(wanted)
    assert f"{WINDOW_SETTING} = 10000" in create.statements[0]
    (alter,) = table_changes(wanted, target(wanted))
    assert alter.statements == (f"ALTER TABLE `d`.`counts` MODIFY SETTING {WINDOW_SETTING} = 10000",)
    (alone,) = table_changes(project(tmp_path / "alone"))
    assert WINDOW_SETTING not in alone.statements[0]


def test_who_wrote_into_a_target_is_noted_once_it_is_there(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    (shape,) = views_in(wanted).shapes
    there = replace(target(wanted, Writer("old", "events")), engine_full=f"… SETTINGS {WINDOW_SETTING} = 10000")
    assert table_changes(wanted, there) == []
    (note,) = table_changes(wanted, there, made(shape))
    assert note.is_note
    assert '"writers":[{"view":"old","source":"events"},{"view":"to_counts","source":"events"}]' in note.statements[0]


def test_a_target_that_no_file_describes_is_made_of_the_select(tmp_path: Path) -> None:
    lines = "ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY user\n"
    first = view("SELECT user, countState() AS n FROM events GROUP BY user", into="states", lines=lines)
    second = view("SELECT user, countMergeState(n) AS n FROM states GROUP BY user", into="later", lines=lines)
    wanted = project(tmp_path, z_first=first, a_second=second)
    found = diff(wanted, Actual(), "d", views=views_in(wanted))
    creates = [change.statements[0] for change in found if change.name in ("states", "later")]
    assert [text.partition("\n")[0] for text in creates] == [
        "CREATE TABLE IF NOT EXISTS `d`.`states`",
        "CREATE TABLE IF NOT EXISTS `d`.`later`",
    ]
    assert "\nEMPTY AS SELECT user, countState() AS n FROM `d`.`events` AS events" in creates[0]
    assert "allow_dimensions_outside_sorting_key = 1" in creates[0]
    source = shape_of(wanted.data_sources["states"], is_target=True)
    there = ActualTable(
        "states",
        "AggregatingMergeTree",
        engine_full=f"… SETTINGS {WINDOW_SETTING} = 10000",
        comment=table_comment(source.table),
    )
    again = diff(wanted, Actual({"states": there}), "d", views=views_in(wanted))
    assert [change for change in again if change.name == "states"] == []


def test_comments_of_views_and_tables_are_told_apart(tmp_path: Path) -> None:
    wanted = project(tmp_path, to_counts=view())
    assert from_comment(target(wanted).comment) is None
