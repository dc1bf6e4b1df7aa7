"""What differs between an answer and what is expected, and what is no difference."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cases.case import Case
from schemas.cases.differences import Answered, differences
from schemas.cases.row_order import RowOrder

EXACT = RowOrder(None)


def lines(expected: str, got: str, order: RowOrder | None = None) -> list[str]:
    return differences(Case("p", "c", expected_result=expected), Answered(200, got), order)


def error(expected: str, body: str, *, status: int = 400, got_status: int = 400) -> list[str]:
    case = Case("p", "c", expected_result=expected, expected_http_status=status)
    return differences(case, Answered(got_status, body), None)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ('{"a":1}\n{"a":2}\n', '{"a":1}\n{"a":2}\n'),
        ('{"a":1}\n\n{"a":2}', '{"a":1}\n{"a":2}\n'),
        ('{"a": "x/y"}', '{"a":"x\\/y"}\n'),
        ("", ""),
        ('{"a":nan}', '{"a":nan}'),
    ],
)
def test_nothing_differs(expected: str, got: str) -> None:
    assert lines(expected, got, EXACT) == []


def test_any_order_will_do_where_none_is_asked_for() -> None:
    assert lines('{"a":1}\n{"a":2}\n', '{"a":2}\n{"a":1}\n') == []
    assert lines('{"a":1}\n{"a":1}\n{"a":2}\n', '{"a":2}\n{"a":1}\n{"a":2}\n') != []


def test_rows_in_another_order_are_told_where_one_is_asked_for() -> None:
    told = lines('{"a":1}\n{"a":2}\n', '{"a":2}\n{"a":1}\n', RowOrder(("a",)))
    assert told == [
        "the rows are those that are expected, in another order:",
        '  row 1 is     {"a":2}',
        '  expected     {"a":1}',
    ]


def test_ties_may_come_in_any_order() -> None:
    expected = '{"n":2,"a":"x"}\n{"n":2,"a":"y"}\n{"n":1,"a":"z"}'
    tied = '{"n":2,"a":"y"}\n{"n":2,"a":"x"}\n{"n":1,"a":"z"}'
    assert lines(expected, tied, RowOrder(("n",))) == []
    assert lines(expected, tied, RowOrder((1,))) == []
    assert lines(expected, tied, RowOrder(("n", "a"))) != []
    assert lines(expected, tied, RowOrder(("m",))) != []
    assert lines(expected, tied, EXACT) != []


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [
        ('{"a":1,"b":"x"}', '{"a":2,"b":"x"}', "row 1: `a` is 2, expected 1"),
        ('{"a":1.0}', '{"a":1}', "row 1: `a` is 1, expected 1.0"),
        ('{"a":null}', '{"a":""}', 'row 1: `a` is "", expected null'),
        ('{"a":[1,{"b":"é"}]}', '{"a":[1,{"b":"e"}]}', 'row 1: `a` is [1,{"b":"e"}], expected [1,{"b":"é"}]'),
        ('{"a":1}', '{"a":1,"b":2}', "row 1: the column `b` is not expected"),
        ('{"a":1,"b":2}', '{"a":1}', "row 1: the column `b` is missing"),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', "row 1: the columns are in the order b, a, expected a, b"),
        ('{"a":1}', "", '0 rows, expected 1 row|missing:      {"a":1}'),
        ("", '{"a":1}', '1 row, expected 0 rows|row 1 is not expected: {"a":1}'),
        ("anything", '{"a":1}', 'row 1 is     {"a":1}|expected     anything'),
    ],
)
@pytest.mark.parametrize("order", [None, EXACT])
def test_a_difference_is_told(expected: str, got: str, told: str, order: RowOrder | None) -> None:
    found = lines(expected, got, order)
    assert [line for line in found if not line.startswith("  in ")] == told.split("|")


def test_the_row_that_is_meant_is_found_without_an_order() -> None:
    expected = '{"day":"mon","n":1}\n{"day":"tue","n":2}\n{"day":"wed","n":3}'
    got = '{"day":"wed","n":3}\n{"day":"tue","n":9}\n{"day":"mon","n":1}'
    assert lines(expected, got)[0] == "row 2: `n` is 9, expected 2"


def test_a_long_difference_is_cut() -> None:
    expected = "\n".join(f'{{"a":{number}}}' for number in range(500))
    got = "\n".join(f'{{"a":{number + 1000}}}' for number in range(500))
    found = lines(expected, got, EXACT)
    assert found[-1] == "… and 480 more rows that differ"
    assert len(found) < 50


def test_errors_are_compared_by_what_they_say() -> None:
    body = '{"error": "no such thing"}'
    assert error("no such thing\n", body) == []
    assert error(body, body) == []
    assert error("nope", body) == ["the error is:  no such thing", "expected:      nope"]
    assert error("nope", "nope") == []
    assert error('{"error_id":"x"}', '{"error_id":"x"}') == []


def test_another_status_is_told_with_what_was_answered() -> None:
    assert error("", '{"error": "no such thing"}', status=200) == [
        "the status is 400, expected 200",
        "  no such thing",
    ]
    assert error("boom", '{"a":1}\n', got_status=200)[0] == "the status is 200, expected 400"


values = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(0, 3), max_size=2))
rows = st.lists(st.dictionaries(st.sampled_from("abc"), values, min_size=1), max_size=6)


@given(rows, st.randoms(use_true_random=False))
def test_a_shuffled_answer_differs_only_where_an_order_is_asked_for(content: list[object], random: object) -> None:
    written = [json.dumps(row) for row in content]
    shuffled = list(written)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own Random
    assert lines("\n".join(written), "\n".join(shuffled)) == []
    assert (lines("\n".join(written), "\n".join(shuffled), EXACT) == []) == (written == shuffled)


@given(rows, rows)
def test_what_is_not_the_same_rows_is_told(one: list[object], other: list[object]) -> None:
    same = sorted(json.dumps(row) for row in one) == sorted(json.dumps(row) for row in other)
    told = lines("\n".join(map(json.dumps, one)), "\n".join(map(json.dumps, other)))
    assert (told == []) == same
