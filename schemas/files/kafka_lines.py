"""The KAFKA_ lines of a data source: where its events come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.files.lines.declared import DeclaredLine, Reader, by_name
from schemas.files.lines.instructions import Instruction
from schemas.model import KafkaSource, Problem

_TRUE = ("true", "1", "yes", "on")
_RESETS = ("earliest", "latest", "none")
_JSON_FORMATS = ("", "json_without_schema", "string")
_VALUE_FORMATS = (*_JSON_FORMATS, "json_with_schema")
# Of lines that Tinybird has and that mean nothing here.
_HINTS = {
    "KAFKA_STORE_BINARY_HEADERS": "headers are kept with KAFKA_STORE_HEADERS True",
    "KAFKA_TARGET_PARTITIONS": "workers share the partitions that the topic has",
}


def _switch(instruction: Instruction, _: list[Problem]) -> bool:
    return instruction.text.lower() in _TRUE


def _reset(instruction: Instruction, problems: list[Problem]) -> str:
    reset = instruction.text.lower() or "latest"
    if reset not in _RESETS:
        text = f"`{reset[:60]}` is no offset reset"
        problems.append(instruction.problem(text, f"it is one of {', '.join(_RESETS)}"))
    return reset


def _format(known: tuple[str, ...], unread: str, hint: str) -> Reader:
    """Reads the name of a format; of one that is not known, `unread` says with `{}` for it what becomes of it."""

    def read(instruction: Instruction, problems: list[Problem]) -> str | None:
        if instruction.text.lower() not in known:
            problems.append(instruction.problem(unread.format(instruction.text[:60]), hint, warning=True))
        return instruction.text or None

    return read


_VALUE_FORMAT = _format(
    _VALUE_FORMATS,
    "values in the format `{}` are not read: messages are read as JSON, others go to quarantine",
    "produce JSON; with a Schema Registry's frame before it the format is json_with_schema",
)
_KEY_FORMAT = _format(
    _JSON_FORMATS,
    "keys in the format `{}` are not read: a `__key` column holds their bytes as they came",
    "the frame of a Schema Registry is the first five bytes of `__key`",
)
_REQUIRED = (
    DeclaredLine("KAFKA_CONNECTION_NAME", "connection"),
    DeclaredLine("KAFKA_TOPIC", "topic"),
    DeclaredLine("KAFKA_GROUP_ID", "group_id"),
)
KAFKA_LINES = by_name(
    (
        *_REQUIRED,
        DeclaredLine("KAFKA_AUTO_OFFSET_RESET", "auto_offset_reset", _reset),
        DeclaredLine("KAFKA_STORE_RAW_VALUE", "store_raw_value", _switch),
        DeclaredLine("KAFKA_STORE_HEADERS", "store_headers", _switch),
        DeclaredLine("KAFKA_VALUE_FORMAT", "value_format", _VALUE_FORMAT),
        DeclaredLine("KAFKA_KEY_FORMAT", "key_format", _KEY_FORMAT),
    )
)
"""Every KAFKA_ line that is read, and where it goes in the model's `KafkaSource`."""


def kafka_source_of(lines: Mapping[str, Instruction], problems: list[Problem]) -> KafkaSource | None:
    """The Kafka source that the lines, by their names, make together; None without any or without what it needs.

    Where only the value of a secret is missing, its topic is empty: nothing is read until the secret has a value.
    """
    if not lines:
        return None
    first = next(iter(lines.values()))
    required = [line.name for line in _REQUIRED]
    if not lines.keys() & set(required):
        text = f"{', '.join(lines)} without {', '.join(required)} is not acted on"
        hint = "events come as without KAFKA_ lines: from the topic of the data source's name, from its beginning"
        problems.append(first.problem(text, hint, warning=True))
        return None
    missing = [name for name in required if name not in lines or not lines[name].text]
    is_waiting = bool(missing) and all(name in lines and _has_secret(lines[name]) for name in missing)
    if missing and not is_waiting:
        hint = "the connection, the topic and the group are needed together"
        problems.append(first.problem(f"Missing {', '.join(missing)} of the Kafka data source", hint))
        return None
    problems.extend(_ignored(lines))
    values: dict[str, Any] = {
        line.field: line.value(lines[name], problems) for name, line in KAFKA_LINES.items() if name in lines
    }
    return KafkaSource(**values | ({"topic": ""} if is_waiting else {}) | {"place": first.place})


def _has_secret(instruction: Instruction) -> bool:
    return "tb_secret" in (instruction.line.written or "")


def _ignored(lines: Mapping[str, Instruction]) -> Iterator[Problem]:
    for name in [name for name in lines if name not in KAFKA_LINES]:
        hint = _HINTS.get(name, "brokers and logins stand in the `.connection` file or in the environment")
        yield lines[name].problem(f"{name} is ignored here", hint, warning=True)
