"""Turns the value of a `{{ }}` into SQL: a named query parameter, with the value bound beside the statement."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.template.errors import TemplateRenderError, ValueTooLargeError
from schemas.template.limits import Budget
from schemas.template.values.kinds import kind_of
from schemas.template.values.moments import Moment
from schemas.template.values.typed import Fragment, Identifier, SqlText, TypedArray, TypedFloat, TypedInteger

# ClickHouse refuses a larger HTTP parameter (code 1000); it counts the escaped text.
MAX_VALUE_BYTES = 131_072
# Characters that take no more, whatever has to be escaped of them, where all of them are ASCII.
_SURELY_SMALL = MAX_VALUE_BYTES // 2
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
# Types whose parameters ClickHouse reads as they are, without undoing TSV escapes.
_VERBATIM = ("Identifier", "Array(", "Map(")
_QUOTED_TYPES = ("String", "DateTime")
_QUOTED = str.maketrans({"\\": "\\\\", "'": "\\'"})


class Bindings:
    """The values bound so far; equal values of one type share a name (`p1`, `p2`, …)."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._names: dict[tuple[str, str], str] = {}
        self.parameters: dict[str, str] = {}
        self.verbatim: set[str] = set()

    def sql(self, value: object) -> str:
        """SQL for a value: placeholders alone, and what the author wrote around them."""
        if type(value) is str:  # by far the most are
            return self._bind("String", value)
        if isinstance(value, Fragment):
            return "".join(piece.text if isinstance(piece, SqlText) else self.sql(piece) for piece in value.pieces)
        if isinstance(value, Identifier):
            return self._bind("Identifier", value.name)
        return self._bind(*typed_text(value))

    def count(self, text: str) -> None:
        """Take a value's text into account. Raises TemplateError for too much."""
        size = len(text)
        if size > _SURELY_SMALL or not text.isascii():
            _check_size(text)
        self._budget.bind(size)

    def _bind(self, type_name: str, text: str) -> str:
        key = (type_name, text)
        name = self._names.get(key)
        if name is None:
            self.count(text)
            name = self._names[key] = f"p{len(self._names) + 1}"
            self.parameters[name] = text
            if type_name.startswith(_VERBATIM):
                self.verbatim.add(name)
        return f"{{{name}:{type_name}}}"


def _check_size(text: str) -> None:
    try:
        size = len(text.encode())
        if size * 2 > MAX_VALUE_BYTES:
            size = len(text.translate(_ESCAPED).encode())
    except UnicodeEncodeError:
        raise TemplateRenderError("a value holds half of a surrogate pair, which is no character") from None
    if size > MAX_VALUE_BYTES:
        raise ValueTooLargeError(
            f"a value takes {size} bytes, more than the {MAX_VALUE_BYTES} that ClickHouse takes as a query parameter"
        )


def typed_text(value: object) -> tuple[str, str]:
    """The ClickHouse type of a value and its unescaped text. Raises TemplateRenderError for what has none."""
    if isinstance(value, str):
        return "String", value
    if isinstance(value, Moment):
        return value.clickhouse_type, value.text
    if isinstance(value, bool):
        return "Bool", "true" if value else "false"
    if isinstance(value, (TypedInteger, TypedFloat)):
        return value.clickhouse_type, repr(float(value)) if isinstance(value, TypedFloat) else str(int(value))
    if isinstance(value, int):
        return _integer_type(value), str(value)
    if isinstance(value, float):
        return "Float64", repr(value)
    if isinstance(value, TypedArray):
        return f"Array({value.element_type})", f"[{','.join(_members(value)[1])}]"
    if isinstance(value, (list, tuple)):
        element_type, texts = _members(value)
        return f"Array({element_type})", f"[{','.join(texts)}]"
    if isinstance(value, dict):
        (key_type, keys), (value_type, texts) = _members(list(value)), _members(list(value.values()))
        pairs = ",".join(f"{key}:{text}" for key, text in zip(keys, texts, strict=True))
        return f"Map({key_type},{value_type})", "{" + pairs + "}"
    raise TemplateRenderError(f"{kind_of(value)} cannot be written as SQL")


def _integer_type(value: int) -> str:
    for bits in (64, 128, 256):
        if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            return f"Int{bits}"
    raise TemplateRenderError("a number does not fit 256 bits, ClickHouse's widest")


def _members(values: Sequence[object]) -> tuple[str, list[str]]:
    """The one type of an array's or a map's members, and their texts, quoted where they are text."""
    typed = [typed_text(value) for value in values]
    types = {type_name for type_name, _ in typed}
    if len(types) > 1 and not types <= {"Int64", "Float64"}:
        raise TemplateRenderError(f"a list of {' and '.join(sorted(types))} cannot be written as one ClickHouse array")
    common = "Float64" if len(types) > 1 else next(iter(types), "String")
    return common, [
        "'" + text.translate(_QUOTED) + "'" if name.startswith(_QUOTED_TYPES) else text for name, text in typed
    ]


def constant(value: object) -> str:
    """A number as SQL text, for SAMPLE alone: the one place where ClickHouse takes no parameter.

    Digits and at most one point come out, whatever goes in. Raises TemplateRenderError for
    anything that is not a finite number that is not negative.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = int(value) if isinstance(value, int) else float(value)
        if 0 <= number < 1e15:
            number = abs(number)  # -0.0 is not negative, and written with a sign
            return str(number) if isinstance(number, int) else f"{number:.15f}".rstrip("0").rstrip(".")
    raise TemplateRenderError("SAMPLE takes a number from 0 up, as in SAMPLE {{Float64(fraction, 0.1)}}")
