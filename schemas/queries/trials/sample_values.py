"""A value of each parameter, to have a query of a pipe before anybody asks it."""

from __future__ import annotations

from schemas.template.parameters import Parameter
from schemas.template.values.json_values import plain

_TEXTS = ("String", "Array", "JSON")
# Their values are names: of columns, mostly.
_NAMES = ("Symbol", "Column", "Table")


def sample(parameter: Parameter, text: str = "a") -> str | list[str]:
    """A value that the parameter takes: its author's example, one that it lists, or one of its type. `text` is the one
    for texts of which the author says nothing."""
    for said in _said(parameter):
        found = plain(said)
        if found not in (None, ""):
            return [str(each) for each in found] if isinstance(found, list) else str(found)
    return _of_type(parameter.type or "String", text)


def is_free_text(parameter: Parameter) -> bool:
    """Whether its sample is a text that nobody but us thought of."""
    is_text = _member(parameter.type or "String") in (*_TEXTS, *_NAMES)
    return is_text and all(plain(said) in (None, "") for said in _said(parameter))


def _said(parameter: Parameter) -> tuple[object, ...]:
    return parameter.example, parameter.enum and parameter.enum[0], parameter.default


def _member(name: str) -> str:
    return name.removeprefix("Array(").removesuffix(")")


def _of_type(name: str, text: str) -> str:
    member = _member(name)
    if member.startswith("DateTime64"):
        return "2025-01-01 00:00:00.000"
    known = {"Date": "2025-01-01", "DateTime": "2025-01-01 00:00:00", "UUID": "00000000-0000-0000-0000-000000000000"}
    return known.get(member, text if member in (*_TEXTS, *_NAMES[:2]) else "1")
