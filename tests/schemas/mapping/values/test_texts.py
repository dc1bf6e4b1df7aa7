"""Scalars that are read from their text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.values.texts import from_text, kept_type


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("DateTime", "DateTime('UTC')"),
        ("DateTime('Europe/Madrid')", "DateTime('Europe/Madrid')"),
        ("DateTime64(3)", "DateTime64(3, 'UTC')"),
        ("Enum8('a' = 1)", "String"),
        ("Decimal(10, 2)", "Decimal(10, 2)"),
    ],
)
def test_times_are_kept_with_their_zone_and_enums_as_their_name(kind: str, kept: str) -> None:
    assert kept_type(parse_column_type(kind)) == kept


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("String", "x", "x"),
        ("FixedString(2)", "abc", None),
        ("UUID", "no", None),
        ("IPv4", "10.0.0.1", "10.0.0.1"),
        ("Enum8('a, b' = 1, 'c' = 2)", "a, b", "a, b"),
        ("Enum8('a, b' = 1, 'c' = 2)", "a", None),
        ("Decimal(4, 2)", "99.999", "99.99"),
        ("Decimal(4, 2)", "100", None),
        ("Decimal(4, 2)", "1.2.3", None),
        ("Decimal32(2)", "-", None),
    ],
)
def test_a_text_is_a_value_of_the_type_or_none(
    evaluate: Callable[..., Any], kind: str, text: str, value: str | None
) -> None:
    assert evaluate(f"toString({from_text(parse_column_type(kind), '`__value`')})", text) == value
