"""What columns of the type JSON keep of a message: the same whatever the rows around it hold, typed paths strictly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schemas.mapping.mapped import Mapped

TYPED = (
    "JSON(a UInt32, b.c Nullable(Int64), d DateTime, e Array(String), f Decimal(10, 2), g Bool, h Float32,"
    " i DateTime('Europe/Madrid'), `k`.`l m` Int8, max_dynamic_paths = 10, SKIP z)"
)
FILES = {
    "datasources/documents.datasource": "SCHEMA >\n    `part` JSON `json:$.part`,\n    `n` Nullable(Int8) `json:$.n`\n",
    "datasources/whole.datasource": "SCHEMA >\n    `document` JSON `json:$`\n",
    "datasources/typed.datasource": f"SCHEMA >\n    `part` {TYPED} `json:$.part`\n",
}


# Values of one path whose types ClickHouse would fit to those of the rows before.
VALUES = (
    *("[null]", "[[1]]", "[1]", '["x"]', "1", "1.5", "true", "[1.5]", '[{"b":1}]', '"x"', "[]", "[[null]]", "[[]]"),
    *("[[[1]]]", "[true]", '[1,"x"]', "9223372036854775808", "[9223372036854775808]", "[1,null]", '[{"b":1.5}]'),
    *('[{"b":[null]}]', '[{"b":[[1]]}]', '[{"b":[[1]]},{"b":[null]}]', '"5"', '[null,{"b":2}]', "[1,2.5]", "[1,[2]]"),
    *('"2024-01-01"', '"2024-01-01 00:00:00"', '["2024-01-01"]', '["2024-01-01 00:00:00"]', '""', '"1e5"', "-0.0"),
    *('{"b":1}', '{"b":[null]}', '{"b":"x"}'),
)
SHOWN = {"-0.0": "0"}


def _sent(value: str) -> bytes:
    return f'{{"part":{{"a":{value}}}}}'.encode()


def _stored(mapped: Mapped, values: list[str]) -> list[str | None]:
    offsets = mapped.insert("documents", [_sent(value) for value in values])
    rows = mapped.rows("documents", ["part"], offsets)
    return [rows[offset]["part"] for offset in offsets]


@settings(max_examples=15, deadline=None)
@given(values=st.lists(st.sampled_from(VALUES), min_size=2, max_size=40))
def test_a_document_never_depends_on_its_neighbours(mapped: Mapped, values: list[str]) -> None:
    assert _stored(mapped, values) == [f'{{"a":{SHOWN.get(value, value)}}}' for value in values]


def test_merges_keep_what_every_document_holds(mapped: Mapped) -> None:
    values = [*VALUES, *reversed(VALUES)]
    offsets = mapped.insert("documents", [_sent(value) for value in values])
    mapped.insert("documents", [_sent(value) for value in VALUES])
    mapped.client.command(f"OPTIMIZE TABLE `{mapped.database}`.documents FINAL")
    rows = mapped.rows("documents", ["part"], offsets)
    assert [row["part"] for row in rows.values()] == [f'{{"a":{SHOWN.get(value, value)}}}' for value in values]
    numbers = f"SELECT part.a.:Int64, part.a.:Float64 FROM {{table}} WHERE __offset IN ({offsets[4]}, {offsets[5]})"
    assert mapped.query(numbers + " ORDER BY __offset", "documents") == [(1, None), (None, 1.5)]


# What docs/mapping.md says that a JSON column does not keep, or keeps in another form.
CHANGED = [
    ('{"a":null,"b":1}', '{"b":1}'),
    ('{"a":{},"b":{"c":{}}}', "{}"),
    ('{"b":1,"a":2}', '{"a":2,"b":1}'),
    ('{"a.b":1}', '{"a":{"b":1}}'),
    ('{"a":1,"a.b":2}', '{"a":1,"a":{"b":2}}'),
    ('{"a":1.10,"b":1e2,"c":3.0}', '{"a":1.1,"b":100,"c":3}'),
    ('{"a":123456789012345678901}', '{"a":"123456789012345678901"}'),
    ('{"a":[[1],null]}', '{"a":[[1],[]]}'),
    ('{ "a" : [ 1 , 2 ] }', '{"a":[1,2]}'),
]


def test_what_a_document_is_stored_as_is_what_the_page_says(mapped: Mapped) -> None:
    offsets = mapped.insert("documents", [f'{{"part":{sent}}}'.encode() for sent, _ in CHANGED])
    assert mapped.reasons("documents", offsets) == {}
    rows = mapped.rows("documents", ["part"], offsets)
    assert [row["part"] for row in rows.values()] == [stored for _, stored in CHANGED]


TWICE = [
    '{"a":1,"a":2}',
    '{"a":1,"a":{"b":2}}',
    '{"a":{"b":1},"a":{"c":2}}',
    '{"a.b":1,"a":{"b":2}}',
    '{"x":{"a":1,"a":1}}',
]


@pytest.mark.parametrize(("name", "column"), [("documents", "part"), ("whole", "document")])
def test_an_object_that_holds_a_path_twice_is_quarantined(mapped: Mapped, name: str, column: str) -> None:
    offsets = mapped.insert(name, [(f'{{"part":{text}}}' if column == "part" else text).encode() for text in TWICE])
    assert [list(reasons) for reasons in mapped.reasons(name, offsets).values()] == [[column]] * len(TWICE)


TAKEN = [
    "{}",
    '{"a":1,"b":{"c":-5},"other":1.5}',
    '{"a":4294967295,"b":{"c":null}}',
    '{"a":1e2,"b.c":7}',
    '{"d":"2025-05-12 07:04:14","e":["x","y"],"f":"1.25","g":true,"h":0.5}',
    '{"b":{"c":"9007199254740993"}}',
    '{"k":{"l m":5}}',
    '{"z":{"z":"anything"}}',
]
REFUSED = [
    *(f'{{"a":{value}}}' for value in ("1.5", '"1"', "true", "-1", "4294967296", "null", "[1]", '{"b":1}', '""')),
    *(f'{{"b":{{"c":{value}}}}}' for value in ("1.5", '"x"', "true", "9223372036854775808")),
    *(f'{{"b.c":{value}}}' for value in ("1.5", '"x"')),
    *(f'{{"d":{value}}}' for value in ('"2025-02-30 00:00:00"', "5", '"yesterday"', '"2025-05-12T07:04:14+99:99"')),
    *(f'{{"e":{value}}}' for value in ('"x"', "[null]", "{}")),
    *(f'{{"f":{value}}}' for value in ('"1.234.567"', '"-"', '"."', '"e5"', "100000000")),
    *(f'{{"g":{value}}}' for value in ("1", '"true"')),
    *(f'{{"h":{value}}}' for value in ("1e39", '"nan"', '"1"')),
    '{"i":"2025-03-30 02:30:00"}',
    '{"k":{"l m":300}}',
    '{"k.l m":"5"}',
]


@settings(max_examples=8, deadline=None)
@given(order=st.permutations([*TAKEN, *REFUSED]))
def test_typed_paths_are_as_strict_as_columns(mapped: Mapped, order: list[str]) -> None:
    offsets = mapped.insert("typed", [f'{{"part":{text}}}'.encode() for text in order])
    stored = mapped.rows("typed", [], offsets)
    assert [text for offset, text in zip(offsets, order, strict=True) if offset in stored] == [
        text for text in order if text in TAKEN
    ]
    reasons = mapped.reasons("typed", offsets)
    for offset, text in zip(offsets, order, strict=True):
        if text in REFUSED:
            assert reasons[offset]["part"].startswith(f"Strict type checking failed. Value {text[:5]}"), text


def test_typed_paths_hold_what_was_sent(mapped: Mapped) -> None:
    offsets = mapped.insert("typed", [f'{{"part":{text}}}'.encode() for text in TAKEN])
    columns = "part.a, part.b.c, toString(part.d), part.e, toString(part.f), part.g, part.h, part.k.`l m`"
    rows = mapped.query(
        f"SELECT {columns} FROM {{table}} WHERE __offset BETWEEN {offsets[0]} AND {offsets[-1]} ORDER BY __offset",
        "typed",
    )
    missing: tuple[Any, ...] = (0, None, "1970-01-01 00:00:00", [], "0", False, 0.0, 0)
    expected = [
        missing,
        (1, -5, *missing[2:]),
        (4294967295, *missing[1:]),
        (100, 7, *missing[2:]),
        (0, None, "2025-05-12 07:04:14", ["x", "y"], "1.25", True, 0.5, 0),
        (0, 9007199254740993, *missing[2:]),
        (*missing[:-1], 5),
        missing,
    ]
    assert rows == expected
