"""Where each character of a node's rendered text stands in its file: its template is rendered once more, with marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from schemas.model import Place
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import CompiledNode
from schemas.template.errors import TemplateError
from schemas.template.template import Template

# Of the private use area: no SQL holds them for a reason.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([0-9]+),([0-9]+){_CLOSE}")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Text of the file in a rendered text: where it starts there and in the template, and its length."""

    start: int
    origin: int
    length: int


class RenderedNode:
    """A node's own `query`, without what it reads, for certain values. An offset in it leads to a place in the file;
    what a tag wrote leads to the tag."""

    def __init__(self, catalog: Catalog, node: CompiledNode, values: Mapping[str, object]) -> None:
        """Raises TemplateError."""
        self.node = node
        self.query = catalog.render_alone(node, values)
        self._catalog = catalog
        self._values = values

    @property
    def text(self) -> str:
        return self.query.sql

    def place(self, offset: int) -> Place:
        stretches = self._stretches
        index = bisect_right(stretches, offset, key=lambda each: each.start) - 1
        stretch = stretches[max(index, 0)]
        return self.node.place(stretch.origin + min(max(offset - stretch.start, 0), stretch.length))

    @cached_property
    def _stretches(self) -> tuple[_Stretch, ...]:
        """Compiling a template with marks takes a while: it is done where somebody asks for a place."""
        if self.node.template is None:
            return (_Stretch(0, 0, len(self.text)),)
        nowhere = (_Stretch(0, 0, 0),)
        try:
            marked = self._catalog.render_alone(_Marked(self.node, self.node.template), self._values).sql
        except TemplateError:
            return nowhere
        stretches, pieces, length, position = [], [], 0, 0
        for match in _MARK.finditer(marked):
            pieces.append(marked[position : match.start()])
            length += match.start() - position
            position = match.end()
            stretches.append(_Stretch(length, int(match[1]), int(match[2])))
        pieces.append(marked[position:])
        is_same = "".join(pieces) == self.text
        return tuple(stretches) if is_same and stretches else nowhere


def rendered(catalog: Catalog, node: CompiledNode, values: Mapping[str, object]) -> RenderedNode | None:
    """A node's own text for values; None where it cannot be rendered."""
    try:
        return RenderedNode(catalog, node, values)
    except TemplateError:
        return None


class _Marked(CompiledNode):
    """A node whose template writes a mark before each stretch of SQL."""

    def __init__(self, node: CompiledNode, template: Template) -> None:
        super().__init__(node.pipe, node.node)
        pieces, position = [], 0
        for segment in template.segments:
            if segment.kind == "text":
                pieces += [
                    template.source[position : segment.offset],
                    f"{_OPEN}{segment.offset},{len(segment.text)}{_CLOSE}",
                ]
                position = segment.offset
        self.template = Template("".join([*pieces, template.source[position:]]))
