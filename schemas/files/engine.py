"""The ENGINE lines of a data source: which table engine, with which keys and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from schemas.files.lines.declared import DeclaredLine, by_name
from schemas.files.lines.instructions import Instruction
from schemas.model import Engine, Problem


def _key(instruction: Instruction, _: list[Problem]) -> str | None:
    return without_brackets(instruction.text) or None


def _column(instruction: Instruction, _: list[Problem]) -> str | None:
    return instruction.text.strip("`() ") or None


def _columns(instruction: Instruction, _: list[Problem]) -> tuple[str, ...]:
    names = (part.strip("`\"'() \t\n") for part in instruction.text.split(","))
    return tuple(name for name in names if name)


ENGINE_LINES = by_name(
    (
        DeclaredLine("ENGINE", "name"),
        DeclaredLine("ENGINE_PARTITION_KEY", "partition_key", _key, older=("PARTITION_KEY",)),
        DeclaredLine("ENGINE_SORTING_KEY", "sorting_key", _key, older=("SORTING_KEY",)),
        DeclaredLine("ENGINE_PRIMARY_KEY", "primary_key", _key, older=("PRIMARY_KEY",)),
        DeclaredLine("ENGINE_SAMPLING_KEY", "sampling_key", _key, older=("SAMPLING_KEY",)),
        DeclaredLine("ENGINE_TTL", "ttl", older=("TTL",)),
        DeclaredLine("ENGINE_SETTINGS", "settings"),
        DeclaredLine("ENGINE_VER", "version", _column, older=("ENGINE_VERSION",)),
        DeclaredLine("ENGINE_IS_DELETED", "is_deleted", _column),
        DeclaredLine("ENGINE_SIGN", "sign", _column),
        DeclaredLine("ENGINE_COLUMNS", "columns", _columns, older=("ENGINE_SUMMING_COLUMNS",)),
        DeclaredLine("ENGINE_JOIN_STRICTNESS", "join_strictness"),
        DeclaredLine("ENGINE_JOIN_TYPE", "join_type"),
        DeclaredLine("ENGINE_KEY_COLUMNS", "key_columns", _columns),
    )
)
"""Every spelling of a line of the engine, and where it goes in the model's `Engine`."""


@dataclass(frozen=True, slots=True)
class _Form:
    """An engine: the lines that it needs, and the fields of what stands in its brackets where it is written as
    ClickHouse writes it (`ReplacingMergeTree(updated_at)`)."""

    name: str
    needs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    is_classic: bool = False


_FORMS = (
    _Form("MergeTree"),
    _Form("ReplacingMergeTree", needs=("ENGINE_SORTING_KEY",), arguments=("version", "is_deleted")),
    _Form("SummingMergeTree", arguments=("columns",)),
    _Form("AggregatingMergeTree"),
    _Form("CollapsingMergeTree", needs=("ENGINE_SIGN",), arguments=("sign",)),
    _Form("VersionedCollapsingMergeTree", needs=("ENGINE_SIGN", "ENGINE_VERSION"), arguments=("sign", "version")),
    _Form("Null"),
    _Form("Join", needs=("ENGINE_KEY_COLUMNS",), is_classic=True),
)
# A replicated or shared engine is what a cluster makes of the plain one.
_CLUSTERED = re.compile(r"(?:Replicated|Shared)(?=\w*MergeTree)", re.IGNORECASE)


def engine_of(lines: Mapping[str, Instruction], problems: list[Problem]) -> Engine | None:
    """The engine of a data source from its lines, by field of the model; None when it is none that there is."""
    if not lines:
        return Engine()
    given = {field: instruction for field, instruction in lines.items() if instruction.text.strip()}
    head = lines.get("name", next(iter(lines.values())))
    written = given["name"].text.strip() if "name" in given else "MergeTree"
    plain, _, inside = _CLUSTERED.sub("", written).partition("(")
    form = next((each for each in _FORMS if each.name.lower() == plain.strip().lower()), None)
    if form is None:
        known = ", ".join(each.name for each in _FORMS if not each.is_classic)
        problems.append(head.problem(f"Engine {written[:60]} is not supported, supported engines include: {known}"))
        return None
    arguments = [part.strip() for part in inside.rstrip().removesuffix(")").split(",") if part.strip()]
    given = {**_bracketed(form, arguments, head), **given}
    for name in form.needs:
        field = ENGINE_LINES[name].field
        if field not in given:
            kind = "option" if field == "sorting_key" else "parameter"
            hint = f"the engine {form.name} needs the line {name}"
            problems.append(head.problem(f"Missing required {kind} '{field}'", hint))
    if form.is_classic:
        problems.append(head.problem(f"the engine {form.name} is one of Tinybird's Classic", warning=True))
    readers = {line.field: line for line in ENGINE_LINES.values()}
    values: dict[str, Any] = {field: readers[field].value(each, problems) for field, each in given.items()}
    return Engine(**values | {"name": form.name, "place": head.place})


def _bracketed(form: _Form, arguments: list[str], head: Instruction) -> dict[str, Instruction]:
    """What stands in an engine's brackets, as the lines that would say it."""
    pairs = zip(form.arguments, arguments, strict=False)
    return {field: replace(head, value=argument, block=None) for field, argument in pairs}


def without_brackets(text: str) -> str:
    """A key without the one pair of brackets around it all."""
    text = text.strip()
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1].strip()
