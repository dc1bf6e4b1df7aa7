"""Leaves are taken out of a message in as few tuples as possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.mapping.extraction import Extraction, Leaf, json_type, raw


def extraction_of(*paths: tuple[str, ...]) -> Extraction:
    extraction = Extraction()
    extraction.add(Leaf(path, "Nullable(String)") for path in paths)
    return extraction


@pytest.mark.parametrize(
    ("paths", "tuples"),
    [
        ((("a",), ("b",)), 1),
        ((("a", "b"), ("a", "c")), 1),
        ((("a",), ("a", "b")), 2),
        ((("a", "b"), ("a",), ("c",)), 2),
        ((("a",), ("a",)), 1),
        ((("0",), ("",)), 0),
    ],
)
def test_one_path_means_one_thing_in_a_tuple(paths: tuple[tuple[str, ...], ...], tuples: int) -> None:
    extraction = extraction_of(*paths)
    assert sum("Tuple(" in definition for definition in extraction.definitions) == tuples
    assert len(extraction.leaves) == len(set(paths))


def test_two_types_at_one_path_are_two_leaves() -> None:
    extraction = Extraction()
    leaves = Leaf(("a",), "Nullable(String)"), Leaf(("a",), "Dynamic")
    extraction.add(leaves)
    assert extraction.expression(leaves[0]) != extraction.expression(leaves[1])
    assert sum("Tuple(" in definition for definition in extraction.definitions) == 2


@pytest.mark.parametrize(
    ("path", "message", "value"),
    [
        (("a",), '{"a":"x"}', "x"),
        (("a",), '{"a":1.50}', "1.5"),
        (("a",), '{"a":null}', None),
        (("a",), "no JSON", None),
        (("a", "b"), '{"a":{"b":"x"}}', "x"),
        (("a", "b"), '{"a":["x"]}', None),
        (("a", "b"), '{"a":[["x"]]}', None),
        (("1",), '{"1":"x"}', "x"),
        (("it's",), '{"it\'s":"x"}', "x"),
    ],
)
def test_a_leaf_is_what_lies_at_its_path(
    evaluate: Callable[..., Any], path: tuple[str, ...], message: str, value: str | None
) -> None:
    extraction = extraction_of(path)
    (leaf,) = extraction.leaves
    selected = f"(WITH {', '.join(extraction.definitions)} SELECT {extraction.expression(leaf)})"
    assert evaluate(selected, message) == value


def test_type_and_text_of_what_lies_at_a_path(evaluate: Callable[..., Any]) -> None:
    message = '{"a":{"b":[1, "x"]}}'
    assert evaluate(json_type(()), message) == "Object"
    assert evaluate(json_type(("a", "b")), message) == "Array"
    assert evaluate(json_type(("b",)), message) == "Null"
    assert evaluate(raw(("a", "b")), message) == '[1,"x"]'
