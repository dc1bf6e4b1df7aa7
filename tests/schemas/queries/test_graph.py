"""What nodes read through each other, and circles of them."""

from __future__ import annotations

from schemas.queries.graph import Graph, NodeReads
from schemas.queries.nodes import NodeKey


def key(name: str) -> NodeKey:
    return NodeKey("p", name)


def graph(**reads: str) -> Graph:
    """Each node with the nodes that it reads (small letters) and the data sources (capitals)."""
    return Graph({
        key(name): NodeReads(tuple(key(each) for each in read if each.islower()), tuple(filter(str.isupper, read)))
        for name, read in reads.items()
    })  # fmt: skip


def test_everything_is_reached_once_in_the_order_of_the_text() -> None:
    reads = graph(a="bcX", b="dY", c="dX", d="Z", e="W").reachable(key("a"))
    assert reads == NodeReads((key("a"), key("b"), key("d"), key("c")), ("X", "Y", "Z"))


def test_a_circle_is_told_once_from_the_node_by_which_it_is_entered() -> None:
    assert list(graph(a="b", b="c", c="b", d="b").circles()) == [(key("b"), key("c"), key("b"))]


def test_a_node_that_reads_itself_is_a_circle_and_a_shared_node_is_none() -> None:
    assert list(graph(a="a").circles()) == [(key("a"), key("a"))]
    assert list(graph(a="bc", b="d", c="d", d="").circles()) == []
