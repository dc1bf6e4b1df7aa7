"""SQL that turns the JSON found at a column's path into the column's type, strictly: the value exactly, or nothing.

A value is right or wrong by itself, never by its neighbours in the block. The rules are those of Tinybird's
Events API (docs/mapping.md lists them).
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.files.column_type import parse_column_type
from schemas.mapping.extraction import MESSAGE, Extraction, Leaf, json_type, raw
from schemas.mapping.values import json_document, raw_json
from schemas.mapping.values.texts import from_text, kept_type
from schemas.model import ColumnType, JsonPath
from schemas.sql.text import call, literal


@dataclass(frozen=True, slots=True)
class Conversion:
    """The strict conversion of one column, as SQL over the message.

    `value` is NULL for what is absent or wrong (a container: its default), `type` is the type it is kept in on its
    way to the table, `is_absent` says whether the key is missing or null, `is_right` whether `value` holds
    (None: when it is not NULL).
    """

    value: str
    type: str
    is_absent: str
    is_right: str | None = None


def is_ingestible(column_type: ColumnType) -> bool:
    """Whether a column of this type can be filled from JSON."""
    bare = value_type(column_type).bare
    return bare.family == "JSON" or raw_json.is_member(bare)


def value_type(column_type: ColumnType) -> ColumnType:
    """The type of the values that a column takes: of `SimpleAggregateFunction(sum, UInt64)` the UInt64."""
    if column_type.family == "SimpleAggregateFunction" and len(column_type.parameters) == 2:
        return parse_column_type(column_type.parameters[1])
    return column_type


def leaf_of(column_type: ColumnType, path: JsonPath) -> Leaf | None:
    """What has to be taken out of the message for a column; None for the message as a whole."""
    if not path.keys:
        return None
    needs_type = column_type.bare.family in raw_json.TYPED
    return Leaf(path.keys, "Dynamic" if needs_type else "Nullable(String)")


def conversion_of(column_type: ColumnType, path: JsonPath, extraction: Extraction) -> Conversion:
    """The conversion of a column whose leaf `extraction` holds. The type must be ingestible."""
    bare = column_type.bare
    leaf = leaf_of(column_type, path)
    taken = MESSAGE if leaf is None else extraction.expression(leaf)
    is_absent = "0" if leaf is None else call("isNull", taken)
    if bare.family in raw_json.CONTAINERS:
        return _container(bare, path, is_absent)
    if bare.family == "JSON":
        kept = bare.text
        value = json_document.document(bare, path.keys)
    elif leaf is not None and leaf.type == "Dynamic":
        kept = bare.text
        value = _from_dynamic(bare.family, taken, path.keys)
    else:
        kept = kept_type(bare)
        value = from_text(bare, taken)
    return Conversion(value, f"Nullable({kept})", is_absent)


def _container(bare: ColumnType, path: JsonPath, is_absent: str) -> Conversion:
    found = raw(path.keys) if path.keys else MESSAGE
    if path.element:
        # Each object of the array stands for what lies at the rest of the path inside it.
        member = bare.inner[0]
        places = call("JSONExtractRaw", "o", *map(literal, path.element))
        texts = f"arrayMap(o -> {places}, JSONExtractArrayRaw({found}))"
        all_right = f"arrayAll(e -> {raw_json.is_right(member, 'e')}, {texts})"
        is_right = f"({json_type(path.keys)} = 'Array' AND {all_right})"
        value = f"arrayMap(e -> {raw_json.value(member, 'e')}, {texts})"
    else:
        is_right = raw_json.is_right(bare, found)
        value = raw_json.value(bare, found)
    text = literal(bare.text)
    return Conversion(
        f"if({is_right}, CAST({value}, {text}), defaultValueOfTypeName({text}))", bare.text, is_absent, is_right
    )


def _from_dynamic(family: str, dynamic: str, keys: tuple[str, ...]) -> str:
    """SQL: a number or a Bool. What the Dynamic surely holds is taken; everything else is looked at again in the
    raw JSON, which is exact but parses the message once more."""
    if family == "Bool":
        sure, exact = call("dynamicElement", dynamic, "'Bool'"), raw_json.boolean(raw(keys))
    else:
        integer = call("dynamicElement", dynamic, "'Int64'")
        sure = integer if family == "Int64" else call("accurateCastOrNull", integer, literal(family))
        if family in raw_json.FLOATS:
            double = call("dynamicElement", dynamic, "'Float64'")
            sure = call("coalesce", _float(family, double), _float(family, integer))
        exact = raw_json.number(family, _float_text(keys) if family in raw_json.FLOATS else raw(keys))
    return f"multiIf(isNotNull({sure}), {sure}, isNull({dynamic}), NULL, {exact})"


def _float(family: str, value: str) -> str:
    """What is too large for a Float32 is not taken here: it would become infinite without an error."""
    value = f"CAST({value}, 'Nullable({family})')"
    return value if family == "Float64" else f"if(isFinite({value}), {value}, NULL)"


def _float_text(keys: tuple[str, ...]) -> str:
    """SQL: the text of the JSON number at a path; of anything else a text that no number has.

    ClickHouse writes an integer outside UInt64 as if it were a string. It was a number if its digits stand
    nowhere in the message in quotes; where they do, nothing tells the two apart and it counts as a string.
    """
    found = raw(keys)
    is_big = rf"match({found}, '^\"-?\\d{{19,}}\"$') AND position({MESSAGE}, {found}) = 0"
    return f"if({is_big}, trim(BOTH '\"' FROM {found}), {found})"
