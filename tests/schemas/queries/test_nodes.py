"""A node of a pipe, compiled."""

from __future__ import annotations

import pytest

from schemas.model import Copy, Node, Pipe, Place
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Render


def compiled(sql: str, *, is_copy: bool = False) -> CompiledNode:
    node = Node("n", sql, Copy("t") if is_copy else None, sql_place=Place("p.pipe", 3, 5))
    return CompiledNode(Pipe("p", (node,)), node)


def test_a_key_is_found_as_a_plain_pair_is() -> None:
    assert compiled("SELECT 1").key == NodeKey("p", "n") == ("p", "n")


def test_plain_sql_is_its_own_text_and_sample() -> None:
    node = compiled("SELECT 1")
    assert (node.render({}, Render()), [each.text for each in node.samples()]) == ("SELECT 1", ["SELECT 1"])
    assert node.parameters == ()


def test_the_time_of_a_copy_is_given_unless_the_caller_says_one() -> None:
    state = Render()
    compiled("% SELECT {{String(job_timestamp)}}", is_copy=True).render({}, state)
    assert len(state.bindings.parameters["p1"]) == len("2026-01-31 10:00:00")
    state = Render()
    compiled("% SELECT {{String(job_timestamp)}}", is_copy=True).render({"job_timestamp": "then"}, state)
    assert state.bindings.parameters == {"p1": "then"}


def test_a_template_that_writes_nothing_is_refused() -> None:
    with pytest.raises(TemplateRenderError, match="Template renders to an empty query"):
        compiled("% {% if x %}SELECT 1{% end %}").render({}, Render())


def test_an_offset_of_the_template_is_a_place_in_the_file() -> None:
    assert str(compiled("%\nSELECT {{x}}").place(8)) == "p.pipe:4:12"
