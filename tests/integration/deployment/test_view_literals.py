"""A value that is written as a literal is the same to ClickHouse, and of the same type, as one that is bound."""

from __future__ import annotations

from base64 import b64encode

import pytest
from clickhouse_connect.driver.client import Client

from schemas.queries.literals import Literals
from schemas.template.limits import DEFAULT_LIMITS, Budget
from schemas.template.values.binding import typed_text
from schemas.template.values.typed import FLOAT_TYPES, INTEGER_TYPES, TypedArray

TEXTS = ["", "it's", "back\\slash", "100%", "new\nline\ttab", '`quoted` "twice"', "{p1:String}", "ünï✓", "-- x", "\\N"]
VALUES: list[object] = [
    *TEXTS,
    *(kind(7) for kind in INTEGER_TYPES.values()),
    INTEGER_TYPES["Int128"](-(2**100)),
    INTEGER_TYPES["UInt256"](2**255),
    *(kind(1.5) for kind in FLOAT_TYPES.values()),
    *(FLOAT_TYPES["Float64"](text) for text in ("nan", "inf", "-inf", "1e300")),
    True,
    False,
    -5,
    2.25,
    TypedArray([*TEXTS], "String"),
    TypedArray([INTEGER_TYPES["UInt8"](1), INTEGER_TYPES["UInt8"](2)], "UInt8"),
    [],
    [[1, 2], [3]],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_literal_is_what_a_bound_value_is(client: Client, value: object) -> None:
    literal = Literals(Budget(DEFAULT_LIMITS)).sql(value)
    kind, text = typed_text(value)
    found = client.query(f"SELECT toTypeName({literal}), toString({literal})").result_rows[0]
    given = f"(SELECT base64Decode('{b64encode(text.encode()).decode()}') AS t)"
    cast = f"CAST(materialize(t), '{kind}')"
    bound = client.query(f"SELECT toTypeName({cast}), toString({cast}) FROM {given}").result_rows[0]
    assert found == bound
    assert found[0] == kind


def test_a_map_is_written_from_its_keys_and_values(client: Client) -> None:
    literal = Literals(Budget(DEFAULT_LIMITS)).sql({"it's": 1, "b": 2})
    found = client.query(f"SELECT toTypeName({literal}), {literal}['it\\'s']").result_rows[0]
    assert found == ("Map(String, Int64)", 1)
