"""A setting as people read it, in the table of settings and in errors: name, type, default, what it says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from service.environment import is_secret_name


class Setting(NamedTuple):
    """One row of the table of settings, every member as people read it."""

    name: str
    type: str
    default: str
    description: str

    @property
    def is_secret(self) -> bool:
        return is_secret_name(self.name)


def describe_field(variable: str, field: FieldInfo) -> Setting:
    return Setting(variable, _type_text(field), _default_text(field), field.description or "")


_TYPE_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret text",
}
_BOUND_WORDS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}


def _type_text(field: FieldInfo) -> str:
    annotation = field.annotation
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{member}`" for member in members)
    if len(members) == 1:
        annotation = members[0]
    words = _TYPE_WORDS.get(annotation, str(annotation))
    bounds = [
        f"{word} {getattr(constraint, key)}"
        for constraint in field.metadata
        for key, word in _BOUND_WORDS.items()
        if getattr(constraint, key, None) is not None
    ]
    return " ".join([words, *bounds])


def _default_text(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=False)
    if default is PydanticUndefined:
        return "needed"
    if default is None or isinstance(default, SecretStr):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
