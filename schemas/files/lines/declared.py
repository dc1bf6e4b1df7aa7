"""A line that a file may say, declared once: its name, how its value is read, and where it goes in the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from schemas.files.lines.instructions import Instruction
from schemas.model import Problem

# What it adds to the problems is said of the instruction's line.
Reader = Callable[[Instruction, list[Problem]], object]


def as_text(instruction: Instruction, _: list[Problem]) -> str:
    """The value as it stands there."""
    return instruction.text


def as_text_or_none(instruction: Instruction, _: list[Problem]) -> str | None:
    """The value as it stands there, None for an empty one."""
    return instruction.text or None


@dataclass(frozen=True, slots=True)
class DeclaredLine:
    """One line that a file may say.

    `field` is where its value goes in the model, of which `read` makes the value; `older` are its other spellings.
    `warning` is said of a line that is kept while nothing acts on it, with `hint`.
    """

    name: str
    field: str
    read: Reader = as_text
    older: tuple[str, ...] = ()
    warning: str = ""
    hint: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.older)

    def value(self, instruction: Instruction, problems: list[Problem]) -> object:
        """What the model keeps of the line; what is wrong with it is added to the problems."""
        if self.warning:
            problems.append(instruction.problem(self.warning, self.hint, warning=True))
        return self.read(instruction, problems)


def by_name(lines: Iterable[DeclaredLine]) -> Mapping[str, DeclaredLine]:
    """Each declaration under all of its names."""
    return {name: line for line in lines for name in line.names}


def one_of(*words: str) -> Reader:
    """Reads one of these words, in any case; None for an empty value, and for `${NAME}` that has none yet."""

    def read(instruction: Instruction, problems: list[Problem]) -> str | None:
        word = instruction.text.lower()
        if word in words:
            return word
        if word and not is_unfilled(word):
            hint = f"write {' or '.join(words)}"
            problems.append(instruction.problem(f"`{instruction.text[:60]}` is no {instruction.name}", hint))
        return None

    return read


def is_unfilled(text: str) -> bool:
    """Whether a text waits for a value of the environment, of which there is a warning already."""
    return "${" in text or "{{" in text
