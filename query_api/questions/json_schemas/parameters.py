"""JSON Schemas of a pipe's parameters: their types, and what their author said that fits those types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.template.errors import ParameterError
from schemas.template.parameters import Parameter
from schemas.template.values.json_values import plain
from schemas.template.values.parsing import parse_date, parse_float, parse_plain_integer

Object = dict[str, Any]

_INTEGERS = {f"{sign}Int{bits}": (sign, bits) for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)}


def parameter_schema(parameter: Parameter) -> Object:
    """A parameter's JSON Schema. Whatever its author said that does not fit its type is left out."""
    schema = _type(parameter.type or "String")
    member = schema.get("items", schema)
    if parameter.format:
        member["format"] = str(parameter.format)
    if parameter.enum:
        fitting = [found for each in parameter.enum if (found := _fitted(each, member)) is not None]
        if fitting:
            member["enum"] = list(dict.fromkeys(fitting))
    if (default := _fitted(parameter.default, schema)) is not None:
        schema["default"] = default
    if (example := _fitted(parameter.example, schema)) is not None:
        schema["examples"] = [example]
    if parameter.description:
        schema["description"] = str(parameter.description)
    return schema


def _type(name: str) -> Object:
    if name.startswith("Array("):
        return {"type": "array", "items": _type(name.removeprefix("Array(").removesuffix(")"))}
    if name == "Array":
        return {"type": "array", "items": {"type": "string"}}
    if name in _INTEGERS:
        sign, bits = _INTEGERS[name]
        low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        width = {"format": f"int{bits}"} if not sign and bits in (32, 64) else {}
        return {"type": "integer", "minimum": low, "maximum": high, **width}
    if name.startswith("Float"):
        return {"type": "number"}
    if name in ("Boolean", "Bool"):
        return {"type": "boolean"}
    return {"type": "string", "format": "date"} if name == "Date" else {"type": "string"}


def _fitted(value: object, schema: Mapping[str, Any]) -> Any:
    """The value as the schema's type has it, None for one that it does not have."""
    found = plain(value)
    if found is None or found == "":
        return found if schema["type"] == "string" and "enum" not in schema else None
    if schema["type"] == "array":
        members = found if isinstance(found, list) else str(found).split(",")
        fitted = [_fitted(member, schema["items"]) for member in members]
        return None if None in fitted or "" in fitted else fitted
    if isinstance(found, list):
        return None
    fitted_scalar = _scalar(str(found), schema)
    return None if "enum" in schema and fitted_scalar not in schema["enum"] else fitted_scalar


def _scalar(text: str, schema: Mapping[str, Any]) -> Any:
    """What a template would take, and nothing else."""
    try:
        match schema["type"]:
            case "boolean":
                return {"1": True, "true": True, "0": False, "false": False}.get(text.lower())
            case "integer":
                number = parse_plain_integer(text, "Int")
                return number if schema["minimum"] <= number <= schema["maximum"] else None
            case "number":
                return plain(float(parse_float(text, "Float64")))
            case _:
                return str(parse_date(text, is_default=True)) if schema.get("format") == "date" else text
    except ParameterError:
        return None
