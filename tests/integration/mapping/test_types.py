"""Every type stores what it takes and quarantines what it does not, on real engines."""

from __future__ import annotations

import pytest

from tests.integration.mapping.files import DEFAULTED, GOOD, NULLABLE, REQUIRED, message_of
from tests.schemas.mapping.mapped import Mapped
from tests.schemas.mapping.samples.all import SAMPLES

FILES = {
    **REQUIRED,
    **NULLABLE,
    **DEFAULTED,
}


def test_every_type_stores_what_it_takes(mapped: Mapped) -> None:
    cases = [(f"c{number}", *pair) for number, sample in enumerate(SAMPLES) for pair in sample.takes.items()]
    offsets = mapped.insert("required", [message_of(GOOD | {column: text}) for column, text, _ in cases])
    assert mapped.reasons("required", offsets) == {}
    rows = mapped.rows("required", list(GOOD), offsets)
    stored = [rows[offset][column] for offset, (column, _, _) in zip(offsets, cases, strict=True)]
    assert stored == [shown for _, _, shown in cases]


@pytest.mark.parametrize("kind", ["required", "nullable", "defaulted"])
def test_every_type_refuses_what_it_does_not_take(mapped: Mapped, kind: str) -> None:
    kept = {column.name for column in mapped.project.data_sources[kind].columns}
    cases = [
        (f"c{number}", sample.type, text)
        for number, sample in enumerate(SAMPLES)
        for text in sample.refuses
        if f"c{number}" in kept
    ]
    offsets = mapped.insert(kind, [message_of(GOOD | {column: text}) for column, _, text in cases])
    stored = mapped.rows(kind, [], offsets)
    assert [case for offset, case in zip(offsets, cases, strict=True) if offset in stored] == []
    reasons = mapped.reasons(kind, offsets)
    for offset, (column, type_text, text) in zip(offsets, cases, strict=True):
        assert list(reasons[offset]) == [column], (type_text, text)
        assert reasons[offset][column].startswith("Strict type checking failed. Value "), (type_text, text)
        assert reasons[offset][column].endswith(f"While accessing jsonpath '$.{column}'")


def test_what_is_required_and_missing_or_null_says_so(mapped: Mapped) -> None:
    messages = [message_of({key: text for key, text in GOOD.items() if key != column}) for column in GOOD]
    messages += [message_of(GOOD | {column: "null"}) for column in GOOD]
    offsets = mapped.insert("required", messages)
    reasons = list(mapped.reasons("required", offsets).values())
    advice = "you should send a value or recreate the table with a Nullable column type. While accessing jsonpath"
    failed = "Strict type checking failed."
    missing = [{c: f"{failed} Object does not have column '{c}', {advice} '$.{c}'"} for c in GOOD]
    null = [{c: f"{failed} Column '{c}' is null, {advice} '$.{c}'"} for c in GOOD]
    assert sorted(map(str, reasons)) == sorted(map(str, missing + null))


@pytest.mark.parametrize("sent", [b"{}", b'{"other": 1}', message_of(dict.fromkeys(GOOD, "null"))])
def test_nullable_columns_store_null_for_missing_and_null(mapped: Mapped, sent: bytes) -> None:
    offsets = mapped.insert("nullable", [sent])
    columns = [column.name for column in mapped.project.data_sources["nullable"].columns]
    assert mapped.rows("nullable", columns, offsets)[offsets[0]] == dict.fromkeys(columns)


@pytest.mark.parametrize("sent", [b"{}", message_of(dict.fromkeys(GOOD, "null"))])
def test_defaults_stand_in_for_missing_and_null(mapped: Mapped, sent: bytes) -> None:
    offsets = mapped.insert("defaulted", [sent])
    expected = {f"c{number}": sample.default[1] for number, sample in enumerate(SAMPLES)}
    assert mapped.rows("defaulted", list(expected), offsets)[offsets[0]] == expected
