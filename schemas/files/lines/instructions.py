"""The line grammar that all project files share: instructions at the start of a line, with a value or a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from schemas.files.lines.datafile import Datafile, Line
from schemas.model import Place, Problem

# Looking for what an unknown word may have meant takes about a millisecond; a file of nothing else has many.
_MAX_SUGGESTIONS = 20
_SHORTEST_INSTRUCTION = 4
_SURE = 0.85


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
        return self.value if self.block is None else dedent(self.block)[0].strip()

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return self.line.problem(message, hint, column=self.line.indent + 1, warning=warning)


@dataclass(frozen=True, slots=True)
class Grammar:
    """What one kind of file may say.

    `prefixes` are those of instructions that are taken whatever follows (old or other products' connectors).
    `stays_in_block(instruction, line before, line)` saves a line of a block that only looks like an instruction,
    as an SQL line that is just `type`.
    """

    kind: str
    known: frozenset[str]
    prefixes: tuple[str, ...] = ()
    stays_in_block: Callable[[str, Line | None, Line], bool] = lambda *_: False

    def knows(self, word: str) -> bool:
        return word.upper() in self.known or (word.startswith(self.prefixes or ("\n",)) and word.isupper())


def read_instructions(source: Datafile, grammar: Grammar) -> list[Instruction]:
    """Take a file apart into instructions; what is unknown becomes a problem of `source` and is passed over."""
    instructions: list[Instruction] = []
    lines = source.lines
    position = unknown = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        word, rest = _first_word(line)
        if not word or word.startswith(("#", "--")):
            continue
        is_known = grammar.knows(word)
        block: tuple[Line, ...] | None = None
        if rest.startswith(">"):
            block, position = _block(lines, position, line, grammar)
            if inline := rest[1:].strip():
                block = (Line(line.file, line.number, inline), *block)
        if is_known:
            value = "" if block is not None else _value(word.upper(), rest, line, source.problems)
            instructions.append(Instruction(word.upper(), value, line, block))
        else:
            unknown += 1
            source.problems.append(_unknown(line, word, grammar, suggests=unknown <= _MAX_SUGGESTIONS))
    return instructions


def dedent(block: Sequence[Line]) -> tuple[str, Place]:
    """A block's text without common indentation and outer blank lines, and where its first character stands."""
    filled = [number for number, line in enumerate(block) if line.text.strip()]
    if not filled:
        return "", block[0].place() if block else Place("")
    margin = min(block[number].indent for number in filled)
    inner = block[filled[0] : filled[-1] + 1]
    text = "\n".join(line.text[margin:] if line.text.strip() else "" for line in inner)
    return text.rstrip(), inner[0].place(margin + 1)


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1].strip()
    return value


def _first_word(line: Line) -> tuple[str, str]:
    words = line.text.split(None, 1)
    if not words:
        return "", ""
    word, rest = words[0], words[1].strip() if len(words) > 1 else ""
    return (word[:-1], f">{rest}") if word.endswith(">") and len(word) > 1 else (word, rest)


def _block(lines: Sequence[Line], position: int, opening: Line, grammar: Grammar) -> tuple[tuple[Line, ...], int]:
    """The lines up to the next instruction that is indented no more than the one that opens the block."""
    name = _first_word(opening)[0].upper()
    margin, start = opening.indent, position
    before: Line | None = None
    while position < len(lines):
        line = lines[position]
        if line.text.strip():
            if line.indent <= margin and _ends_block(name, before, line, grammar):
                break
            before = line
        position += 1
    end = position
    # Comments at the margin before the next instruction are about that one.
    while end > start and (not lines[end - 1].text.strip() or lines[end - 1].text.startswith("#")):
        end -= 1
    return tuple(lines[start:end]), position


def _ends_block(name: str, before: Line | None, line: Line, grammar: Grammar) -> bool:
    word = _first_word(line)[0]
    if grammar.knows(word):
        return not grammar.stays_in_block(name, before, line)
    # A misspelt instruction would be lost in the block: it is one where the list has ended, or with its underscores.
    if before is None or before.indent <= line.indent or not word.isupper() or len(word) < _SHORTEST_INSTRUCTION:
        return False
    if name in ("SCHEMA", "INDEXES"):
        return not before.text.rstrip().endswith(",")
    return "_" in word and bool(get_close_matches(word[:40], grammar.known, n=1, cutoff=_SURE))


def _value(name: str, rest: str, line: Line, problems: list[Problem]) -> str:
    is_prose = name == "DESCRIPTION" and not rest.startswith(('"', "'"))
    value = rest if is_prose else _without_comment(rest)
    if not is_prose and value[:1] in ("'", '"') and value.count(value[0]) == 1:
        problems.append(line.problem(f"the quote of {name} is not closed", f"write {value[0]} at its end"))
        return value[1:].strip()
    return unquoted(value)


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


def _unknown(line: Line, word: str, grammar: Grammar, *, suggests: bool) -> Problem:
    near = get_close_matches(word.upper()[:40], grammar.known, n=1) if suggests else []
    hint = f"did you mean {near[0]}?" if near else "an instruction stands at the start of a line; a block is indented"
    text = f"{word[:60]} is not a valid option in {grammar.kind} files."
    return line.problem(text, hint, column=line.indent + 1)
