"""Words for the kinds of a template's values and for what Python says of them: no caller is told Python's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from schemas.template.values.typed import Fragment, Identifier

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
    (Identifier, "a symbol"),
    (Fragment, "a piece of SQL"),
    (dict, "a dictionary"),
    ((list, tuple, range, Iterator), "a list"),
    (slice, "a slice"),
)
_NAMED = {
    "str": "text",
    "MomentText": "text",
    "DateText": "text",
    "JsonLiteral": "text",
    "bool": "true or false",
    "int": "a whole number",
    "Integer": "a whole number",
    "float": "a number",
    "Float": "a number",
    "NoneType": "nothing",
    "list": "a list",
    "TypedArray": "a list",
    "tuple": "a list",
    "range": "a list",
    "dict": "a dictionary",
    "Identifier": "a symbol",
    "Fragment": "a piece of SQL",
}
# What Python raises for an author's expression; told in our own words.
PYTHON_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    AssertionError,
)
_COMPARED = re.compile(
    r"'(?P<operator>[<>]=?)' not supported between instances of '(?P<left>\w+)' and '(?P<right>\w+)'"
)
_UNARY = re.compile(r"bad operand type for unary (?P<operator>[+-]): '(?P<kind>\w+)'")
_IN = re.compile(r"argument of type '(?P<kind>\w+)' is not")
_IN_TEXT = re.compile(r"'in <string>' requires string as left operand, not (?P<kind>\w+)")
_UNPACKED = re.compile(r"unpack")
_UNHASHABLE = re.compile(r"unhashable")
# What Python raises for an expression, from the narrowest class to the widest.
_RAISED: tuple[tuple[type[BaseException], str], ...] = (
    (ZeroDivisionError, "division by zero"),
    (OverflowError, "a number is too large"),
    (ArithmeticError, "these numbers cannot be reckoned with"),
    (LookupError, "there is no such element in this value"),
    (RecursionError, "the values or brackets are nested too deep"),
    (MemoryError, "the values or brackets take too much memory"),
    (AttributeError, "a value has no such method"),
    (TypeError, "a value is of a kind that cannot be used here"),
    (ValueError, "a value cannot be used here"),
)


def kind_of(value: object) -> str:
    """What a value is, in the words of a template's author."""
    if value is None:
        return "nothing"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "another kind of value")


def kinds_of(values: Iterable[object]) -> str:
    """The kinds of several values: `text and nothing`."""
    *before, last = (kind_of(value) for value in values)
    return f"{', '.join(before)} and {last}" if before else last


def in_our_words(error: BaseException) -> str:
    """What was wrong with an expression, for an error that Python raised."""
    text = str(error)
    if found := _COMPARED.match(text):
        left, right = (_NAMED.get(found[side], "another kind of value") for side in ("left", "right"))
        return f"`{found['operator']}` cannot compare {left} with {right}"
    if found := _UNARY.match(text):
        return f"`{found['operator']}` needs a number, not {_NAMED.get(found['kind'], 'another kind of value')}"
    if found := _IN.match(text):
        return (
            f"`in` looks through text, a list or a dictionary, not {_NAMED.get(found['kind'], 'another kind of value')}"
        )
    if found := _IN_TEXT.match(text):
        return f"`in` looks for text within text, not for {_NAMED.get(found['kind'], 'another kind of value')}"
    if _UNPACKED.search(text):
        return "several names are given a value that has not as many elements"
    if _UNHASHABLE.search(text):
        return "a list or a dictionary cannot be the key of a dictionary"
    return next((words for kind, words in _RAISED if isinstance(error, kind)), "the template cannot be rendered")
