"""The ENGINE lines of a data source: which table engine, with which keys and options."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.files.lines.datafile import Instruction
from schemas.model import Engine, Problem

_KEYS = {
    "PARTITION_KEY": "partition_key",
    "SORTING_KEY": "sorting_key",
    "PRIMARY_KEY": "primary_key",
    "SAMPLING_KEY": "sampling_key",
    "TTL": "ttl",
}
ENGINE_OPTIONS: Mapping[str, str] = {
    "ENGINE": "name",
    **{f"ENGINE_{name}": field for name, field in _KEYS.items()},
    **_KEYS,  # the legacy spelling
    "ENGINE_SETTINGS": "settings",
    "ENGINE_VER": "version",
    "ENGINE_VERSION": "version",
    "ENGINE_IS_DELETED": "is_deleted",
    "ENGINE_SIGN": "sign",
    "ENGINE_COLUMNS": "columns",
    "ENGINE_SUMMING_COLUMNS": "columns",
    "ENGINE_JOIN_STRICTNESS": "join_strictness",
    "ENGINE_JOIN_TYPE": "join_type",
    "ENGINE_KEY_COLUMNS": "key_columns",
}
"""Instruction → field of the model."""

ENGINES = (
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "Null",
)
_CLASSIC_ENGINES = ("Join",)
_NEEDS = {
    "ReplacingMergeTree": ("sorting_key",),
    "CollapsingMergeTree": ("sign",),
    "VersionedCollapsingMergeTree": ("sign", "version"),
    "Join": ("key_columns",),
}
# What stands in the brackets of an engine that is written as ClickHouse writes it: `ReplacingMergeTree(updated_at)`.
_ARGUMENTS = {
    "ReplacingMergeTree": ("version", "is_deleted"),
    "SummingMergeTree": ("columns",),
    "CollapsingMergeTree": ("sign",),
    "VersionedCollapsingMergeTree": ("sign", "version"),
}
# A replicated or shared engine is what a cluster makes of the plain one.
_CLUSTERED = re.compile(r"(?:Replicated|Shared)(?=\w*MergeTree)", re.IGNORECASE)


def engine_of(lines: Mapping[str, Instruction], problems: list[Problem]) -> Engine | None:
    """The engine of a data source from its lines, by field of the model; None when it is none that there is."""
    if not lines:
        return Engine()
    values = {field: text for field, instruction in lines.items() if (text := instruction.text.strip())}
    head = lines.get("name", next(iter(lines.values())))
    written = values.get("name", "MergeTree")
    plain, _, inside = _CLUSTERED.sub("", written).partition("(")
    name = {known.lower(): known for known in (*ENGINES, *_CLASSIC_ENGINES)}.get(plain.strip().lower())
    if name is None:
        text = f"Engine {written[:60]} is not supported, supported engines include: {', '.join(ENGINES)}"
        problems.append(head.problem(text))
        return None
    arguments = [part.strip() for part in inside.rstrip().removesuffix(")").split(",") if part.strip()]
    values = {**dict(zip(_ARGUMENTS.get(name, ()), arguments, strict=False)), **values}
    for field in _NEEDS.get(name, ()):
        if field not in values:
            kind = "option" if field == "sorting_key" else "parameter"
            hint = f"the engine {name} needs the line ENGINE_{_instruction(field, name)}"
            problems.append(head.problem(f"Missing required {kind} '{field}'", hint))
    if name in _CLASSIC_ENGINES:
        problems.append(head.problem(f"the engine {name} is one of Tinybird's Classic", warning=True))
    return _engine(name, values, head)


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


def _engine(name: str, values: Mapping[str, str], head: Instruction) -> Engine:
    def key(field: str) -> str | None:
        return without_brackets(values[field]) or None if field in values else None

    def column(field: str) -> str | None:
        return values[field].strip("`() ") or None if field in values else None

    return Engine(
        name=name,
        partition_key=key("partition_key"),
        sorting_key=key("sorting_key"),
        primary_key=key("primary_key"),
        sampling_key=key("sampling_key"),
        ttl=values.get("ttl"),
        settings=values.get("settings"),
        version=column("version"),
        is_deleted=column("is_deleted"),
        sign=column("sign"),
        columns=_list(values.get("columns", "")),
        join_strictness=values.get("join_strictness"),
        join_type=values.get("join_type"),
        key_columns=_list(values.get("key_columns", "")),
        place=head.place,
    )


def _list(text: str) -> tuple[str, ...]:
    names = (part.strip("`\"'() \t\n") for part in text.split(","))
    return tuple(name for name in names if name)


def _instruction(field: str, engine: str) -> str:
    names = {"sorting_key": "SORTING_KEY", "sign": "SIGN", "key_columns": "KEY_COLUMNS"}
    return names.get(field, "VERSION" if engine.startswith("Versioned") else "VER")
