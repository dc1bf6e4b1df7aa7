"""Where each character of a node's rendered text stands in its file: its template is rendered once more, with marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class RenderedNode:
    """A node's own text for certain values. An offset in it leads to a place in the file; what a tag wrote leads to
    the tag."""

    node: CompiledNode
    text: str
    _stretches: tuple[_Stretch, ...]

    def place(self, offset: int) -> Place:
        index = bisect_right(self._stretches, offset, key=lambda each: each.start) - 1
        stretch = self._stretches[max(index, 0)]
        return self.node.place(stretch.origin + min(max(offset - stretch.start, 0), stretch.length))


def rendered(catalog: Catalog, node: CompiledNode, values: Mapping[str, object]) -> RenderedNode | None:
    """A node's own text for values. None where it cannot be rendered, or not with marks."""
    try:
        text = catalog.render_alone(node, values).sql
        if node.template is None:
            return RenderedNode(node, text, (_Stretch(0, 0, len(text)),))
        marked = catalog.render_alone(_Marked(node, node.template), values).sql
    except TemplateError:
        return None
    stretches, pieces, length, position = [], [], 0, 0
    for match in _MARK.finditer(marked):
        pieces.append(marked[position : match.start()])
        length += match.start() - position
        position = match.end()
        stretches.append(_Stretch(length, int(match[1]), int(match[2])))
    pieces.append(marked[position:])
    if "".join(pieces) != text:
        return None
    return RenderedNode(node, text, tuple(stretches) or (_Stretch(0, 0, 0),))


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
