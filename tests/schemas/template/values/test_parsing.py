"""A caller's text as a value of a type."""

from __future__ import annotations

import pytest

from schemas.template.errors import ParameterError, ValueTooLargeError
from schemas.template.values.parsing import (
    parse_array,
    parse_boolean,
    parse_date,
    parse_datetime,
    parse_datetime64,
    parse_float,
    parse_integer,
    parse_plain_integer,
    parse_text,
    split_ahead,
)


@pytest.mark.parametrize(("text", "type_name"), [("-128", "Int8"), ("+5", "Int8"), ("007", "Int8"), ("255", "UInt8")])
def test_a_whole_number_is_within_its_type(text: str, type_name: str) -> None:
    number = parse_integer(text, type_name)
    assert (number, number.clickhouse_type) == (int(text), type_name)


@pytest.mark.parametrize(
    ("text", "type_name"),
    [("128", "Int8"), ("+5", "UInt8"), (" 5", "Int8"), ("1_0", "Int8"), ("٥", "Int8"), ("", "Int8")],
)
def test_any_other_is_refused(text: str, type_name: str) -> None:
    with pytest.raises(ParameterError, match="Error validating"):
        parse_integer(text, type_name)


def test_a_number_of_no_type_has_256_bits_at_most() -> None:
    assert parse_plain_integer(str(2**200), "Int") == 2**200
    with pytest.raises(ParameterError):
        parse_plain_integer(str(2**255), "Int")
    assert parse_float("-.5e3", "Float64") == float("-500")
    assert [parse_boolean(text) for text in ("0", "FALSE", "", "no")] == [False, False, False, True]


def test_a_default_may_be_out_of_range_and_must_exist() -> None:
    assert parse_date("9999-12-31", is_default=True) == "9999-12-31"
    for text in ("9999-12-31", "2024-02-30"):
        with pytest.raises(ParameterError):
            parse_date(text)
    with pytest.raises(ParameterError):
        parse_date("2024-02-30", is_default=True)


def test_the_fraction_of_a_time_stands_behind_a_point() -> None:
    assert parse_datetime("2024-01-31 10:00:00") == "2024-01-31 10:00:00"
    assert parse_datetime64("2024-01-31 10:00:00,5") == "2024-01-31 10:00:00.5"
    with pytest.raises(ParameterError):
        parse_datetime64("2024-01-31 10:00:00")


def test_an_array_names_the_member_that_is_wrong() -> None:
    assert parse_array("1,2", "Int8") == [1, 2]
    assert parse_array(["a,b", "c"], "String") == ["a,b", "c"]
    with pytest.raises(ParameterError, match=r"Error validating \[1, 2\]\[1\] \( 2\) to type Int32"):
        parse_array("1, 2", "Int32")
    with pytest.raises(ValueTooLargeError):
        parse_array("," * 70_000, "String")


def test_other_values_are_their_text_or_their_parts() -> None:
    assert parse_text({"a": 1}) == '{"a": 1}'
    assert (split_ahead("a,b"), split_ahead(["a,b"])) == (["a", "b"], ["a,b"])
