"""Texts are taken out of a message byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.mapping.values.exact_text import (
    is_plainly_spelled,
    is_quick_right,
    is_respelled,
    may_be_out_of_range,
    may_be_respelled,
    member,
    parts,
    quick_text,
    quote_out_of_range,
)

MESSAGE = "`__value`"


@pytest.mark.parametrize(
    ("message", "may_be"),
    [
        ('{"a":1.10}', True),
        ('{"a": {"b":1}}', True),
        ('{"a":110,"b":"x"}', False),
        ('{"b":1.5,"a":1}', False),
        (r'{"\u0061":1.5}', True),
    ],
)
def test_when_a_text_may_be_another_than_was_sent(evaluate: Callable[..., Any], message: str, may_be: bool) -> None:
    assert bool(evaluate(may_be_respelled(["a"]), message)) is may_be
    assert may_be_respelled([]) == "0"


@pytest.mark.parametrize(
    ("message", "mended"),
    [
        ('{"a":1e400,"b":"1e400"}', '{"a":"1e400","b":"1e400"}'),
        ('{"a":1e308}', '{"a":1e308}'),
        ('{"a":1e400', '{"a":"1e400"'),
    ],
)
def test_numbers_out_of_range_are_put_in_quotes(evaluate: Callable[..., Any], message: str, mended: str) -> None:
    assert evaluate(quote_out_of_range(MESSAGE), message) == mended
    assert bool(evaluate(may_be_out_of_range(MESSAGE), message)) is (message != mended)


@pytest.mark.parametrize(
    ("text", "is_so"), [("1", True), ("1.5", True), ("[1]", True), ('"x"', False), ("null", False)]
)
def test_what_has_a_text_of_its_own(evaluate: Callable[..., Any], text: str, is_so: bool) -> None:
    assert bool(evaluate(is_respelled(MESSAGE, ("a",)), f'{{"a":{text}}}')) is is_so


@pytest.mark.parametrize(
    ("message", "is_quick"),
    [('{"a": 1.10 }', True), ('{"b":{"a":2.0},"a":1.10}', False), ('{"b":"\\"a\\":1","a":1.10}', True)],
)
def test_the_quick_way_knows_when_it_is_right(evaluate: Callable[..., Any], message: str, is_quick: bool) -> None:
    assert bool(evaluate(is_quick_right(MESSAGE, ("a",)), message)) is is_quick
    if is_quick:
        assert evaluate(quick_text(MESSAGE, ("a",)), message) == "1.10"


@pytest.mark.parametrize(("message", "is_plain"), [('{"a":1}', True), (r'{"\u0061":1}', False), ('{"a":1e400}', False)])
def test_keys_that_are_spelled_plainly(evaluate: Callable[..., Any], message: str, is_plain: bool) -> None:
    assert bool(evaluate(is_plainly_spelled(MESSAGE), message)) is is_plain


def test_a_message_is_taken_apart_into_its_members(evaluate: Callable[..., Any]) -> None:
    message = '{"a": [1, {"b":2}], "c,d" : "}", "e":-0.0 }'
    assert len(evaluate(parts(MESSAGE), message)) == 3
    texts = [evaluate(member(parts(MESSAGE), key), message) for key in ("a", "c,d", "e", "b")]
    assert texts == ['[1, {"b":2}]', '"}"', "-0.0", ""]
    assert evaluate(parts(MESSAGE), "[1]") == []
