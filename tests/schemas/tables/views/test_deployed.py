"""The note in a view's comment: what it says, whose it is, and what it does not depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from schemas.model import Place
from schemas.tables.actual import ActualTable
from schemas.tables.views.deployed import DeployedView, fingerprint, from_comment, to_comment, view_comment
from tests.schemas.tables.views.projects import view, views

DEFINITION = r"CREATE MATERIALIZED VIEW d.v TO d.t (`k` String) COMMENT '{}' AS SELECT 'x COMMENT \'y\' AS z' FROM d.a"


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    (shape,) = views(tmp_path, to_counts=view("SELECT joinGet('counts', 'n', user) AS n, user FROM events")).shapes
    noted = DeployedView(shape, "26.9", "abc")
    assert from_comment(to_comment(noted)) == noted
    assert from_comment(view_comment(shape)) == DeployedView(shape)


def test_where_the_node_stands_is_not_noted(tmp_path: Path) -> None:
    (shape,) = views(tmp_path, to_counts=view()).shapes
    assert view_comment(replace(shape, place=Place("elsewhere", 9, 9))) == view_comment(shape)


def test_other_comments_are_not_ours() -> None:
    for comment in ("", "rollup of somebody", '{"birdhouse":{}}', '{"birdhouse_view":{}}', "[]"):
        assert from_comment(comment) is None


def test_a_fingerprint_is_of_all_but_the_comment() -> None:
    def of(comment: str, definition: str = DEFINITION) -> str:
        return fingerprint(ActualTable("v", "MaterializedView", definition=definition.replace("{}", comment)))

    assert of("one") == of(r"it\'s {\"another\"}")
    assert of("one") != of("one", DEFINITION.replace("d.a", "d.b"))
    assert of("one") != of("one", DEFINITION.replace("y", "w"))
