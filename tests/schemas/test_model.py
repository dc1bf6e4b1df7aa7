"""What the values of a project say of themselves."""

from __future__ import annotations

from schemas.files.column_type import parse_column_type
from schemas.model import Copy, Endpoint, Materialization, Node, Pipe, Place, Sink


def test_a_place_is_written_as_editors_read_it() -> None:
    assert str(Place("a.pipe", 2, 3)) == "a.pipe:2:3"


def test_a_type_is_nullable_within_low_cardinality_too_and_bare_without_both() -> None:
    type_ = parse_column_type("LowCardinality(Nullable(FixedString(3)))")
    assert type_.is_nullable
    assert type_.bare.text == "FixedString(3)"
    assert not parse_column_type("Array(Nullable(String))").is_nullable


def test_a_node_is_called_by_its_type() -> None:
    kinds = (None, Endpoint(), Materialization("t"), Copy("t"), Sink())
    names = [Node("n", "SELECT 1", kind).type_name for kind in kinds]
    assert names == ["standard", "endpoint", "materialized", "copy", "sink"]


def test_the_endpoint_of_a_pipe_is_the_node_of_that_type_wherever_it_stands() -> None:
    endpoint = Node("a", "SELECT 1", Endpoint())
    assert Pipe("p", (endpoint, Node("b", "SELECT 1"))).endpoint is endpoint
    assert Pipe("p", (Node("b", "SELECT 1", Copy("t")),)).endpoint is None
