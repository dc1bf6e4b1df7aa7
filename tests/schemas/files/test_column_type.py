"""Type texts to types."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.files.column_type import MAX_DEPTH, parse_column_type

PLAIN = ("String", "UInt8", "Int256", "Float64", "UUID", "Date", "IPv4", "Bool", "Point")
PARAMETRIC = ("DateTime('UTC')", "DateTime64(3)", "Decimal(10, 2)", "FixedString(3)", "Enum8('a)' = 1, 'b' = 2)")
OTHERS = (
    "JSON(max_dynamic_paths=10, x.y Int32)",
    "AggregateFunction(uniq, String)",
    "SimpleAggregateFunction(sum, Int8)",
)
LEAVES = st.sampled_from((*PLAIN, *PARAMETRIC, *OTHERS))
TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map("Array({})".format),
        inner.map("Nullable({})".format),
        st.tuples(inner, inner).map(lambda pair: f"Map({pair[0]}, {pair[1]})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda members: f"Tuple({', '.join(members)})"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda members: f"Nested({', '.join(f'n{number} {kind}' for number, kind in enumerate(members))})"
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(TYPES)
def test_the_text_of_a_type_is_read_back_as_it_is(text: str) -> None:
    assert parse_column_type(text).text == text


@settings(deadline=None)
@given(TYPES, st.sampled_from([" ", "\n", "\t  "]))
def test_white_space_between_arguments_means_nothing(text: str, blank: str) -> None:
    spread = text if "'" in text or "JSON" in text else text.replace(", ", f"{blank},{blank}").replace("(", f"{blank}(")
    assert parse_column_type(f"{blank}{spread}{blank}").text == text


def test_a_type_is_taken_apart() -> None:
    kind = parse_column_type("Nullable(DateTime64(3,'UTC'))")
    assert (kind.family, kind.parameters, kind.inner[0].family) == ("Nullable", (), "DateTime64")
    assert kind.inner[0].parameters == ("3", "'UTC'")
    assert kind.is_nullable
    named = parse_column_type("Tuple(a Int8, `b c` Array(String))")
    assert (named.names, named.text) == (("a", "b c"), "Tuple(a Int8, `b c` Array(String))")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("UInt", "Precision is mandatory for UInt types"),
        ("VARCHAR(20", "no closing bracket"),
        ("Foo", "Unknown data type family: Foo"),
        ("Foo(1)", "Unknown data type family: Foo"),
        ("Nullable", "needs arguments"),
        ("String(3)", "String takes no arguments"),
        ("Map(String)", "Map takes 2 type(s)"),
        ("Array(String))", "closes a bracket that is not open"),
        ("Array(Array(String)", "no closing bracket|open bracket"),
        ("Enum8('a = 1)", "open quote"),
        ("DateTime(3)", "a time zone in single quotes"),
        ("FixedString(x)", "a number of bytes"),
        ("Tuple(a Int8, Int8)", "some members"),
        ("Nested(Int8)", "need names"),
        ("", "Unknown data type family"),
    ],
)
def test_what_is_no_type(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_column_type(text)
    assert any(part in str(caught.value) for part in words.split("|"))


def test_the_depth_of_a_type_is_bounded() -> None:
    assert parse_column_type("Array(" * MAX_DEPTH + "String" + ")" * MAX_DEPTH).family == "Array"
    deep = 100_000
    with pytest.raises(ValueError, match="nested more than"):
        parse_column_type("Array(" * deep + "String" + ")" * deep)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Int", "Int32"),
        ("INTEGER", "Int32"),
        ("INT(11)", "Int32"),
        ("Float", "Float32"),
        ("Double", "Float64"),
        ("Boolean", "Bool"),
        ("DateTime64", "DateTime64(3)"),
        ("TIMESTAMP", "DateTime"),
        ("timestamp(6)", "DateTime64(6)"),
        ("Text", "String"),
        ("VARCHAR(20)", "String"),
        ("numeric(10, 2)", "Decimal(10, 2)"),
        ("Nullable(Int)", "Nullable(Int32)"),
        ("Map(Text, Array(Int))", "Map(String, Array(Int32))"),
        ("Tuple(a Int, b Boolean)", "Tuple(a Int32, b Bool)"),
        ("ENUM('a' = 1)", "Enum('a' = 1)"),
    ],
)
def test_other_words_for_types_are_read_as_clickhouse_reads_them(text: str, meant: str) -> None:
    replaced: dict[str, str] = {}
    assert parse_column_type(text, replaced).text == meant
    assert replaced


@pytest.mark.parametrize("text", ["Int32", "Bool", "Enum('a' = 1)", "DateTime64(3)", "datetime", "Decimal(10, 2)"])
def test_a_types_own_name_replaces_nothing(text: str) -> None:
    replaced: dict[str, str] = {}
    parse_column_type(text, replaced)
    assert replaced == {}
