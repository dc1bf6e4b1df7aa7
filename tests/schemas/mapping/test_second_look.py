"""What a second look reads of a message: the texts that were sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.mapping.extraction import MESSAGE, Extraction, Leaf
from schemas.mapping.second_look import reread
from schemas.sql.text import literal


@pytest.mark.parametrize(
    ("path", "message", "sent"),
    [
        (("a",), '{"a":1.10}', "1.10"),
        (("a",), '{"a": {"b": [1,  2]}}', '{"b": [1,  2]}'),
        (("a",), '{"b":"a","a":-0}', "-0"),
        (("a", "b"), '{"a":{"b":1e1},"b":2.0}', "1e1"),
        (("a",), r'{"\u0061":1.10}', "1.10"),
        (("a",), '{"a":"1.10"}', "1.10"),
        (("a",), '{"a":1e400}', "1e400"),
        (("a",), '{"b":1e400,"a":1.50}', "1.50"),
    ],
)
def test_a_text_is_as_it_was_sent(evaluate: Callable[..., Any], path: tuple[str, ...], message: str, sent: str) -> None:
    extraction = Extraction()
    extraction.add([Leaf(path, "Nullable(String)")])
    (leaf,) = extraction.leaves
    source = reread("messages", ["__offset", "__value"], extraction, [leaf], MESSAGE)
    selected = f"SELECT {extraction.expression(leaf)} FROM {source}"
    assert evaluate(f"(WITH messages AS (SELECT 1 AS `__offset`, {literal(message)} AS `__value`) {selected})") == sent
