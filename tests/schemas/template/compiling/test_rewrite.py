"""A template that reaches nothing but its own names."""

from __future__ import annotations

import pytest
from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.rewrite import Rewriter, assigned_names
from schemas.template.environment import ENVIRONMENT


def rewritten(source: str) -> tuple[set[str], Rewriter]:
    """Every name that the template holds afterwards."""
    parsed = ENVIRONMENT.parse(source)
    rewriter = Rewriter(assigned_names(parsed), {}, {}, lambda ordinal: ordinal)
    visited = rewriter.visit(parsed)
    return {node.name for node in visited.find_all(nodes.Name)}, rewriter


def test_every_name_says_what_it_is_of() -> None:
    names, _ = rewritten("{% for i in x %}{{String(y)}}{{i}}{% end %}{% while z %}{% end %}")
    assert names == {"p_x", "p_y", "p_z", "f_String", "f_iterate", "f_forever", "locals", "t_turn_1", "t_turn_2"}


def test_what_is_given_a_value_anywhere_is_a_variable() -> None:
    _, rewriter = rewritten("{{a}}{% set a, b = 1, 2 %}{{c}}")
    assert list(rewriter.names) == ["c"]
    assert rewriter.assigning == {"a": [2], "b": [2]}


def test_the_parameters_that_each_tag_reads_are_noted() -> None:
    _, rewriter = rewritten("{{Array(a, 'Int8')}}{% if b %}{% end %}")
    assert (rewriter.tag_names, rewriter.split) == ({1: ["a"], 2: ["b"]}, {"a"})


@pytest.mark.parametrize(
    "source", ["{% if a.b %}{% end %}", "{% if a()() %}{% end %}", "{% if f(*a) %}{% end %}", "{{q}}"]
)
def test_what_could_reach_anything_else_is_refused(source: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        rewritten(source)
