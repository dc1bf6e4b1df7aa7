"""Whose inserts a view sees: each of these was held against ClickHouse 26.9."""

from __future__ import annotations

import pytest

from schemas.sql.leftmost import leftmost_of


@pytest.mark.parametrize(
    ("sql", "source"),
    [
        ("SELECT k FROM a", "a"),
        ("FROM a SELECT k", "a"),
        ("SELECT k FROM `a.b` AS c", "a.b"),
        ("SELECT k FROM db.a", "db.a"),
        ("(SELECT k FROM a)", "a"),
        ("SELECT k FROM (SELECT k FROM (SELECT k FROM a))", "a"),
        ("WITH c AS (SELECT k FROM a) SELECT k FROM b WHERE k IN c", "b"),
        ("WITH c AS (SELECT k FROM a), d AS (SELECT k FROM c) SELECT k FROM d", "a"),
        ("WITH c AS (WITH d AS (SELECT k FROM a) SELECT k FROM d) SELECT k FROM c", "a"),
        ("WITH (SELECT count() FROM b) AS c SELECT k, c FROM a", "a"),
        ("WITH a AS (SELECT k FROM a) SELECT k FROM a", "a"),
        ("SELECT (SELECT max(k) FROM b), extract(DAY FROM t) FROM a", "a"),
        ("SELECT k IS DISTINCT FROM b FROM a", "a"),
        ("SELECT a.k FROM a LEFT JOIN b ON a.k = b.k", "a"),
        ("SELECT s.k FROM (SELECT k FROM b) AS s JOIN a ON a.k = s.k", "b"),
        ("SELECT k FROM a JOIN (SELECT k FROM b UNION ALL SELECT k FROM c) AS u USING k", "a"),
        ("SELECT a.k FROM (a JOIN b ON a.k = b.k)", "a"),
        ("SELECT * EXCEPT (k) FROM a", "a"),
        ("SELECT k FROM a ARRAY JOIN [1] AS x", "a"),
    ],
)
def test_the_first_from_leads_to_the_table(sql: str, source: str) -> None:
    (table,) = leftmost_of(sql).tables
    assert (table.name, table.is_in_union, table.is_function, table.clause) == (source, False, False, "")


@pytest.mark.parametrize(
    ("sql", "sources", "is_highest"),
    [
        ("SELECT k FROM a UNION ALL SELECT k FROM b", ["a", "b"], True),
        ("(SELECT k FROM a) UNION DISTINCT (SELECT k FROM b)", ["a", "b"], True),
        ("SELECT k FROM (SELECT k FROM a UNION ALL SELECT k FROM b)", ["a", "b"], False),
        ("WITH u AS (SELECT k FROM a UNION ALL SELECT k FROM b) SELECT k FROM u", ["a", "b"], False),
        ("WITH c AS (SELECT k FROM a) SELECT k FROM c UNION ALL SELECT k FROM c", ["a", "a"], True),
        ("SELECT k FROM a UNION ALL SELECT 1 AS k", ["a", ""], True),
    ],
)
def test_every_branch_of_a_union_is_told(sql: str, sources: list[str], is_highest: bool) -> None:
    found = leftmost_of(sql)
    assert [table.name for table in found.tables] == sources
    assert found.is_union is is_highest
    assert all(table.is_in_union for table in found.tables)


@pytest.mark.parametrize("word", ["INTERSECT", "EXCEPT"])
def test_other_sets_are_told_apart_from_unions(word: str) -> None:
    found = leftmost_of(f"SELECT k FROM (SELECT k FROM a {word} SELECT k FROM b)")
    assert all(table.is_in_set for table in found.tables)
    assert not any(table.is_in_set for table in leftmost_of("SELECT k FROM a UNION ALL SELECT k FROM b").tables)


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT k FROM a FINAL", "FINAL"),
        ("SELECT k FROM a AS x FINAL WHERE k > 0", "FINAL"),
        ("SELECT k FROM a SAMPLE 0.5", "SAMPLE"),
        ("SELECT k FROM a PREWHERE k > 0", "PREWHERE"),
        ("WITH c AS (SELECT k FROM a PREWHERE k > 0) SELECT k FROM c WHERE k", "PREWHERE"),
        ("SELECT k FROM (SELECT k FROM a FINAL)", "FINAL"),
        ("SELECT a.k FROM a LEFT JOIN b FINAL ON a.k = b.k", ""),
    ],
)
def test_clauses_that_no_view_has_are_told_of_the_first_table_alone(sql: str, clause: str) -> None:
    assert [table.clause for table in leftmost_of(sql).tables] == [clause]


@pytest.mark.parametrize(
    ("sql", "name", "is_function"),
    [("SELECT 1", "", False), ("SELECT number FROM numbers(3) AS n JOIN a ON a.k = n.number", "numbers", True)],
)
def test_what_is_no_table(sql: str, name: str, is_function: bool) -> None:
    (table,) = leftmost_of(sql).tables
    assert (table.name, table.is_function) == (name, is_function)
