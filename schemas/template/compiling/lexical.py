"""Says what a tag stands in: plain SQL, a comment, or (refused) a string literal or quoted name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from schemas.template.compiling.tags import Segment, place_of
from schemas.template.errors import TemplateCompileError

State = str
PLAIN: State = "plain"
_QUOTES = {"'": "a string literal", '"': "a quoted name", "`": "a quoted name"}
_CURLY = {"‘": "’", "“": "”"}
# What may end plain SQL, of which there is most.
_OPENS = re.compile(f"[{''.join(_QUOTES)}{''.join(_CURLY)}/#$-]")
TagContext = Literal["discarded", "constant"]


def _scan(text: str, state: State) -> State:
    """The state after `text`, by ClickHouse's rules: block comments nest; `--`, `//`, `# ` and `#!` end with a line."""
    index = 0
    while index < len(text):
        if state == PLAIN:
            opening = _OPENS.search(text, index)
            if opening is None:
                break
            state, index = _opened(text, opening.start())
        else:
            state, index = _within(text, index, state)
    return state


def _opened(text: str, index: int) -> tuple[State, int]:
    """The state that the plain SQL at an index leads to, and the next index."""
    character, two = text[index], text[index : index + 2]
    if character in _QUOTES or character in _CURLY:
        return character, index + 1
    if two in ("--", "//", "# ", "#!"):
        return "line", index + 2
    if two == "/*":
        return "block 1", index + 2
    if character == "$" and (heredoc := _heredoc(text, index)):
        return heredoc, index + len(heredoc)
    return PLAIN, index + 1


def _within(text: str, index: int, state: State) -> tuple[State, int]:
    """The same for an index within a comment, literal or quoted name."""
    character, two = text[index], text[index : index + 2]
    if state == "line":
        return (PLAIN if character == "\n" else state), index + 1
    if state.startswith("block"):
        depth = int(state[6:]) + {"/*": 1, "*/": -1}.get(two, 0)
        return (f"block {depth}" if depth else PLAIN), index + (2 if two in ("/*", "*/") else 1)
    if state.startswith("$"):
        return (PLAIN, index + len(state)) if text.startswith(state, index) else (state, index + 1)
    if state in _CURLY:
        return (PLAIN if character == _CURLY[state] else state), index + 1
    if character == "\\" or two == state * 2:
        return state, index + 2
    return (PLAIN if character == state else state), index + 1


def _heredoc(text: str, start: int) -> str:
    end = text.find("$", start + 1)
    if end < 0 or (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
        return ""
    tag = text[start + 1 : end]
    return text[start : end + 1] if not tag or tag.isidentifier() else ""


def tag_contexts(source: str, segments: Sequence[Segment]) -> dict[int, TagContext]:
    """For each `{{ }}` by its ordinal: `discarded` in a comment, `constant` after SAMPLE; plain ones are left out.

    Follows every branch. Raises TemplateCompileError for a tag in a literal or quoted name, and for one
    whose branches disagree on whether it stands in a comment.
    """
    contexts: dict[int, TagContext] = {}
    states: frozenset[State] = frozenset({PLAIN})
    # Of each open block: the states before it, and those in which its branches so far ended.
    blocks: list[tuple[frozenset[State], frozenset[State]]] = []
    before = ""
    for ordinal, segment in enumerate(segments, 1):
        if segment.kind == "text":
            states = frozenset(_scan(segment.text, state) for state in states)
            before = (before + segment.text)[-200:]
            continue
        _refuse_in_literal(source, segment, states)
        if segment.kind == "expression":
            context = _context(source, segment, states, before)
            if context is not None:
                contexts[ordinal] = context
        elif segment.kind == "open":
            blocks.append((states, frozenset()))
        elif segment.kind == "middle":
            entry, ended = blocks[-1]
            # After an `else`, one of the branches is always taken.
            blocks[-1] = (frozenset() if segment.keyword == "else" else entry, ended | states)
            states = entry
        elif segment.kind == "close":
            entry, ended = blocks.pop()
            states = states | ended | entry
    return contexts


def _context(source: str, segment: Segment, states: frozenset[State], before: str) -> TagContext | None:
    if states != {PLAIN}:
        if PLAIN in states:
            _fail(source, segment, "this tag stands in an SQL comment or not, depending on a branch before it")
        return "discarded"
    return "constant" if _is_sample(before) else None


def _is_sample(before: str) -> bool:
    """Whether the words before a tag end in SAMPLE, or in its `1/`."""
    words = before.replace("/", " / ").split()
    if len(words) >= 3 and words[-1] == "/" and words[-2].isdigit():
        words = words[:-2]
    return bool(words) and words[-1].upper() == "SAMPLE"


def _refuse_in_literal(source: str, segment: Segment, states: frozenset[State]) -> None:
    for state in states:
        if state.startswith("$") or state in _CURLY or state in _QUOTES:
            what = _QUOTES.get(state, "a string literal")
            _fail(source, segment, f"a tag cannot stand within {what}", "take the quotes around the tag away")


def _fail(source: str, segment: Segment, message: str, hint: str = "") -> None:
    line, column = place_of(source, segment.offset)
    raise TemplateCompileError(message, line=line, column=column, hint=hint)
