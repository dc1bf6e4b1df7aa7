"""SQL that says of a bad row what is wrong with it, column by column, in Tinybird's words where it has any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.mapping.extraction import MESSAGE, json_type, raw
from schemas.mapping.framing import reasons_of_bytes
from schemas.model import JsonPath
from schemas.own_names import VALUE
from schemas.sql.text import call, literal

_SHOWN_CHARACTERS = 100  # of a wrong value, in its reason: the whole message is beside it
_ADVICE = "you should send a value or recreate the table with a Nullable column type."


@dataclass(frozen=True, slots=True)
class Judged:
    """One column of a bad row: `is_right` is SQL, whether the column holds a value that fits it."""

    name: str
    type: str
    path: JsonPath
    is_required: bool
    is_right: str


def reasons(columns: Iterable[Judged], *, came: str = MESSAGE, skips_frames: bool = False) -> str:
    """SQL: Array(Tuple(column, reason)) of a row that cannot be stored. What is wrong with the message as a whole is
    told of the column `__value`, which holds it. `came`: the message as it came; with `skips_frames` `__value` is what
    is behind its frame."""
    judged = tuple(columns)
    kind = f"toString({json_type(())})"
    bytes_alone = ", ".join(reasons_of_bytes(came, MESSAGE if skips_frames else ""))
    whole = (
        f"multiIf(empty({came}), 'the message is empty (a tombstone or an empty value)', {bytes_alone},"
        f" NOT isValidUTF8({MESSAGE}), 'the message is not valid UTF-8',"
        f" NOT isValidJSON({MESSAGE}), 'the message is not valid JSON, or nests deeper than 1,022 levels',"
        f" {kind} != 'Object', concat('the message is a JSON ', lower({kind}), ', not an object'), '')"
    )
    if not judged:
        return f"[({literal(VALUE)}, {whole})]"
    # One lambda over arrays instead of a text for every column: ClickHouse analyses the view at each insert.
    missing = _sentence("Object does not have column '{name}', " + _ADVICE)
    null = _sentence("Column '{name}' is null, " + _ADVICE)
    wrong = _sentence("Value {given} of column '{name}' is not {type}.")
    reason = (
        "multiIf(is_right, '', given IN ('', 'null') AND NOT is_required, '',"
        f" given = '', {missing}, given = 'null', {null}, {wrong})"
    )
    arrays = (
        _array(literal(column.name) for column in judged),
        _array(literal(column.type) for column in judged),
        _array(literal(column.path.text) for column in judged),
        _array(str(int(column.is_required)) for column in judged),
        _array(column.is_right for column in judged),
        _array(map(_given, judged)),
    )
    single = f"arrayMap((name, type, path, is_required, is_right, given) -> (name, {reason}), {', '.join(arrays)})"
    return f"if({whole} != '', [({literal(VALUE)}, {whole})], arrayFilter(r -> r.2 != '', {single}))"


def _sentence(text: str) -> str:
    """SQL: `text` with `{name}`, `{type}` and `{given}` filled in, between the words that every reason has."""
    whole = literal(f"Strict type checking failed. {text} While accessing jsonpath '{{path}}'")
    for field in ("name", "type", "path"):
        whole = whole.replace(f"{{{field}}}", f"', {field}, '")
    return call("concat", whole.replace("{given}", f"', substringUTF8(given, 1, {_SHOWN_CHARACTERS}), '"))


def _given(column: Judged) -> str:
    """SQL: the JSON text of a wrong value. Each look at one parses the message, so that only wrong columns get one."""
    text = raw(column.path.keys) if column.path.keys else MESSAGE
    return call("if", column.is_right, "''", text)


def _array(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"
