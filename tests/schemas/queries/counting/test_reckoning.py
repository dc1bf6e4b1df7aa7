"""What expressions of numbers come to."""

from __future__ import annotations

from schemas.queries.counting.reckoning import NEGATE, OPERATORS, bound_value, constant, function_of, reckoned


def test_a_bound_value_is_reckoned_with() -> None:
    expression = reckoned(OPERATORS["-"], bound_value("page"), constant("1"))
    assert (expression({"page": "3"}), expression({"page": "0"})) == (2, -1)
    assert reckoned(NEGATE, constant("1.5"))({}) == -1.5


def test_what_cannot_be_reckoned_is_not_known() -> None:
    assert reckoned(OPERATORS["/"], constant("1"), constant("0"))({}) is None
    assert reckoned(OPERATORS["+"], bound_value("x"), constant("1"))({"x": "text"}) is None


def test_functions_are_those_of_clickhouse() -> None:
    unsigned, whole, least = function_of("toUInt8"), function_of("toInt64"), function_of("LEAST")
    assert unsigned is not None
    assert unsigned(-3) == 3
    assert whole is not None
    assert whole(2.9) == 2
    assert least is min
    assert function_of("toString") is None
