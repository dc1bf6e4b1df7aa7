"""A pipe's node, compiled: what it renders to, and which texts it can render to as far as names are concerned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.model import Copy, Node, Pipe, Place
from schemas.template.compiling.samples import Sample, samples_of
from schemas.template.errors import TemplateRenderError
from schemas.template.parameters import Parameter
from schemas.template.rendering import Render
from schemas.template.template import Template, template_source

# What a copy reads as the time of its run (Tinybird).
_JOB_TIMESTAMP = "job_timestamp"


class NodeKey(NamedTuple):
    """A node by the names of its pipe and its own: a tuple, since every request looks nodes up by it."""

    pipe: str
    node: str


class CompiledNode:
    """One node."""

    def __init__(self, pipe: Pipe, node: Node) -> None:
        """Compile the node's template, if it has one. Raises TemplateCompileError with the place in its template."""
        self.pipe = pipe
        self.node = node
        self.key = NodeKey(pipe.name, node.name)
        found = template_source(node.sql)
        self._template_start = found[1] if found else 0
        self.template = Template(found[0]) if found else None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.template.parameters if self.template else ()

    def render(self, values: Mapping[str, object], render: Render) -> str:
        """The node's own SQL. Raises TemplateError."""
        if self.template is None:
            return self.node.sql
        if isinstance(self.node.kind, Copy) and _JOB_TIMESTAMP in self.template.names:
            values = {_JOB_TIMESTAMP: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"), **values}
        sql = self.template.render(values, render)
        if not sql or sql.isspace():
            raise TemplateRenderError("Template renders to an empty query without parameters")
        return sql

    def samples(self) -> Iterator[Sample]:
        """Texts the node can render to, so many that every branch is in one."""
        if self.template is None:
            return iter([Sample(self.node.sql, ((0, 0),))])
        return samples_of(self.template.segments)

    def place(self, offset: int) -> Place:
        """Where an offset in the node's template (or SQL) stands in the pipe's file."""
        return place_in(self.node, offset + self._template_start)


def place_in(node: Node, offset: int) -> Place:
    """Where an offset in a node's SQL stands in the pipe's file."""
    line = node.sql.count("\n", 0, offset)
    column = offset - (node.sql.rfind("\n", 0, offset) + 1)
    origin = node.sql_place
    return Place(origin.file, origin.line + line, origin.column + column)
