"""What a name in a node is."""

from __future__ import annotations

import pytest

from schemas.model import Copy, DataSource, Endpoint, Node, NodeKind, Pipe
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.resolve import KnownTable, Meaning, Resolver, UnknownName
from schemas.sql.named import TableFunction, TableName


def nodes(pipe: str, **kinds: NodeKind | None) -> dict[str, CompiledNode]:
    return {name: CompiledNode(Pipe(pipe, ()), Node(name, "SELECT 1", kind)) for name, kind in kinds.items()}


RESOLVER = Resolver(
    {"events": DataSource("events", ()), "a.b": DataSource("a.b", ())},
    {
        "p": nodes("p", n=None, events=None),
        "q": nodes("q", first=Endpoint(), last=None),
        "r": nodes("r", a=None, b=None),
    },
)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("n", NodeKey("p", "n")),
        ("events", NodeKey("p", "events")),
        ("q", NodeKey("q", "first")),
        ("r", NodeKey("r", "b")),
        ("a.b", KnownTable("a.b")),
        ("events_quarantine", KnownTable("events_quarantine")),
        ("events__v2", KnownTable("events")),
        ("v0_0_2.a.b", KnownTable("a.b")),
        ("system.one", KnownTable("system.one", is_of_system=True)),
        ("nothing", UnknownName("Resource 'nothing' not found")),
        (
            "tinybird.pipe_stats",
            UnknownName("the service data source `tinybird.pipe_stats` does not exist here", is_of_service=True),
        ),
    ],
)
def test_a_name_is_a_node_of_the_pipe_before_anything_else(name: str, meaning: Meaning) -> None:
    assert RESOLVER.table(NodeKey("p", "other"), TableName(tuple(name.split(".")), 0, 0)) == meaning


def test_a_node_that_reads_its_own_name_reads_the_data_source() -> None:
    assert RESOLVER.table(NodeKey("p", "events"), TableName(("events",), 0, 0)) == KnownTable("events")


def test_a_table_is_written_as_clickhouse_reads_it() -> None:
    assert (KnownTable("a.b").sql, KnownTable("a.b").parts) == ("`a.b`", ("a.b",))
    system = KnownTable("system.one", is_of_system=True)
    assert (system.sql, system.parts) == ("system.one", ("system", "one"))


@pytest.mark.parametrize(
    ("name", "is_copy", "is_allowed"),
    [
        ("numbers", False, True),
        ("VALUES", False, True),
        ("url", True, True),
        ("url", False, False),
        ("file", True, False),
    ],
)
def test_which_table_functions_may_stand_where(name: str, is_copy: bool, is_allowed: bool) -> None:
    node = nodes("p", n=Copy("t") if is_copy else None)["n"]
    assert (RESOLVER.function_problem(TableFunction(name, 0), node) == "") is is_allowed


def test_a_hint_is_a_name_much_like_it() -> None:
    assert (RESOLVER.closest("p", "evnts"), RESOLVER.closest("p", "wadus")) == ("events", "")
