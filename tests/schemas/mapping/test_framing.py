"""The frame of a Schema Registry is skipped where the file says so, and named where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schemas.mapping.extraction import MESSAGE
from schemas.mapping.framing import reasons_of_bytes, skips_frames, unframed
from schemas.model import DataSource, KafkaSource

FRAME = "\0\0\0\1\2"


@pytest.mark.parametrize(
    ("message", "read"),
    [(FRAME + '{"a":1}', '{"a":1}'), ('{"a":1}', '{"a":1}'), (FRAME, FRAME), (FRAME[:3], FRAME[:3]), ("", "")],
)
def test_what_is_behind_a_frame(evaluate: Callable[..., Any], message: str, read: str) -> None:
    assert evaluate(unframed(MESSAGE), message) == read


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (FRAME + "{}", "id of its schema, 258); what is behind is JSON: set KAFKA_VALUE_FORMAT json_with_schema"),
        (FRAME + "\2x", "id of its schema, 258), and what is behind is no JSON: Avro and Protobuf are not read"),
        ("(\ufffd/\ufffd", ""),
        ("{}", ""),
    ],
)
def test_why_bytes_are_no_json(evaluate: Callable[..., Any], message: str, reason: str) -> None:
    said = evaluate(f"multiIf({', '.join(reasons_of_bytes(MESSAGE))}, '')", message)
    assert (reason in said) if reason else said == ""


@pytest.mark.parametrize(("magic", "name"), [("1F8B0800", "gzip"), ("28B52FFD00", "zstd")])
def test_compressed_values_are_named(evaluate: Callable[..., Any], magic: str, name: str) -> None:
    found = reasons_of_bytes(f"unhex('{magic}')")
    said = evaluate(f"multiIf({', '.join(found)}, '')")
    assert f"({name})" in said


@pytest.mark.parametrize(
    ("value_format", "skips"), [("json_with_schema", True), ("JSON_WITH_SCHEMA", True), ("json", False), (None, False)]
)
def test_frames_are_skipped_where_the_file_says_so(value_format: str | None, skips: bool) -> None:
    kafka = KafkaSource("c", "t", "g", value_format=value_format)
    assert skips_frames(DataSource("a", (), kafka=kafka)) is skips
    assert not skips_frames(replace(DataSource("a", ()), kafka=None))
