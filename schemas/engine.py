"""The ENGINE lines of a data source: which table engine, with which keys and options."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.datafile import Instruction
from schemas.model import Engine, Problem

_CLAUSES = {
    "PARTITION_KEY": "partition_key",
    "SORTING_KEY": "sorting_key",
    "PRIMARY_KEY": "primary_key",
    "SAMPLING_KEY": "sampling_key",
    "TTL": "ttl",
}
ENGINE_OPTIONS: Mapping[str, str] = {
    "ENGINE": "name",
    **{f"ENGINE_{name}": field for name, field in _CLAUSES.items()},
    **_CLAUSES,  # the legacy spelling
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

_ENGINES = (
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "Null",
)
_NEEDS = {
    "ReplacingMergeTree": ("sorting_key",),
    "CollapsingMergeTree": ("sign",),
    "VersionedCollapsingMergeTree": ("sign", "version"),
    "Join": ("key_columns",),
}
_LISTS = ("columns", "key_columns")


def engine_of(lines: Mapping[str, Instruction], problems: list[Problem]) -> Engine | None:
    """The engine of a data source from its lines, by field; None without any (MergeTree then)."""
    if not lines:
        return None
    values = {field: instruction.text.strip() for field, instruction in lines.items()}
    first = next(iter(lines.values()))
    name = values.pop("name", "") or "MergeTree"
    canonical = {known.lower(): known for known in (*_ENGINES, "Join")}
    # A replicated engine is what a cluster makes of the plain one.
    plain = name.removeprefix("Replicated").removesuffix("()")
    if plain.lower() not in canonical:
        text = f"Engine {name[:60]} is not supported, supported engines include: {', '.join(_ENGINES)}"
        problems.append(lines.get("name", first).problem(text))
        return None
    name = canonical[plain.lower()]
    for field in _NEEDS.get(name, ()):
        if not values.get(field):
            kind = "option" if field == "sorting_key" else "parameter"
            text = f"Missing required {kind} '{field}'"
            problems.append(lines.get("name", first).problem(text, f"the engine {name} needs it"))
    texts = {field: text for field, text in values.items() if field not in _LISTS and text}
    lists = {field: tuple(filter(None, map(str.strip, values.get(field, "").split(",")))) for field in _LISTS}
    for clause in ("partition_key", "sorting_key", "primary_key", "sampling_key"):
        if clause in texts:
            texts[clause] = without_brackets(texts[clause])
    return Engine(name=name, **texts, **lists, place=lines.get("name", first).place)  # type: ignore[arg-type]


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
