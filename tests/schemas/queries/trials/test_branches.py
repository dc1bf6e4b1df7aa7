"""Which values open each branch is read off its condition."""

from __future__ import annotations

import pytest

from schemas.queries.trials.branches import Wanted, branch_wishes
from schemas.template.compiling.tags import split

GIVEN, ABSENT = Wanted.GIVEN, Wanted.ABSENT


@pytest.mark.parametrize(
    ("template", "wishes"),
    [
        ("{% if defined(x) %}a{% else %}b{% end %}", [{"x": GIVEN}, {"x": ABSENT}]),
        ("{% if x == 'a' %}a{% elif x == 'b' %}b{% else %}c{% end %}", [{"x": "a"}, {"x": "b"}, {"x": GIVEN}]),
        ("{% if not defined(x) %}a{% end %}", [{"x": ABSENT}]),
        ("{% if defined(x) and x != 'a' %}a{% end %}", [{"x": GIVEN}]),
        ("{% if defined(x) and x == 'a' %}a{% end %}", [{"x": "a"}]),
        ("{% if x == 'a' or y == 'b' %}a{% else %}b{% end %}", [{"x": "a"}, {"x": GIVEN, "y": GIVEN}]),
        ("{% if Int32(n, 1) > 10 %}a{% else %}b{% end %}", [{"n": "11"}, {"n": "10"}]),
        ("{% if Int32(n) <= -1 %}a{% else %}b{% end %}", [{"n": "-1"}, {"n": "0"}]),
        ("{% if 3 < n %}a{% end %}", [{"n": "2"}]),
        ("{% if x in ['a', 'b'] %}a{% end %}", [{"x": "a"}]),
        ("{% if x is None %}a{% else %}b{% end %}", [{"x": ABSENT}, {"x": GIVEN}]),
        ("{% if x.upper() == 'A' %}a{% end %}", [{"x": "A"}]),
        ("{% if Boolean(b) == True %}a{% end %}", [{"b": "1"}]),
        (
            "{% if defined(x) %}{% if y == 'b' %}a{% end %}{% end %}{% if z %}c{% end %}",
            [{"x": GIVEN}, {"x": GIVEN, "y": "b"}, {"z": GIVEN}],
        ),
        ("{% for each in x %}{% if each == 1 %}a{% end %}{% end %}", [{"each": "1"}]),
        ("{% if 1 %}a{% end %}SELECT 1", []),
    ],
)
def test_the_wishes_of_each_branch(template: str, wishes: list[dict[str, object]]) -> None:
    assert list(branch_wishes(split(template))) == wishes


@pytest.mark.parametrize("condition", ["x ==", "((", "x == " + "(" * 500])
def test_a_condition_that_is_none_asks_for_nothing(condition: str) -> None:
    assert list(branch_wishes(split("{% if " + condition + " %}a{% end %}"))) == []
