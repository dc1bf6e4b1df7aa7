"""Operators and methods within bounds."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateError, TemplateLimitError
from schemas.template.limits import Budget
from schemas.template.operators import binary, elements, forever, iterate, method
from schemas.template.rendering import Render


@pytest.mark.parametrize(
    ("symbol", "made"), [("+", 9), ("-", 5), ("*", 14), ("/", 3.5), ("//", 3), ("**", 49), ("%", 1)]
)
def test_an_operator_is_pythons(symbol: str, made: float) -> None:
    assert binary(Budget(), symbol, 7, 2) == made


@pytest.mark.parametrize(
    ("symbol", "left", "right"), [("*", "a", 10**9), ("*", 10**9, [1]), ("**", 10, 10**9), ("*", 2**1000, 2**1000)]
)
def test_none_makes_more_than_a_render_may_hold(symbol: str, left: object, right: object) -> None:
    with pytest.raises(TemplateLimitError):
        binary(Budget(), symbol, left, right)


def test_a_method_is_one_of_its_kind() -> None:
    assert method(Render(), "a,b", "split", ",") == ["a", "b"]
    assert method(Render(), {"a": 1}, "items") == [("a", 1)]
    with pytest.raises(TemplateError, match="text has no method `format`"):
        method(Render(), "a", "format")
    with pytest.raises(TemplateLimitError):
        method(Render(), "a" * 1_000, "replace", "a", "b" * 1_000)


def test_every_turn_is_paid_for() -> None:
    assert list(iterate(Render(), "ab")) == ["a", "b"]
    with pytest.raises(TemplateLimitError):
        for _ in forever(Render()):
            pass
    with pytest.raises(TemplateError, match="cannot be gone through"):
        elements(5)
