"""Values as JSON has them."""

from __future__ import annotations

import pytest

from schemas.template.values.json_values import JsonLiteral, document_of, json_text, plain, plain_text
from schemas.template.values.typed import INTEGER_TYPES, Identifier


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ä", '"ä"'),
        (JsonLiteral("1.10"), "1.1"),
        ([1, None, True], "[1, null, true]"),
        ({1: "a"}, '{"1": "a"}'),
        (float("nan"), '"nan"'),
        (Identifier("a"), '"a symbol"'),
    ],
)
def test_a_value_has_a_text_in_json(value: object, text: str) -> None:
    assert json_text(value) == text


def test_text_and_numbers_are_their_own_text() -> None:
    assert [plain_text(value) for value in ("a", 1, True, ["a"])] == ["a", "1", "true", '["a"]']
    assert type(document_of(INTEGER_TYPES["Int8"](5))) is int


def test_what_json_has_not_is_left_out() -> None:
    assert plain(((1, "a", True), float("inf"), Identifier("a"), None)) == [[1, "a", True], None, None, None]
