"""SQL that reads a scalar from its text, for the types whose JSON type does not matter: a number and a string
that read alike are the same UUID, decimal or text."""

from __future__ import annotations

from schemas.mapping.values.dates import date, date_time, date_time_64
from schemas.model import ColumnType
from schemas.sql.text import call, literal

_DECIMALS = ("Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256")
_TIMES = ("Date", "Date32", "DateTime", "DateTime64")
TEXT_FAMILIES = frozenset(
    ("String", "FixedString", "UUID", "IPv4", "IPv6", "Enum", "Enum8", "Enum16", *_TIMES, *_DECIMALS)
)

NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
"""The form of a number in a text. ClickHouse reads `1.234.567` as 1.23 and a lone `-` as 0."""

_DECIMAL_PRECISION = {"Decimal32": 9, "Decimal64": 18, "Decimal128": 38, "Decimal256": 76}
_UTC = "'UTC'"


def kept_type(bare: ColumnType) -> str:
    """The type a value is kept in between the message and the table: times carry their zone, so that a server's
    own zone never matters; an Enum stays its name until it is stored."""
    if bare.family == "DateTime":
        return f"DateTime({_zone(bare)})"
    if bare.family == "DateTime64":
        return f"DateTime64({bare.parameters[0]}, {_zone(bare)})"
    return "String" if bare.family.startswith("Enum") else bare.text


def from_text(bare: ColumnType, text: str) -> str:
    """SQL: Nullable(`kept_type(bare)`) of a text, NULL when the text is none of the type's values."""
    family = bare.family
    if family in ("Date", "Date32"):
        return date(text, family)
    if family == "DateTime":
        return date_time(text, _zone(bare))
    if family == "DateTime64":
        return date_time_64(text, bare.parameters[0], _zone(bare))
    if family in ("UUID", "IPv4", "IPv6"):
        return call(f"to{family}OrNull", text)
    if family == "FixedString":
        return call("accurateCastOrNull", text, literal(bare.text))
    if family.startswith("Enum"):
        return f"if({text} IN ({', '.join(_enum_names(bare))}), {text}, NULL)"
    if family.startswith("Decimal"):
        return _decimal(bare, text)
    return text


def _zone(bare: ColumnType) -> str:
    return bare.parameters[-1] if bare.parameters and bare.parameters[-1].startswith("'") else _UTC


def _enum_names(bare: ColumnType) -> tuple[str, ...]:
    """The names of an Enum as literals: each parameter is `'name'` or `'name' = number`."""
    return tuple(parameter[: parameter.rindex("'") + 1] for parameter in bare.parameters)


def _decimal(bare: ColumnType, text: str) -> str:
    """Digits past the scale are cut, as ClickHouse does. ClickHouse checks the width of the storage, not the
    precision, so that is compared here."""
    if bare.family in _DECIMAL_PRECISION:
        precision, scale = _DECIMAL_PRECISION[bare.family], int(bare.parameters[0])
    else:
        precision = int(bare.parameters[0]) if bare.parameters else 10
        scale = int(bare.parameters[1]) if len(bare.parameters) > 1 else 0
    largest = f"{'9' * (precision - scale) or '0'}.{'9' * scale}".rstrip(".")
    kept = literal(bare.text)
    parsed = call("accurateCastOrNull", text, kept)
    return f"if(match({text}, {literal(NUMBER)}) AND abs({parsed}) <= CAST('{largest}', {kept}), {parsed}, NULL)"
