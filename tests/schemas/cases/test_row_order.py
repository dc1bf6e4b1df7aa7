"""Which order a statement's outermost ORDER BY asks for."""

from __future__ import annotations

import pytest

from schemas.cases.row_order import RowOrder, row_order


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t",
        "SELECT * FROM (SELECT a FROM t ORDER BY a)",
        "WITH n AS (\nSELECT a FROM t ORDER BY a\n)\nSELECT * FROM n LIMIT 5",
        "SELECT a, row_number() OVER (PARTITION BY b ORDER BY a) FROM t",
        "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY b",
        "SELECT a FROM t EXCEPT SELECT b FROM u ORDER BY b",
        "SELECT 'ORDER BY a' FROM t -- ORDER BY a",
        "SELECT [x, 1] FROM t WHERE a IN (SELECT b FROM u ORDER BY b)",
    ],
)
def test_no_order_is_asked_for(sql: str) -> None:
    assert row_order(sql) is None


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT a FROM t ORDER BY a", ("a",)),
        ("SELECT a FROM t order  by a DESC NULLS LAST, `b c` asc, 2 LIMIT 3", ("a", "b c", 2)),
        ("SELECT * EXCEPT (x) FROM t ORDER BY a SETTINGS max_threads = 1", ("a",)),
        ("WITH n AS (SELECT 1) SELECT a FROM n ORDER BY a LIMIT 1 BY b LIMIT 2", ("a",)),
        ("SELECT a FROM t ORDER BY lower(a)", None),
        ("SELECT a FROM t ORDER BY a, b + 1", None),
        ("SELECT a FROM t ORDER BY t.a", None),
        ("SELECT a FROM t ORDER BY a WITH FILL FROM 1 TO 9", None),
        ("SELECT a FROM t ORDER BY ALL", None),
    ],
)
def test_the_order_that_is_asked_for(sql: str, columns: tuple[str | int, ...] | None) -> None:
    assert row_order(sql) == RowOrder(columns)
