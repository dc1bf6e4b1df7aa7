"""Lookups found in SQL, and when a hint is given for them."""

from __future__ import annotations

import pytest

from deploy.explain.index_hints import Counted, hint
from deploy.explain.lookups import Condition, find_lookups
from schemas.model import DataSource
from tests.schemas.files.test_datasource import good

HEAD = "SCHEMA >\n    `id` UInt64,\n    `user` String,\n    `at` DateTime,\n    `country` String\n\nENGINE MergeTree\n"
KEYS = "ENGINE_PARTITION_KEY toYYYYMM(at)\nENGINE_SORTING_KEY at, user\n"
USER = ("user", '"user" = {p1: String}')


def source(more: str = "") -> DataSource:
    return good(HEAD + KEYS + more)


@pytest.mark.parametrize(
    ("sql", "conditions", "narrowing"),
    [
        ("SELECT id FROM t WHERE user = {p1:String}", [USER], []),
        ("SELECT quantiles(0.5)(id), f(2)((id, at)) FROM t AS e WHERE e.user = {p1:String} GROUP BY id", [USER], []),
        ("SELECT id FROM t WHERE 1 AND (user = {p1:String} AND at > {p2:DateTime}) LIMIT 5", [USER],
         ['"at" > {p2: DateTime}']),
        ("WITH n AS (SELECT id FROM t WHERE user = {p1:String}) SELECT * FROM n WHERE id = 7", [USER], []),
        ("SELECT id FROM t WHERE {p1:UInt64} = id", [("id", '{p1: UInt64} = "id"')], []),
        ("SELECT id FROM t WHERE country IN ({p1:String}, 'b')", [("country", "\"country\" IN ({p1: String}, 'b')")],
         []),
        ("SELECT id FROM t WHERE user = {p1:String} OR id = 7", [], []),
        ("SELECT id FROM t WHERE user != 'a' AND at = '2026-01-01 00:00:00'", [], []),
        ("SELECT id FROM t WHERE user = country", [], []),
        ("SELECT id FROM t WHERE user IN (SELECT user FROM t)", [], []),
        ("SELECT lower(country) AS user FROM t WHERE user = 'a'", [], []),
        ("SELECT id FROM other WHERE user = 'a'", [], []),
        ("WITH t AS (SELECT 'a' AS user) SELECT * FROM t WHERE user = 'a'", [], []),
        ("SELECT id FROM t JOIN u ON t.id = u.id WHERE user = 'a'", [], []),
        ("SELECT 'unclosed FROM t WHERE user = 'a'", [], []),
        ("SELECT id FROM t WHERE " + "(" * 5_000 + "user = 'a'" + ")" * 5_000, [], []),
    ],
)  # fmt: skip
def test_lookups_in_sql(sql: str, conditions: list[tuple[str, str]], narrowing: list[str]) -> None:
    found = find_lookups(sql, {"t": source()})
    assert [(each.column, each.sql) for lookup in found for each in lookup.conditions] == conditions
    assert [text for lookup in found for text in lookup.narrowing] == narrowing


@pytest.mark.parametrize(
    "line",
    ["INDEXES >\n    i user TYPE minmax\n", "# birdhouse: PROJECTION p (SELECT * ORDER BY user, at)\n"],
)
def test_what_is_there_already_is_not_looked_at(line: str) -> None:
    assert find_lookups("SELECT id FROM t WHERE user = 'a'", {"t": source(line)}) == ()


@pytest.mark.parametrize(
    ("column", "rows_read", "matching", "indexed", "projected", "told"),
    [
        ("user", 1_000_000, 500, 8_192, 16_384, "by_user user TYPE text(tokenizer = array)"),
        ("id", 1_000_000, 1, 8_192, 16_384, "by_id id TYPE bloom_filter(0.01) GRANULARITY 1"),
        ("user", 1_000_000, 500, 900_000, 16_384, "# birdhouse: PROJECTION by_user (SELECT * ORDER BY user, at)"),
        ("user", 1_000_000, 200_000, 900_000, 210_000, None),
        ("user", 90_000, 1, 8_192, 16_384, None),
        ("user", 120_000, 1, 120_000, 120_000, None),
    ],
)
def test_when_a_hint_is_given(
    column: str, rows_read: int, matching: int, indexed: int, projected: int, told: str | None
) -> None:
    (lookup,) = find_lookups(f"SELECT at FROM t WHERE {column} = {{p1:String}}", {"t": source()})
    condition = Condition(column, f'"{column}" = {{p1: String}}')
    counted = Counted("t", condition, 1_000_000, 123, matching, indexed, indexed // 8_192, projected)
    text = hint(lookup, (counted,), rows_read)
    assert text.endswith(told) if told else text == ""
    if told:
        assert f"{rows_read:,} rows read, {matching:,} of them pass `{column} = {{p1: String}}`" in text
        assert f"with an index {indexed:,} rows" in text
