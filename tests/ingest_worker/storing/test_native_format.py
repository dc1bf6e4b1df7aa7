"""Encoded columns are read back by ClickHouse's own client as what was put in."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing import native_format
from ingest_worker.storing.native_format import Texts, block, integers, maps, repeated
from tests.ingest_worker.fakes import rows_of

SMALL_PART = 64


def grown(values: list[bytes], step: int) -> Texts:
    texts = Texts()
    for start in range(0, len(values), step):
        texts.append(values[start : start + step])
    return texts


def column(kind: str, parts: Any, rows: int) -> list[Any]:
    name = "__value" if kind == "String" else "any"  # which decides whether texts are read as bytes
    (found,) = rows_of(b"".join(block([(name, kind, parts)], rows))).values()
    return list(found)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=40), st.integers(1, 5))
def test_texts_come_back_however_they_were_added(values: list[bytes], step: int) -> None:
    texts = grown(values, step)
    assert len(texts) == len(values)
    assert list(texts) == values
    assert column("String", texts.parts, len(values)) == values


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=40), st.integers(1, 5))
def test_texts_are_kept_in_parts(values: list[bytes], step: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native_format, "_PART_BYTES", SMALL_PART)
        texts = grown(values, step)
        assert all(len(part) >= SMALL_PART for part in texts.parts[:-1])
        assert list(texts) == values
        assert column("String", texts.parts, len(values)) == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_integers_come_back(values: list[int]) -> None:
    assert column("Int64", [integers(array("q", values))], len(values)) == values


@given(
    st.sampled_from([("Int32", -(2**31)), ("UInt64", 2**64 - 1), ("LowCardinality(String)", "äö" * 100)]),
    st.integers(1, 300),
)
def test_one_value_for_all_rows_comes_back(kind_and_value: tuple[str, Any], rows: int) -> None:
    kind, value = kind_and_value
    assert column(kind, [repeated(kind, value, rows)], rows) == [value] * rows


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5)), min_size=1, max_size=9))
def test_maps_come_back(values: list[dict[str, str]]) -> None:
    encoded = [{name: text.encode() for name, text in entry.items()} for entry in values]
    assert column("Map(String, String)", maps(encoded), len(values)) == values


def test_small_parts_are_sent_together() -> None:
    texts = Texts([b"x" * 1000] * 300)
    parts = list(block([("a", "Int64", [integers(array("q", [1] * 300))]), ("b", "String", texts.parts)], 300))
    assert [len(part) >= native_format._PART_BYTES for part in parts] == [False, True, False]
