"""Which names a statement holds, by its tokens."""

from __future__ import annotations

import pytest

from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError

TABLES = [
    ("SELECT * FROM a", ["a"]),
    ("SELECT * FROM a AS x, b y JOIN c ON x.i = c.i LEFT ANY JOIN d USING i, j", ["a", "b", "c", "d"]),
    ("FROM a SELECT x, y", ["a"]),
    ("SELECT * FROM db.t FINAL PREWHERE 1", ["db.t"]),
    ('SELECT * FROM "a-b" JOIN `c``d` USING x', ["a-b", "c`d"]),
    ("SELECT * FROM a ARRAY JOIN b, c AS d", ["a"]),
    ("SELECT extract(day FROM b), trim(BOTH ' ' FROM c) FROM a", ["a"]),
    ("SELECT a IS NOT DISTINCT FROM b FROM c", ["c"]),
    ("SELECT x IN a, y NOT IN (b), z GLOBAL IN c, w IN (1, d) FROM t", ["a", "b", "c", "t"]),
    ("SELECT x IN (SELECT y FROM a) FROM (SELECT * FROM b UNION ALL SELECT * FROM c) WHERE 1", ["a", "b", "c"]),
    ("(SELECT 1 FROM a) UNION ALL (SELECT 2 FROM b)", ["a", "b"]),
    ("SELECT countIf(x IN (SELECT 1 FROM a)) FROM b ORDER BY x WITH FILL LIMIT 1 BY y", ["a", "b"]),
    ("SELECT * EXCEPT (a, b) FROM c EXCEPT SELECT * FROM d", ["c", "d"]),
    ("SELECT 'FROM a', \"FROM b\" /* FROM c */ -- FROM d\nFROM e", ["e"]),
    ("SELECT (x -> x IN a)(1), format, settings FROM t ORDER BY format DESC", ["a", "t"]),
    ("SELECT * FROM {p1:Identifier}", []),
    ("SELECT 1 // FROM b, it\n + 4 / 2 FROM a # FROM c", ["a"]),
    ("SELECT x, y FROM a GROUP BY x, y HAVING 1 ORDER BY x, y LIMIT 1, 2", ["a"]),
    ("SELECT x FROM a GROUP\n BY ALL WITH TOTALS ORDER  BY x, y LIMIT 1 BY x, y", ["a"]),
    (
        "SELECT sum(x) OVER (PARTITION BY y, z ORDER BY w, x ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) FROM a, b",
        ["a", "b"],
    ),
    ("SELECT x FROM a WINDOW w AS (PARTITION BY y, z), v AS (ORDER BY x) QUALIFY 1", ["a"]),
    ("SELECT 1 FROM a WHERE x GLOBAL NOT IN b AND y NOT IN c AND z GLOBAL IN (SELECT 1 FROM d)", ["a", "b", "c", "d"]),
    (
        "SELECT 1 FROM a ASOF LEFT JOIN b USING (x, y), c GLOBAL ANY LEFT JOIN d ON a.x = d.x",
        ["a", "b", "c", "d"],
    ),
    ("SELECT 1 FROM a CROSS JOIN b LEFT ARRAY JOIN c AS d, e JOIN f USING x", ["a", "b", "f"]),
    ("SELECT if(a IN (1, 2), x.1, y.2), z::Array(String)[1] FROM t AS x (a, b)", ["t"]),
    ("SELECT * FROM a SAMPLE 1 / 10 OFFSET 1 / 2, b FINAL WHERE 1 INTERSECT SELECT 1 FROM c", ["a", "b", "c"]),
    ("SELECT CASE WHEN x THEN 1 ELSE 2 END, interval 1 day, date '2024-01-01' FROM a", ["a"]),
    ("SELECT x FROM a ORDER BY x WITH FILL FROM toDate(1) TO toDate(5) STEP 1, y WITH FILL FROM z", ["a"]),
    ("SELECT substring(x FROM 1 FOR 2), position('a' IN x) FROM a", ["x", "a"]),
    ("SELECT * FROM numbers(10) AS n JOIN a ON 1", ["a"]),
]


