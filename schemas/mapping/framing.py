"""SQL over the frame that the serializers of a Schema Registry put before a value: a zero byte, and the schema's id.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format

The id has four bytes, the most significant first. JSON follows at once, Protobuf behind the indexes of its message.
"""

from __future__ import annotations

from schemas.model import DataSource
from schemas.own_names import FRAMED, VALUE
from schemas.sql.text import identifier, literal

_JSON_WITH_SCHEMA = "json_with_schema"
_FRAME_BYTES = 5
_COMPRESSED = {"gzip": "1F8B", "zstd": "28B52FFD"}  # in hexadecimal: ClickHouse shows the SQL of its views as UTF-8


def skips_frames(data_source: DataSource) -> bool:
    """Whether the file says that values have a frame."""
    kafka = data_source.kafka
    return kafka is not None and (kafka.value_format or "").lower() == _JSON_WITH_SCHEMA


def unframed(message: str) -> str:
    """SQL: what is behind the frame of a message; one without a frame as it is, since the HTTP API writes such."""
    return f"if({_is_framed(message)}, {_behind(message)}, {message})"


def read_as(table: str, message: str) -> str:
    """SQL: the rows of a table with the messages as they came as `__framed`, and `message`, SQL over that, as
    `__value`."""
    value, framed = identifier(VALUE), identifier(FRAMED)
    renamed = f"SELECT * EXCEPT ({value}), {value} AS {framed} FROM {table}"
    return f"(SELECT *, {message} AS {value} FROM ({renamed}))"


def as_they_came(select: str) -> str:
    """SQL: what a SELECT over `read_as` gives, with the messages as they came."""
    value, framed = identifier(VALUE), identifier(FRAMED)
    return f"SELECT * EXCEPT ({value}, {framed}), {framed} AS {value}\nFROM (\n{select}\n)"


def reasons_of_bytes(message: str, behind: str = "") -> list[str]:
    """SQL of multiIf, condition and reason in turn: why bytes as they came are no JSON, where they show it. `behind`:
    what was read behind the frame, where frames are skipped."""
    number = f"toString(reinterpretAsUInt32(reverse(substring({message}, 2, 4))))"
    is_json = f"isValidJSON({behind or _behind(message)})"
    begin = literal("the message is framed by a Schema Registry (a zero byte and the id of its schema, ")
    advice = literal("); what is behind is JSON: set KAFKA_VALUE_FORMAT json_with_schema and replay it")
    other = literal("), and what is behind is no JSON: Avro and Protobuf are not read, produce JSON")
    condition = f"{_is_framed(message)} AND NOT {is_json}" if behind else _is_framed(message)
    found = [condition, f"concat({begin}, {number}, if({is_json}, {advice}, {other}))"]
    for name, magic in _COMPRESSED.items():
        text = f"the message is compressed by its producer's own code ({name}): send JSON, and let the producer's"
        found += [
            f"hex(substring({message}, 1, {len(magic) // 2})) = '{magic}'",
            literal(f"{text} setting compression.type compress it"),
        ]
    return found


def _is_framed(message: str) -> str:
    return rf"(startsWith({message}, '\0') AND length({message}) > {_FRAME_BYTES})"


def _behind(message: str) -> str:
    return f"substring({message}, {_FRAME_BYTES + 1})"
