"""Texts that a template can render to, for whoever looks for names in its SQL before any value is known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schemas.template.compiling.tags import Segment
from schemas.template.functions.registry import FUNCTIONS

# Every branch of every real template fits; more are not looked at.
MAX_SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, and which of its offsets began which offset of the template."""

    text: str
    starts: tuple[tuple[int, int], ...]

    def origin(self, offset: int) -> int:
        """The offset in the template of an offset in the text."""
        start, origin = self.starts[max(bisect_right(self.starts, (offset, 1 << 60)) - 1, 0)]
        return origin + offset - start


@dataclass(slots=True)
class _Block:
    branches: list[list[_Block | Segment]] = field(default_factory=lambda: [[]])

    def count(self) -> int:
        """How many samples show every branch of the block."""
        return sum(_count(branch) for branch in self.branches)


def _count(items: list[_Block | Segment]) -> int:
    return max((item.count() for item in items if isinstance(item, _Block)), default=1)


def samples_of(segments: Sequence[Segment]) -> Iterator[Sample]:
    """Texts in which every branch appears at least once; a tag's value is `{x:String}`, a comment's is nothing."""
    items = _parsed(segments)
    for number in range(min(_count(items), MAX_SAMPLES)):
        pieces: list[tuple[str, int]] = []
        _write(items, number, pieces)
        starts, length = [], 0
        for text, origin in pieces:
            starts.append((length, origin))
            length += len(text)
        yield Sample("".join(text for text, _ in pieces), tuple(starts) or ((0, 0),))


def _parsed(segments: Sequence[Segment]) -> list[_Block | Segment]:
    root = _Block()
    stack = [root]
    for segment in segments:
        branch = stack[-1].branches[-1]
        if segment.kind in ("text", "expression"):
            branch.append(segment)
        elif segment.kind == "open":
            block = _Block()
            branch.append(block)
            stack.append(block)
        elif segment.kind == "middle":
            stack[-1].branches.append([])
        elif segment.kind == "close":
            stack.pop()
    return root.branches[0]


def _write(items: list[_Block | Segment], number: int, pieces: list[tuple[str, int]]) -> None:
    for item in items:
        if isinstance(item, Segment):
            pieces.append((item.text if item.kind == "text" else _placeholder(item.text), item.offset))
            continue
        chosen = number % item.count()
        for branch in item.branches:
            needed = _count(branch)
            if chosen < needed:
                _write(branch, chosen, pieces)
                break
            chosen -= needed


def _placeholder(expression: str) -> str:
    """What stands for a tag; `table('name')` is the name, and a tag that writes no SQL is nothing."""
    function, _, rest = expression.partition("(")
    known = FUNCTIONS.get(function.strip())
    if known is not None and not known.writes_sql:
        return ""  # it ends the request, or sets something for it
    if function.strip().lower() == "table" and rest.endswith(")"):
        argument = rest[:-1].strip()
        is_literal = len(argument) > 2 and argument[0] in "'\"" and argument[-1] == argument[0]
        if is_literal and argument[0] not in argument[1:-1] and "\\" not in argument:
            return "`" + argument[1:-1].replace("`", "\\`") + "`"
    return "{x:String}"
