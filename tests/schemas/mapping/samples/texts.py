"""Texts, and what is written as one: identifiers, addresses, members of an Enum."""

from __future__ import annotations

from tests.schemas.mapping.samples.sample import Sample

_UUID = "550e8400-e29b-41d4-a716-446655440000"

TEXTS = [
    Sample(
        "String",
        {
            '"x"': "x",
            '""': "",
            "5": "5",
            "1.5": "1.5",
            "true": "true",
            '{"a":[1,"b"]}': '{"a":[1,"b"]}',
            "[1,2]": "[1,2]",
            '"a\\u0000b"': "a\0b",
            '"\\ud83e\\udd89 ñ \\"q\\" \\\\"': '🦉 ñ "q" \\',
        },
        (),
        ("concat('a', 'b')", "ab"),
    ),
    Sample("LowCardinality(String)", {'"x"': "x", "5": "5"}, (), ("'d'", "d")),
    Sample("FixedString(3)", {'"abc"': "abc", '"ab"': "ab", "12": "12"}, ('"abcd"', "[1,2]"), ("'ddd'", "ddd")),
    Sample(
        "UUID",
        {f'"{_UUID}"': _UUID},
        ('"z"', "5", '""', f'"{_UUID} "', f'"{_UUID[:-1]}g"', f'"{{{_UUID}}}"', '"-"'),
        (f"'{_UUID}'", _UUID),
    ),
    Sample(
        "IPv4",
        {'"10.0.0.1"': "10.0.0.1"},
        ('"10.0.0.256"', "5", '"::1"', '"1.2.3"', '"1.2.3.4.5"', '"1..2.3"', '"1.2.3.4 "', '"1.2.3.4/24"', '""', "1.2"),
        ("'1.2.3.4'", "1.2.3.4"),
    ),
    Sample(
        "IPv6",
        {'"2001:db8::1"': "2001:db8::1"},
        ('"x"', "5", '":::"', '"1::2::3"', '"12345::"', '"::1 "', '"fe80::1%eth0"', '"::1.2.3"', '""'),
        ("'::1'", "::1"),
    ),
    Sample("Enum8('x' = 1, 'y' = 2)", {'"x"': "x", '"y"': "y"}, ('"z"', "1", '""'), ("'y'", "y")),
    Sample("Enum16('a, b' = -5, 'c' = 300)", {'"a, b"': "a, b"}, ('"a"', "300"), ("'c'", "c")),
]
