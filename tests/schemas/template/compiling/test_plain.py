"""What surely compiles."""

from __future__ import annotations

import pytest
from jinja2 import nodes

from schemas.template.compiling.plain import is_plain


def keyword(key: str) -> nodes.Keyword:
    return nodes.Keyword(key, nodes.Const(1))


def call(*keys: str) -> nodes.Call:
    return nodes.Call(nodes.Name("f", "load"), [], [keyword(key) for key in keys], None, None)


@pytest.mark.parametrize(
    "node", [nodes.Const(5), nodes.Const("a"), nodes.Name("a", "load"), call("a", "b"), nodes.If()]
)
def test_what_jinja_makes_python_of_whatever_it_holds(node: nodes.Node) -> None:
    assert is_plain(node)


@pytest.mark.parametrize(
    "node", [nodes.Const(2**64), nodes.Name("é", "load"), call("a", "a"), call("é"), nodes.Filter(), nodes.Test()]
)
def test_what_python_might_refuse(node: nodes.Node) -> None:
    assert not is_plain(node)
