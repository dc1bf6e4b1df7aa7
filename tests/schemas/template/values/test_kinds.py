"""Our own words for kinds and for what Python says."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from schemas.template.values.kinds import in_our_words, kind_of, kinds_of
from schemas.template.values.typed import Fragment, Identifier


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "true or false"),
        ("a", "text"),
        (1, "a whole number"),
        (1.5, "a number"),
        ((1,), "a list"),
        ({}, "a dictionary"),
        (Identifier("a"), "a symbol"),
        (Fragment(()), "a piece of SQL"),
    ],
)
def test_every_kind_has_a_word(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_several_kinds_are_told_together() -> None:
    assert "text" in kinds_of(["a", 1])
    assert "a whole number" in kinds_of(["a", 1])


@pytest.mark.parametrize(
    ("function", "values", "words"),
    [
        (operator.lt, ("a", 1), "text"),
        (operator.neg, ("a",), "`-` needs a number, not text"),
        (operator.contains, (5, "a"), "`in` looks through text, a list or a dictionary, not a whole number"),
        (operator.getitem, ({}, []), "a list or a dictionary cannot be the key of a dictionary"),
    ],
)
def test_what_python_says_is_told_in_our_words(
    function: Callable[..., object], values: tuple[Any, ...], words: str
) -> None:
    with pytest.raises(TypeError) as caught:
        function(*values)
    assert words in in_our_words(caught.value)
    assert "'" not in in_our_words(caught.value)
