"""ClickHouse type texts taken apart, with Tinybird's words for what is no type."""

from __future__ import annotations

from schemas.model import ColumnType

_MAX_DEPTH = 40
_GEOMETRY = ("Point", "Ring", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
_INTEGERS = tuple(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256))
_FLOATS = ("Float32", "Float64", "BFloat16")
_OTHERS = ("String", "UUID", "Date", "Date32", "DateTime", "Time", "Bool", "IPv4", "IPv6", "JSON", "Dynamic", "Object")
_SIMPLE = frozenset((*_INTEGERS, *_FLOATS, *_OTHERS, *_GEOMETRY))
_NESTING = {"Nullable": 1, "LowCardinality": 1, "Array": 1, "Map": 2}
_NAMED = frozenset({"Tuple", "Nested"})
_DECIMALS = ("Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256")
_STATES = ("AggregateFunction", "SimpleAggregateFunction")
_WITH_ARGUMENTS = frozenset(
    ("FixedString", "DateTime64", "Time64", "Enum", "Enum8", "Enum16", "Variant", "QBit", *_DECIMALS, *_STATES)
)
_OPTIONAL_ARGUMENTS = frozenset({"DateTime", "JSON", "Dynamic", "Decimal", "Object"})
_HINTS = {
    "DateTime64": "DateTime64 type without precision is not supported. Please specify the precision: use DateTime64(3)",
    "Boolean": "Boolean type is not supported: use Bool or UInt8",
    "Int": "Precision is mandatory for Int types: use Int32 or another width",
    "UInt": "Precision is mandatory for UInt types: use UInt32 or another width",
    "Float": "Precision is mandatory for Float types: use Float32 or Float64",
}
# ClickHouse takes these names in any case; the schema keeps the one that ClickHouse shows.
_ANY_CASE = {name.lower(): name for name in ("Date", "DateTime", "DateTime64", "Decimal", "Bool", "JSON", "Date32")}


def parse_column_type(text: str) -> ColumnType:
    """The type of a text. Raises ValueError, with a sentence for people, when it is none."""
    return _parse(text, 0)


def split_arguments(text: str) -> list[str]:
    """Split at the commas that stand outside brackets and quotes. Raises ValueError when those are not closed."""
    parts: list[str] = []
    depth, quote, start, position = 0, "", 0, 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'`\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                raise ValueError(f"`{text.strip()[:60]}` closes a bracket that is not open")
        elif character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    if depth or quote:
        raise ValueError(f"`{text.strip()[:60]}` has an open {'quote' if quote else 'bracket'}")
    parts.append(text[start:].strip())
    return parts


def _parse(text: str, depth: int) -> ColumnType:
    text = text.strip()
    if depth > _MAX_DEPTH:
        raise ValueError(f"the type is nested more than {_MAX_DEPTH} deep")
    family, bracket, inside = text.partition("(")
    family = family.strip()
    family = _ANY_CASE.get(family.lower(), family)
    if not bracket:
        if family in _HINTS:
            raise ValueError(_HINTS[family])
        if family in _SIMPLE or family == "Decimal":
            return ColumnType(family, family)
        if family in _WITH_ARGUMENTS or family in _NESTING or family in _NAMED:
            raise ValueError(f"{family} type needs arguments, as in `{family}(…)`")
        raise ValueError(f"Unknown data type family: {family[:60]}")
    if not inside.endswith(")"):
        raise ValueError(f"the type `{text[:60]}` has no closing bracket, or something behind it")
    arguments = split_arguments(inside[:-1])
    if arguments[-1] == "" and len(arguments) > 1:
        arguments.pop()
    if family in _NESTING:
        if len(arguments) != _NESTING[family]:
            raise ValueError(f"{family} takes {_NESTING[family]} type(s), `{text[:60]}` has {len(arguments)}")
        inner = tuple(_parse(argument, depth + 1) for argument in arguments)
        return ColumnType(family, f"{family}({', '.join(kind.text for kind in inner)})", (), inner)
    if family in _NAMED:
        return _members(family, arguments, depth)
    if family in _WITH_ARGUMENTS or family in _OPTIONAL_ARGUMENTS:
        normal = tuple(" ".join(argument.split()) if "'" not in argument else argument for argument in arguments)
        return ColumnType(family, f"{family}({', '.join(normal)})", normal)
    if family in _SIMPLE:
        raise ValueError(f"{family} takes no arguments")
    raise ValueError(f"Unknown data type family: {family[:60]}")


def _members(family: str, arguments: list[str], depth: int) -> ColumnType:
    """A Tuple's or Nested's members: types, or names and types."""
    names: list[str] = []
    inner: list[ColumnType] = []
    for argument in arguments:
        name, kind = _named(argument)
        inner.append(_parse(kind, depth + 1))
        if name:
            names.append(name)
    if names and len(names) != len(inner):
        raise ValueError(f"some members of the {family} have names and some have none")
    if family == "Nested" and not names:
        raise ValueError("the members of a Nested need names")
    texts = [kind.text for kind in inner]
    if names:
        texts = [f"`{name}` {text}" for name, text in zip(names, texts, strict=True)]
    return ColumnType(family, f"{family}({', '.join(texts)})", (), tuple(inner), tuple(names))


def _named(argument: str) -> tuple[str, str]:
    """(name or '', type) of a member: a word with another word behind it is a name."""
    if argument.startswith("`"):
        end = argument.find("`", 1)
        return argument[1:end], argument[end + 1 :]
    word, space, rest = argument.partition(" ")
    is_named = bool(space) and "(" not in word and not rest.lstrip().startswith("(")
    return (word, rest) if is_named else ("", argument)
