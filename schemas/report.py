"""Problems as people read them: what is wrong, where, the line itself, and a hint."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.model import Problem

_SHOWN_CHARACTERS = 160


def render(problems: Sequence[Problem]) -> str:
    """The problems, one under another, and a line that counts them; empty when there are none."""
    if not problems:
        return ""
    return "\n\n".join([*map(_one, problems), _count(problems)])


def _one(problem: Problem) -> str:
    lines = [f"{problem.severity}: {printable(problem.message)}", f"  --> {printable(str(problem.place))}"]
    if problem.source_line.strip():
        # A tab is shown as one blank, so that the caret stays below what it means.
        text = printable(problem.source_line.expandtabs(1).rstrip())
        column = problem.place.column - 1
        start = max(0, column - _SHOWN_CHARACTERS // 2) if len(text) > _SHOWN_CHARACTERS else 0
        number = f"{problem.place.line:>4} | "
        lines.append(f"{number}{text[start : start + _SHOWN_CHARACTERS]}")
        lines.append(f"{' ' * (len(number) + max(0, column - start))}^")
    if problem.hint:
        lines.append(f"hint: {printable(problem.hint)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """The text without what would steer a terminal: a file may hold anything."""
    return "".join(character if character.isprintable() else "·" for character in text)


def _count(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((errors, "error"), (len(problems) - errors, "warning"))
    words = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
    return f"found {' and '.join(words)}"
