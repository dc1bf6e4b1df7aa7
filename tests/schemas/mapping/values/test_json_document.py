"""Whole objects for a column of the type JSON, with typed paths strictly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.values.json_document import document, typed_paths


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        ("JSON", []),
        ("JSON(a.b UInt32, `c d` String, SKIP x, max_dynamic_paths=5)", [(("a", "b"), "UInt32"), (("c d",), "String")]),
        ("JSON(a Array(JSON))", []),
    ],
)
def test_typed_paths(kind: str, paths: list[tuple[tuple[str, ...], str]]) -> None:
    assert [(path, found.text) for path, found in typed_paths(parse_column_type(kind))] == paths


@pytest.mark.parametrize(
    ("kind", "message", "is_taken"),
    [
        ("JSON", '{"d":{"a":1}}', True),
        ("JSON", '{"d":[1]}', False),
        ("JSON", "{}", False),
        ("JSON(a.b UInt32)", '{"d":{"a":{"b":1}}}', True),
        ("JSON(a.b UInt32)", '{"d":{"a":{"b":1.5}}}', False),
        ("JSON(a.b UInt32)", '{"d":{"a.b":"x"}}', False),
        ("JSON(a.b UInt32)", '{"d":{"a":{"b":null}}}', False),
        ("JSON(a.b UInt32)", '{"d":{"c":1}}', True),
    ],
)
def test_an_object_is_taken_when_its_typed_paths_are_right(
    evaluate: Callable[..., Any], kind: str, message: str, is_taken: bool
) -> None:
    value = document(parse_column_type(kind), ("d",))
    assert bool(evaluate(f"isNotNull({value})", message)) is is_taken
