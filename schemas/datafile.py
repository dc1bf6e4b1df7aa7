"""The line grammar that all project files share: instructions at the start of a line, with a value or a block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from schemas.model import Place, Problem
from schemas.source import Line, Source


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its upper-case name, its value (without quotes and comment) or its block's lines."""

    name: str
    value: str
    line: Line
    block: tuple[Line, ...] | None = None

    @property
    def place(self) -> Place:
        return self.line.place()

    @property
    def text(self) -> str:
        """The value, or the block without its common indentation and its outer blank lines."""
        return self.value if self.block is None else dedent(self.block)[0]

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return self.line.problem(message, hint, warning=warning)


def read_instructions(
    source: Source, known: Collection[str], kind: str, stays_in_block: Callable[[str, Sequence[Line], Line], bool]
) -> list[Instruction]:
    """Take a file apart into instructions; what is unknown becomes a problem of `source` and is passed over.

    A block (`NAME >`) ends at the next line whose first word, at its very start, is a known name. `stays_in_block`
    (instruction, block so far, line) saves lines that only look so, as an SQL line that is just `type`.
    """
    instructions: list[Instruction] = []
    lines = source.lines
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        words = line.text.split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        name, rest = words[0].upper(), words[1] if len(words) > 1 else ""
        if name.endswith(">") and name[:-1] in known:
            name, rest = name[:-1], f">{rest}"
        if name not in known:
            source.problems.append(_unknown(line, words[0], known, kind))
            # The block of an unknown instruction is not read as instructions.
            if rest.strip() == ">":
                _, position = _block(lines, position, known, name, stays_in_block)
            continue
        block = None
        if rest.lstrip().startswith(">"):
            found, position = _block(lines, position, known, name, stays_in_block)
            inline = rest.lstrip()[1:].strip()
            block = (Line(line.file, line.number, inline), *found) if inline else found
        instructions.append(Instruction(name, "" if block is not None else _value(name, rest), line, block))
    return instructions


def dedent(block: Sequence[Line]) -> tuple[str, Place]:
    """A block's text without common indentation and outer blank lines, and where its first character stands."""
    filled = [line for line in block if line.text.strip()]
    if not filled:
        return "", block[0].place() if block else Place("")
    margin = min(len(line.text) - len(line.text.lstrip()) for line in filled)
    start, end = block.index(filled[0]), len(block) - list(reversed(block)).index(filled[-1])
    text = "\n".join(line.text[margin:].rstrip() if line.text.strip() else "" for line in block[start:end])
    return text, filled[0].place(margin + 1)


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1].strip()
    return value


def _block(
    lines: Sequence[Line],
    position: int,
    known: Collection[str],
    name: str,
    stays_in_block: Callable[[str, Sequence[Line], Line], bool],
) -> tuple[tuple[Line, ...], int]:
    block: list[Line] = []
    while position < len(lines):
        line = lines[position]
        if line.text and not line.text[0].isspace():
            first = line.text.split(None, 1)[0].upper().rstrip(">")
            if first in known and not stays_in_block(name, block, line):
                break
        block.append(line)
        position += 1
    return tuple(block), position


def _value(name: str, rest: str) -> str:
    text = rest.strip()
    return text if name == "DESCRIPTION" and not text.startswith(('"', "'")) else unquoted(_without_comment(text))


def _without_comment(text: str) -> str:
    """Cut a `#` comment: one outside quotes with white space before it."""
    quote = ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#" and (position == 0 or text[position - 1].isspace()):
            return text[:position].rstrip()
    return text


def _unknown(line: Line, word: str, known: Collection[str], kind: str) -> Problem:
    near = get_close_matches(word.upper()[:40], known, n=1)
    hint = f"did you mean {near[0]}?" if near else "an instruction stands at the start of a line; a block is indented"
    return line.problem(f"{word[:60]} is not a valid option in {kind} files.", hint)
