"""Values as literals: of the same types as bound, and with nothing of them read as SQL."""

from __future__ import annotations

import pytest

from schemas.queries.literals import Literals
from schemas.template.errors import TemplateRenderError
from schemas.template.limits import DEFAULT_LIMITS, Budget
from schemas.template.values.binding import MAX_VALUE_BYTES
from schemas.template.values.typed import INTEGER_TYPES, Fragment, Identifier, SqlText, TypedArray


def literals() -> Literals:
    return Literals(Budget(DEFAULT_LIMITS))


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("it's", r"'it\'s'"),
        ("back\\slash", r"'back\\slash'"),
        ("') OR 1=1 --", r"'\') OR 1=1 --'"),
        ("{p1:String}", "'{p1:String}'"),
        (INTEGER_TYPES["UInt8"](5), "CAST('5', 'UInt8')"),
        (5, "CAST('5', 'Int64')"),
        (1.5, "CAST('1.5', 'Float64')"),
        (True, "CAST('true', 'Bool')"),
        (TypedArray(["a", "b'c"], "String"), r"CAST('[\'a\',\'b\\\'c\']', 'Array(String)')"),
        ([1, 2], "CAST('[1,2]', 'Array(Int64)')"),
        (Identifier("a`b"), r"`a\`b`"),
        (Fragment((SqlText("x > "), 1)), "x > CAST('1', 'Int64')"),
        ({"a": 1}, r"mapFromArrays(CAST('[\'a\']', 'Array(String)'), CAST('[1]', 'Array(Int64)'))"),
    ],
)
def test_a_value_is_written_as_what_it_is(value: object, sql: str) -> None:
    written = literals()
    assert written.sql(value) == sql
    assert written.parameters == {}


def test_what_is_too_large_to_bind_is_too_large_to_write() -> None:
    with pytest.raises(TemplateRenderError, match="131072"):
        literals().sql("x" * (MAX_VALUE_BYTES + 1))
