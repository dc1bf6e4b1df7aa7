"""A SELECT cut where it names tables, and the settings behind it."""

from __future__ import annotations

import pytest

from schemas.tables.views.statement import cut, with_settings
from schemas.tables.views.view import TableUse


def table_of(name: str) -> str | None:
    return name if name in ("a", "b", "x.y") else None


@pytest.mark.parametrize(
    ("sql", "pieces"),
    [
        ("SELECT k FROM a", ("SELECT k FROM ", TableUse("a", "a"))),
        ("SELECT k FROM a AS z", ("SELECT k FROM ", TableUse("a"), " AS z")),
        ("SELECT k FROM `x.y` FINAL", ("SELECT k FROM ", TableUse("x.y", "x.y"), " FINAL")),
        ("SELECT k FROM a WHERE k IN b", ("SELECT k FROM ", TableUse("a", "a"), " WHERE k IN ", TableUse("b"))),
        ("SELECT k FROM a WHERE k IN c", ("SELECT k FROM ", TableUse("a", "a"), " WHERE k IN c")),
        ("WITH b AS (SELECT 1) SELECT k FROM b", ("WITH b AS (SELECT 1) SELECT k FROM b",)),
        ("SELECT 'FROM a', k FROM system.one", ("SELECT 'FROM a', k FROM system.one",)),
        (
            "SELECT joinGet('b', 'v', k), joinGet('other', 'v', k) FROM a",
            (
                "SELECT joinGet(",
                TableUse("b", is_text=True),
                ", 'v', k), joinGet('other', 'v', k) FROM ",
                TableUse("a", "a"),
            ),
        ),
    ],
)
def test_it_is_cut_at_the_tables_of_the_project(sql: str, pieces: tuple[str | TableUse, ...]) -> None:
    assert cut(sql, table_of) == pieces


def test_settings_are_added_to_those_of_the_author() -> None:
    plain = with_settings("SELECT k FROM a; ", {"max_threads": "2"}, is_union=False)
    assert plain.startswith("SELECT k FROM a\nSETTINGS joined_subquery_requires_alias = 0, ")
    assert plain.endswith(", max_threads = 2")
    own = with_settings(
        "SELECT k FROM (SELECT k FROM a SETTINGS max_threads = 1) SETTINGS joined_subquery_requires_alias = 1, x = 2",
        {},
        is_union=False,
    )
    assert own.count("joined_subquery_requires_alias") == 1
    assert ", x = 2, analyzer_compatibility" in own
    assert own.count("SETTINGS") == 2


def test_the_branches_of_a_union_stand_in_brackets() -> None:
    text = with_settings("SELECT k FROM a UNION ALL SELECT k FROM a", {}, is_union=True)
    assert text.startswith("SELECT * FROM (\nSELECT k FROM a UNION ALL SELECT k FROM a\n)\nSETTINGS ")
