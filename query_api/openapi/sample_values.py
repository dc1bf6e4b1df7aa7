"""A value of each parameter, to have a query of a pipe before anybody asks it."""

from __future__ import annotations

from schemas.template.parameters import Parameter
from schemas.template.values.json_values import plain


def sample(parameter: Parameter) -> str | list[str]:
    """A value that the parameter takes: its author's example, one that it lists, or one of its type."""
    for said in (parameter.example, parameter.enum and parameter.enum[0], parameter.default):
        found = plain(said)
        if found not in (None, ""):
            return [str(each) for each in found] if isinstance(found, list) else str(found)
    return _of_type(parameter.type or "String")


def _of_type(name: str) -> str:
    member = name.removeprefix("Array(").removesuffix(")")
    if member.startswith("DateTime64"):
        return "2025-01-01 00:00:00.000"
    known = {"Date": "2025-01-01", "DateTime": "2025-01-01 00:00:00", "UUID": "00000000-0000-0000-0000-000000000000"}
    return known.get(member, "a" if member in ("String", "Symbol", "Column", "Array", "JSON") else "1")
