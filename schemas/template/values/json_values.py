"""Values as JSON has them: what a JSON body gave a parameter, and any value of a template as JSON's text."""

from __future__ import annotations

import json
from typing import Any

from schemas.template.values.kinds import kind_of


class JsonLiteral(str):
    """A number, `true` or `false` of a JSON body: the text that was sent, since a float would not keep all of it."""

    __slots__ = ()


def document_of(value: object) -> object:
    """What JSON's text of a value reads back as. Of what JSON has no word for, what kind of value it is.

    Raises RecursionError for what is nested too deep.
    """
    if isinstance(value, JsonLiteral):
        return json.loads(value)
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else str(float(value))
    if isinstance(value, (list, tuple)):
        return [document_of(each) for each in value]
    if isinstance(value, dict):
        return {_key(key): document_of(each) for key, each in value.items()}
    return kind_of(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) else json_text(key)


def json_text(value: object) -> str:
    """The JSON text of a value, text within quotes. Raises RecursionError for what is nested too deep."""
    return json.dumps(document_of(value), ensure_ascii=False)


def plain_text(value: object) -> str:
    """A value as the text of a String: text as it is, a number as it is written, anything else as JSON."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else json_text(value)


def plain(value: object) -> Any:
    """A value that JSON has, as it has it; None for any other."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return None
