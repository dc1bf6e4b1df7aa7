"""Values that remember their type."""

from __future__ import annotations

import pytest

from schemas.template.values.typed import FLOAT_TYPES, INTEGER_TYPES, TypedArray, integer_range


@pytest.mark.parametrize(
    ("name", "bounds"), [("Int8", (-128, 127)), ("UInt16", (0, 65_535)), ("Int256", (-(2**255), 2**255 - 1))]
)
def test_a_type_has_its_range(name: str, bounds: tuple[int, int]) -> None:
    assert integer_range(name) == bounds


def test_arithmetic_forgets_the_type() -> None:
    number = INTEGER_TYPES["Int8"](5)
    assert (number.clickhouse_type, type(number + 1)) == ("Int8", int)
    assert FLOAT_TYPES["Float32"]("1.5").clickhouse_type == "Float32"
    assert TypedArray([number], "Int8").element_type == "Int8"
