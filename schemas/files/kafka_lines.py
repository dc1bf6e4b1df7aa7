"""The KAFKA_ lines of a data source: where its events come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from schemas.files.lines.datafile import Instruction
from schemas.model import KafkaSource, Problem

_REQUIRED = ("KAFKA_CONNECTION_NAME", "KAFKA_TOPIC", "KAFKA_GROUP_ID")
_FORMATS = ("KAFKA_VALUE_FORMAT", "KAFKA_KEY_FORMAT")
_OPTIONAL = ("KAFKA_AUTO_OFFSET_RESET", "KAFKA_STORE_RAW_VALUE", "KAFKA_STORE_HEADERS")
_JSON_FORMATS = ("", "json_without_schema", "string")
_VALUE_FORMATS = (*_JSON_FORMATS, "json_with_schema")
_RESETS = ("earliest", "latest", "none")
_TRUE = ("true", "1", "yes", "on")
_HINTS = {
    "KAFKA_STORE_BINARY_HEADERS": "headers are kept with KAFKA_STORE_HEADERS True",
    "KAFKA_TARGET_PARTITIONS": "workers share the partitions that the topic has",
}


def kafka_source_of(lines: Mapping[str, Instruction], problems: list[Problem]) -> KafkaSource | None:
    """The Kafka source that the lines, by their names, make together; None without any or without what it needs.

    Where only the value of a secret is missing, its topic is empty: nothing is read until the secret has a value.
    """
    if not lines:
        return None
    first = next(iter(lines.values()))
    if not lines.keys() & set(_REQUIRED):
        text = f"{', '.join(lines)} without {', '.join(_REQUIRED)} is not acted on"
        hint = "events come as without KAFKA_ lines: from the topic of the data source's name, from its beginning"
        problems.append(first.problem(text, hint, warning=True))
        return None
    missing = [name for name in _REQUIRED if name not in lines or not lines[name].text]
    is_waiting = bool(missing) and all(
        name in lines and "tb_secret" in (lines[name].line.written or "") for name in missing
    )
    if missing and not is_waiting:
        hint = "the connection, the topic and the group are needed together"
        problems.append(first.problem(f"Missing {', '.join(missing)} of the Kafka data source", hint))
        return None
    for name in lines.keys() - {*_REQUIRED, *_FORMATS, *_OPTIONAL}:
        hint = _HINTS.get(name, "brokers and logins stand in the `.connection` file or in the environment")
        problems.append(lines[name].problem(f"{name} is ignored here", hint, warning=True))
    reset = _value(lines, "KAFKA_AUTO_OFFSET_RESET").lower() or "latest"
    if reset not in _RESETS:
        text = f"`{reset[:60]}` is no offset reset"
        problems.append(lines["KAFKA_AUTO_OFFSET_RESET"].problem(text, f"it is one of {', '.join(_RESETS)}"))
    problems.extend(_format_warnings(lines))
    return KafkaSource(
        connection=_value(lines, "KAFKA_CONNECTION_NAME"),
        topic="" if is_waiting else _value(lines, "KAFKA_TOPIC"),
        group_id=_value(lines, "KAFKA_GROUP_ID"),
        auto_offset_reset=cast("Literal['earliest', 'latest', 'none']", reset),
        store_raw_value=_value(lines, "KAFKA_STORE_RAW_VALUE").lower() in _TRUE,
        store_headers=_value(lines, "KAFKA_STORE_HEADERS").lower() in _TRUE,
        key_format=_value(lines, "KAFKA_KEY_FORMAT") or None,
        value_format=_value(lines, "KAFKA_VALUE_FORMAT") or None,
        place=first.place,
    )


def _format_warnings(lines: Mapping[str, Instruction]) -> Iterator[Problem]:
    value, key = (_value(lines, name) for name in _FORMATS)
    if value.lower() not in _VALUE_FORMATS:
        text = f"values in the format `{value[:60]}` are not read: messages are read as JSON, others go to quarantine"
        hint = "produce JSON; with a Schema Registry's frame before it the format is json_with_schema"
        yield lines["KAFKA_VALUE_FORMAT"].problem(text, hint, warning=True)
    if key.lower() not in _JSON_FORMATS:
        text = f"keys in the format `{key[:60]}` are not read: a `__key` column holds their bytes as they came"
        hint = "the frame of a Schema Registry is the first five bytes of `__key`"
        yield lines["KAFKA_KEY_FORMAT"].problem(text, hint, warning=True)


def _value(lines: Mapping[str, Instruction], name: str) -> str:
    return lines[name].text if name in lines else ""
