"""Which views are filled together, and which wait for others."""

from __future__ import annotations

from schemas.tables.views.stages import stages_of
from schemas.tables.views.view import ViewChanges, ViewShape


def shape(name: str, source: str, target: str, *looked_up: str, fills: bool = True) -> ViewShape:
    return ViewShape(name, "n", source, (source, *looked_up), target, ("SELECT 1",), fills)


def names(changes: ViewChanges) -> list[list[str]]:
    return [[each.name for each in stage.changes.new] for stage in stages_of(changes, changes.new)]


def test_chains_are_filled_together() -> None:
    changes = ViewChanges((shape("a", "events", "one"), shape("b", "one", "two"), shape("c", "events", "three")))
    assert names(changes) == [["a", "b", "c"]]


def test_what_looks_up_another_view_s_target_waits_for_it() -> None:
    people, spent = shape("people", "customers", "names"), shape("spent", "sales", "sums", "names")
    behind = shape("behind", "sums", "more")
    changes = ViewChanges((people, spent, behind), (shape("x", "a", "b"),), ("old", "spent"), ("y",))
    first, second = stages_of(changes, (*changes.new, *changes.changed))
    assert first.changes == ViewChanges((people,), changes.changed, ("old",), ("y",))
    assert [each.name for each in first.views] == ["people", "x"]
    assert second.changes == ViewChanges((spent, behind), gone=("spent",))
    assert second.views == (*changes.new, *changes.changed)


def test_nothing_waits_for_what_is_not_filled() -> None:
    assert names(ViewChanges((shape("a", "e", "one", fills=False), shape("b", "f", "two", "one")))) == [["a", "b"]]
    assert names(ViewChanges((shape("a", "e", "one"), shape("b", "f", "two", "one", fills=False)))) == [["a", "b"]]


def test_a_view_that_looks_up_itself_or_one_that_looks_it_up_ends() -> None:
    assert names(ViewChanges((shape("a", "e", "one", "one"),))) == [["a"]]
    assert names(ViewChanges((shape("a", "e", "one", "two"), shape("b", "f", "two", "one")))) == [["a"], ["b"]]


def test_without_new_views_there_is_one_stage() -> None:
    changes = ViewChanges(gone=("old",), unfilled=("x",))
    assert [stage.changes for stage in stages_of(changes, ())] == [changes]
