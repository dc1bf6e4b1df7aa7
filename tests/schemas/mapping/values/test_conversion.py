"""What lies at a column's path becomes its type exactly, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.extraction import Extraction
from schemas.mapping.values.conversion import conversion_of, is_ingestible, leaf_of, value_type
from schemas.model import JsonPath

PATH = JsonPath("$.v", ("v",))


@pytest.mark.parametrize(
    ("kind", "is_so"),
    [
        ("LowCardinality(Nullable(String))", True),
        ("JSON", True),
        ("Array(Array(Int8))", True),
        ("SimpleAggregateFunction(sum, UInt64)", True),
        ("AggregateFunction(sum, UInt64)", False),
        ("Nested(a Int8)", False),
    ],
)
def test_types_that_json_can_fill(kind: str, is_so: bool) -> None:
    assert is_ingestible(parse_column_type(kind)) is is_so


def test_an_aggregate_takes_the_values_of_its_type() -> None:
    assert value_type(parse_column_type("SimpleAggregateFunction(max, DateTime64(3))")).text == "DateTime64(3)"
    assert value_type(parse_column_type("Int8")).text == "Int8"


@pytest.mark.parametrize(
    ("kind", "leaf_type"), [("Int8", "Dynamic"), ("Bool", "Dynamic"), ("String", "Nullable(String)")]
)
def test_only_where_the_json_type_matters_it_is_asked_for(kind: str, leaf_type: str) -> None:
    leaf = leaf_of(parse_column_type(kind), PATH)
    assert leaf is not None
    assert leaf.type == leaf_type
    assert leaf_of(parse_column_type(kind), JsonPath("$", ())) is None


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("Int8", "3.0", "3"),
        ("Int8", "1.5", None),
        ("Int8", '"3"', None),
        ("Int64", '"3"', "3"),
        ("Bool", "true", "true"),
        ("Bool", "1", None),
        ("Float64", "100000000000000000000", "100000000000000000000"),
        ("Float64", '"100000000000000000000"', None),
        ("Float32", "1e39", None),
        ("String", '{"a":1}', '{"a":1}'),
        ("String", "null", None),
        ("Date", '"2025-02-30"', None),
    ],
)
def test_a_scalar(evaluate: Callable[..., Any], kind: str, value: str, shown: str | None) -> None:
    message = f'{{"v":{value}}}'
    assert _evaluated(evaluate, kind, PATH, "toString({0.value})", message) == shown
    assert bool(_evaluated(evaluate, kind, PATH, "{0.is_absent}", message)) is (value == "null")


@pytest.mark.parametrize(
    ("path", "message", "shown"),
    [
        (PATH, '{"v":[1,2]}', "[1,2]"),
        (PATH, '{"v":[1,"2"]}', None),
        (PATH, '{"v":1}', None),
        (JsonPath("$.v[:].n", ("v",), ("n",)), '{"v":[{"n":1},{"n":2}]}', "[1,2]"),
        (JsonPath("$.v[:].n", ("v",), ("n",)), '{"v":[{"n":1},{}]}', None),
        (JsonPath("$", ()), "[1]", "[1]"),
    ],
)
def test_a_container(evaluate: Callable[..., Any], path: JsonPath, message: str, shown: str | None) -> None:
    assert bool(_evaluated(evaluate, "Array(Int8)", path, "{0.is_right}", message)) is (shown is not None)
    assert _evaluated(evaluate, "Array(Int8)", path, "toString({0.value})", message) == (shown or "[]")


def _evaluated(evaluate: Callable[..., Any], kind: str, path: JsonPath, form: str, message: str) -> Any:
    column_type, extraction = parse_column_type(kind), Extraction()
    leaf = leaf_of(column_type, path)
    extraction.add([leaf] if leaf is not None else [])
    expression = form.format(conversion_of(column_type, path, extraction))
    definitions = f"WITH {', '.join(extraction.definitions)} " if extraction.definitions else ""
    return evaluate(f"({definitions}SELECT {expression})", message)
