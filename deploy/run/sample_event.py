"""An event that a data source takes, made up from its columns: for the first `curl` that somebody pastes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from schemas.model import Column, ColumnType, DataSource

# What people expect to see under the names that events usually have.
USUAL_TEXTS = {
    "event_id": "ev_1",
    "event_type": "page_view",
    "user_id": "user_1",
    "session_id": "session_1",
    "platform": "web",
    "app_version": "1.0.0",
    "device_type": "desktop",
    "os": "Linux",
    "country": "FR",
    "properties": '{"referrer":"docs"}',
}
_INTEGERS = re.compile(r"U?Int\d+")
_NUMBERS = re.compile(r"Float\d+|BFloat16|Decimal\d*")
_ENUM_NAME = re.compile(r"'((?:[^'\\]|\\.|'')*)'")


def sample_event(data_source: DataSource, now: datetime) -> dict[str, Any]:
    """A JSON object with a value for each column that has a JSONPath; moments are `now`, which is in UTC."""
    event: dict[str, Any] = {}
    for column in data_source.columns:
        if column.json_path is not None and column.json_path.keys and column.type is not None:
            _place(event, column, column.type, now)
    return event


def _place(event: dict[str, Any], column: Column, column_type: ColumnType, now: datetime) -> None:
    assert column.json_path is not None
    *parents, last = column.json_path.keys
    value = sample_value(column.name, column_type, now)
    inside = event
    for key in parents:
        # Two columns may share a prefix, `$.a` as text and `$.a.b`: an object serves both.
        child = inside.get(key)
        inside[key] = inside = child if isinstance(child, dict) else {}
    if column.json_path.element:
        members = inside.get(last)
        member: dict[str, Any] = members[0] if isinstance(members, list) and isinstance(members[0], dict) else {}
        inside[last] = [member]
        for key in column.json_path.element[:-1]:
            member = member.setdefault(key, {})
        member[column.json_path.element[-1]] = value[0] if isinstance(value, list) and value else value
    elif not isinstance(inside.get(last), dict):
        inside[last] = value


def sample_value(name: str, column_type: ColumnType, now: datetime) -> Any:
    """A value that a column of that name and type takes from JSON."""
    bare = column_type.bare
    if bare.family in ("String", "FixedString"):
        text = USUAL_TEXTS.get(name, name)
        return text[: int(bare.parameters[0])] if bare.family == "FixedString" and bare.parameters else text
    if bare.family.startswith("Enum"):
        names = _ENUM_NAME.findall(" ".join(bare.parameters) or bare.text)
        return names[0] if names else name
    if bare.family == "Array":
        return [sample_value(name, bare.inner[0], now)]
    if bare.family == "Map":
        return {str(sample_value("key", bare.inner[0], now)): sample_value("value", bare.inner[1], now)}
    if bare.family in ("Tuple", "Nested", "JSON", "Object"):
        return {member: sample_value(member, inner, now) for member, inner in zip(bare.names, bare.inner, strict=False)}
    return _scalar(bare, now)


def _scalar(bare: ColumnType, now: datetime) -> Any:
    if _INTEGERS.fullmatch(bare.family):
        return 1
    if _NUMBERS.fullmatch(bare.family):
        return 1.5
    texts = {
        "DateTime": f"{now:%Y-%m-%d %H:%M:%S}",
        "DateTime64": f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}",
        "Date": f"{now:%Y-%m-%d}",
        "Date32": f"{now:%Y-%m-%d}",
        "UUID": "0b5d7a1c-3f1e-4a57-9d0e-2c8f6b7a9e10",
        "IPv4": "203.0.113.7",
        "IPv6": "2001:db8::7",
    }
    return True if bare.family == "Bool" else texts.get(bare.family, "")
