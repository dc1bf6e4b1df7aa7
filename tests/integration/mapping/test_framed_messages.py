"""Bytes before the JSON, or instead of it: frames of a schema registry, compression, Avro."""

from __future__ import annotations

import gzip

import pytest

from tests.integration.mapping.files import BROKERS, SHAPED, file_of
from tests.schemas.mapping.mapped import Mapped

FILES = {
    **SHAPED,
    **BROKERS,
    "datasources/framed.datasource": file_of(
        [
            "    `id` Int32 `json:$.id`",
            "    `note` Nullable(String) `json:$.note` DEFAULT 'none'",
            "    `whole` String `json:$`",
            "    `__value` String",
        ]
    )
    + "\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC framed\nKAFKA_GROUP_ID g\nKAFKA_STORE_RAW_VALUE True\n"
    + "KAFKA_VALUE_FORMAT json_with_schema\n",
}

FRAME = b"\0\0\0\x01\x07"  # of the schema 263


@pytest.mark.parametrize("behind", [b'{"id":1,"note":null}', b'{"id":1}', b' {"id": 1, "note": "n"}'])
def test_the_frame_of_a_schema_registry_is_skipped_where_the_file_says_so(mapped: Mapped, behind: bytes) -> None:
    offsets = mapped.insert("framed", [FRAME + behind, behind, FRAME + b'{"id":"x"}', FRAME + behind])
    note = {b"null": None, b"n": "n"}.get(behind[-5:-1] if b"null" in behind else behind[-3:-2], "none")
    row = {"id": "1", "note": note, "whole": behind.decode()}
    values = [FRAME + behind, behind, FRAME + behind]
    expected = [row | {"__value": value.decode()} for value in values]
    assert list(mapped.rows("framed", ["id", "note", "whole", "__value"], offsets).values()) == expected
    wrong = mapped.reasons("framed", offsets)
    assert list(wrong) == [offsets[2]]
    assert wrong[offsets[2]]["id"].startswith('Strict type checking failed. Value "x" of column')
    raw = f"SELECT hex(__value), id FROM {{table}} WHERE __offset = {offsets[2]}"
    assert mapped.query(raw, "framed_quarantine") == [((FRAME + b'{"id":"x"}').hex().upper(), "x")]


FRAMED_REASONS: list[tuple[str, bytes, str]] = [
    (
        "shapes",
        FRAME + b'{"name":"n","count":1}',
        "schema, 263); what is behind is JSON: set KAFKA_VALUE_FORMAT json_with_schema",
    ),
    ("shapes", FRAME + b"\x02\x10name", "schema, 263), and what is behind is no JSON: Avro and Protobuf are not read"),
    ("shapes", b"\0\0\0\x01\x07\0\x02{", "schema, 263), and what is behind is no JSON"),
    ("framed", FRAME + b"\x02\x10name", "schema, 263), and what is behind is no JSON"),
    ("framed", FRAME, "is not valid JSON"),
    ("framed", b"", "is empty"),
    ("framed", FRAME + FRAME + b"{}", "and what is behind is no JSON"),
    ("framed", FRAME + b"[1]", "the message is a JSON array"),
    ("framed", b"hello", "is not valid JSON"),
    ("shapes", b"\0", "is not valid JSON"),
    ("shapes", gzip.compress(b"{}", mtime=0), "compressed by its producer's own code (gzip)"),
    ("framed", gzip.compress(b"{}", mtime=0), "compressed by its producer's own code (gzip)"),
    ("shapes", b"\x28\xb5\x2f\xfd\x04\x00", "compressed by its producer's own code (zstd)"),
]


@pytest.mark.parametrize(("name", "message", "reason"), FRAMED_REASONS)
def test_bytes_that_are_no_json_say_what_they_are(mapped: Mapped, name: str, message: bytes, reason: str) -> None:
    offsets = mapped.insert(name, [message])
    told = mapped.reasons(name, offsets)[offsets[0]]
    assert list(told) == ["__value"]
    assert reason in told["__value"]
    raw = f"SELECT hex(__value) FROM {{table}} WHERE __offset = {offsets[0]}"
    assert mapped.query(raw, f"{name}_quarantine") == [(message.hex().upper(),)]