@pytest.mark.parametrize(("sql", "expected"), TABLES, ids=[sql for sql, _ in TABLES])
def test_tables_are_found_where_they_stand(sql: str, expected: list[object] | list[str]) -> None:
    names = names_of(sql)
    assert [table.name for table in names.tables] == expected
    for table in names.tables:
        assert table.parts[0] in sql[table.start : table.end].replace("``", "`")


DEFINED = [
    ("WITH a AS (SELECT 1) SELECT * FROM a, b", ["b"]),
    ("WITH a AS (SELECT * FROM a) SELECT * FROM a", ["a"]),
    ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b UNION ALL SELECT * FROM a", []),
    ("WITH 5 AS a, [1] AS b SELECT * FROM t WHERE x IN b", ["t"]),
    ("WITH (SELECT max(x) FROM t) AS m SELECT m", ["t"]),
    ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a), a", ["a"]),
    ("SELECT 1 UNION ALL WITH a AS (SELECT 1) SELECT * FROM a WHERE 1 IN (SELECT * FROM a)", []),
    ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t", []),
    ("WITH RECURSIVE t AS ((SELECT 1 AS n) UNION ALL (SELECT n + 1 FROM t JOIN a USING n)) SELECT * FROM t", ["a"]),
    ("WITH RECURSIVE t AS (SELECT n FROM t UNION ALL SELECT n FROM t) SELECT * FROM t", ["t"]),
    ("WITH t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT * FROM t", ["t"]),
    ("WITH RECURSIVE a AS (SELECT 1), b AS (SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c, b)) SELECT 1", ["b"]),
]


@pytest.mark.parametrize(("sql", "expected"), DEFINED, ids=[sql for sql, _ in DEFINED])
def test_what_a_statement_defines_itself_is_no_table(sql: str, expected: list[object] | list[str]) -> None:
    assert [table.name for table in names_of(sql).tables] == expected


def test_aliases_functions_and_settings_are_noted() -> None:
    names = names_of("SELECT * FROM a x, b AS y, c FINAL, numbers(3) SETTINGS max_threads = 1, join_use_nulls = 1;")
    assert [table.has_alias for table in names.tables] == [True, True, False]
    assert [function.name for function in names.functions] == ["numbers"]
    assert [setting.name for setting in names.settings] == ["max_threads", "join_use_nulls"]


@pytest.mark.parametrize(
    ("sql", "message", "offset"),
    [
        ("SELECT 1; SELECT 2", "one statement", 10),
        ("INSERT INTO a SELECT 1", "is a SELECT, not `INSERT`", 0),
        ("DROP TABLE a", "is a SELECT", 0),
        ("SELECT 1 FORMAT JSON", "FORMAT clause", 9),
        ("SELECT 1 INTO OUTFILE 'x'", "INTO OUTFILE clause", 9),
        ("SELECT 1)", "closes nothing", 8),
        ("SELECT 'a", "cannot be read", 0),
        ("  -- nothing", "is empty", 0),
    ],
)
def test_what_is_not_one_select_is_refused_with_its_place(sql: str, message: str, offset: int) -> None:
    with pytest.raises(SqlTextError, match=message) as caught:
        names_of(sql)
    assert caught.value.offset == offset


def test_words_in_quotes_are_values_and_no_keywords() -> None:
    names = names_of("SELECT 'from' a, 'in' b, 'join' c, $$union$$ d  FROM t WHERE f = 'with' AND g = 'using'")
    assert [table.name for table in names.tables] == ["t"]


def test_a_comment_of_two_slashes_may_hold_anything() -> None:
    assert [table.name for table in names_of("SELECT 1 // it's FROM a\nFROM b").tables] == ["b"]
