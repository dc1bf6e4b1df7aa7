"""TOKEN lines, and lists as of TAGS, which data sources and pipes share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from schemas.files.lines.instructions import Instruction, unquoted
from schemas.model import Permission, Problem, Token


def read_token(instruction: Instruction, allowed: Sequence[Permission], problems: list[Problem]) -> Token | None:
    """`TOKEN name PERMISSION`; `allowed` are the permissions of this kind of file. None where it grants nothing."""
    words = instruction.text.split()
    permission = words[-1].strip("\"'").upper() if len(words) > 1 else ""
    name = unquoted(" ".join(words[:-1])) if len(words) > 1 else ""
    if not name:
        hint = f"write `TOKEN name {allowed[0]}`"
        problems.append(instruction.problem("a token needs a name and a permission", hint))
        return None
    if permission in allowed:
        return Token(name, cast("Permission", permission), instruction.place)
    if permission == "CREATE":
        text = f"the permission CREATE of the token {name[:60]} means nothing here: the line is ignored"
        problems.append(instruction.problem(text, warning=True))
    elif len(allowed) == 1:
        text = f"Invalid permission {permission[:60]} for token {name[:60]}. Only READ is allowed for pipes"
        problems.append(instruction.problem(text))
    else:
        text = f"Invalid permission: {permission[:60]}. Only READ and APPEND are supported"
        problems.append(instruction.problem(text))
    return None


def read_list(instruction: Instruction, _: list[Problem]) -> tuple[str, ...]:
    """A list written with commas or on lines of their own, quotes removed."""
    parts = instruction.text.replace("\n", ",").split(",")
    words = (part.strip().strip("\"'").strip() for part in parts)
    return tuple(word for word in words if word)
