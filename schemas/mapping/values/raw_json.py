"""SQL that judges and converts JSON texts: the members of arrays, maps and tuples, each by its own text."""

from __future__ import annotations

from schemas.mapping.values.texts import NUMBER, TEXT_FAMILIES, from_text
from schemas.model import ColumnType
from schemas.sql.text import call, literal

FLOATS = frozenset({"Float32", "Float64"})
TYPED = FLOATS | {"Bool"} | {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)}
"""The scalars for which it matters whether the JSON holds a number, a Bool or a text."""
CONTAINERS = frozenset({"Array", "Map", "Tuple"})

_PLAIN_INTEGER = "0|-?[1-9][0-9]*"


def is_member(column_type: ColumnType) -> bool:
    """Whether values of the type are judged and converted here."""
    bare = column_type.bare
    if bare.family in CONTAINERS:
        return bool(bare.inner) and all(map(is_member, bare.inner))
    return bare.family in TEXT_FAMILIES | TYPED


def is_right(column_type: ColumnType, raw: str, depth: int = 0) -> str:
    """SQL: whether the JSON text `raw` (empty: a missing key) is a value of the type. `depth` is the number of
    lambdas around it."""
    if column_type.family == "LowCardinality":
        return is_right(column_type.inner[0], raw, depth)
    if column_type.family == "Nullable":
        return f"({_is_absent(raw)} OR {is_right(column_type.inner[0], raw, depth)})"
    member = f"m{depth}"
    if column_type.family == "Array":
        each = is_right(column_type.inner[0], member, depth + 1)
        return f"(startsWith({raw}, '[') AND arrayAll({member} -> {each}, JSONExtractArrayRaw({raw})))"
    if column_type.family == "Map":
        key, inner = column_type.inner
        is_key = f"isNotNull({_map_key(key, f'{member}.1')})"
        both = f"{is_key} AND {is_right(inner, f'{member}.2', depth + 1)}"
        return f"(startsWith({raw}, '{{') AND arrayAll({member} -> {both}, JSONExtractKeysAndValuesRaw({raw})))"
    if column_type.family == "Tuple":
        bracket = "{" if column_type.names else "["
        all_right = " AND ".join(is_right(kind, found, depth) for kind, found in _members(column_type, raw))
        # What an array holds beyond the Tuple would be lost without a word; a key that no member is called is ignored.
        is_whole = "" if column_type.names else f" AND JSONLength({raw}) = {len(column_type.inner)}"
        return f"(startsWith({raw}, '{bracket}'){is_whole} AND {all_right})"
    return f"(NOT {_is_absent(raw)} AND isNotNull({_scalar(column_type, raw)}))"


def value(column_type: ColumnType, raw: str, depth: int = 0) -> str:
    """SQL: the value of a JSON text that `is_right`; what it gives for any other text means nothing."""
    if column_type.family == "LowCardinality":
        return value(column_type.inner[0], raw, depth)
    if column_type.family == "Nullable":
        return f"if({_is_absent(raw)}, NULL, {value(column_type.inner[0], raw, depth)})"
    member = f"m{depth}"
    if column_type.family == "Array":
        return f"arrayMap({member} -> {value(column_type.inner[0], member, depth + 1)}, JSONExtractArrayRaw({raw}))"
    if column_type.family == "Map":
        key, inner = column_type.inner
        pairs = call("JSONExtractKeysAndValuesRaw", raw)
        keys = f"arrayMap({member} -> assumeNotNull({_map_key(key, f'{member}.1')}), {pairs})"
        values = f"arrayMap({member} -> {value(inner, f'{member}.2', depth + 1)}, {pairs})"
        return f"CAST(({keys}, {values}), {literal(column_type.text)})"
    if column_type.family == "Tuple":
        return call("tuple", *(value(kind, found, depth) for kind, found in _members(column_type, raw)))
    return call("assumeNotNull", _scalar(column_type, raw))


def _is_absent(raw: str) -> str:
    return f"({raw} = '' OR {raw} = 'null')"


def _members(column_type: ColumnType, raw: str) -> list[tuple[ColumnType, str]]:
    """A named tuple is an object, an unnamed one an array; JSONExtractRaw counts an array's members from 1."""
    places = map(literal, column_type.names) if column_type.names else map(str, range(1, len(column_type.inner) + 1))
    return [(inner, call("JSONExtractRaw", raw, place)) for inner, place in zip(column_type.inner, places, strict=True)]


def _scalar(bare: ColumnType, raw: str) -> str:
    if bare.family in TEXT_FAMILIES:
        return from_text(bare, f"if(startsWith({raw}, '\"'), JSONExtractString({raw}), {raw})")
    if bare.family == "Bool":
        return boolean(raw)
    return number(bare.family, raw)


def boolean(raw: str) -> str:
    """SQL: Nullable(Bool) of a JSON text: `true` and `false` alone, no numbers."""
    return f"multiIf({raw} = 'true', true, {raw} = 'false', false, NULL)"


def number(family: str, raw: str) -> str:
    """SQL: Nullable(`family`) of a JSON number's text. 3.0 and -0.0 are integers; what a Float32 cannot hold would
    become infinite without an error. A string's text has quotes and so is no number, but for the integers of 64 bits
    and more: JavaScript cannot hold these, and what is generated from Protobuf sends them as strings."""
    if family in FLOATS:
        parsed = call(f"to{family}OrNull", raw)
        return f"if(isFinite({parsed}), {parsed}, NULL)"
    zero = "-(0)"
    is_wide = family.endswith(("64", "128", "256"))
    form = rf'^(?:{zero}|"({_PLAIN_INTEGER})")$' if is_wide else f"^{zero}$"
    text = call("replaceRegexpOne", raw, literal(form), literal(r"\1\2" if is_wide else r"\1"))
    parsed = call("accurateCastOrNull", text, literal(family))
    if family.endswith(("128", "256")):
        # ClickHouse reads these from text without a look at their range: 2^127 would become -2^127.
        return f"if(toString({parsed}) = {text}, {parsed}, NULL)"
    return parsed


def _map_key(key: ColumnType, text: str) -> str:
    """A Map's key is always a string in JSON: a number is read from it, where it has a number's form."""
    bare = key.bare
    if bare.family in TEXT_FAMILIES:
        return from_text(bare, text)
    if bare.family == "Bool":
        return boolean(text)
    form = NUMBER if bare.family in FLOATS else f"^(?:{_PLAIN_INTEGER})$"
    return f"if(match({text}, {literal(form)}), {number(bare.family, text)}, NULL)"
