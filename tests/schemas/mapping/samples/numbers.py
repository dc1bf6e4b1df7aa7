"""Integers, floats, Decimals and Bool."""

from __future__ import annotations

from tests.schemas.mapping.samples.sample import Sample

_NO_NUMBERS = ('"3"', '""', "true", "[1]", "{}")
# What integers of 64 bits and more take in quotes is their plain decimal form alone.
_NO_PLAIN_INTEGERS = ('"3.0"', '"1e1"', '"+3"', '"03"', '"-0"', '" 3"', '"3 "', '"-"', '"0x3"', '"1_0"', '"٣"')
_NO_INTEGERS = (*(text for text in _NO_NUMBERS if text != '"3"'), *_NO_PLAIN_INTEGERS, "1.5", "1e-1", "-0.5")


def _integer(name: str, bits: int, smallest: int, largest: int) -> Sample:
    takes = {str(smallest): str(smallest), str(largest): str(largest), "3.0": "3", "1e1": "10", "0": "0"}
    takes |= dict.fromkeys(("-0", "0.0", "-0.0", "0e5"), "0")
    texts = {f'"{value}"': str(value) for value in (smallest, largest, 3, 0)}
    outside = [str(smallest - 1), str(largest + 1)]
    refuses = [*_NO_INTEGERS, *outside, *(f'"{text}"' for text in outside)]
    if bits < 64:
        refuses += texts
    else:
        takes |= texts
    return Sample(name, takes, tuple(refuses), ("7", "7"))


_INTEGERS = [
    sample
    for bits in (8, 16, 32, 64, 128, 256)
    for sample in (
        _integer(f"Int{bits}", bits, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
        _integer(f"UInt{bits}", bits, 0, 2**bits - 1),
    )
]
_NO_DECIMALS = tuple(
    f'"{text}"'
    for text in (
        *("", "x", ".", "-", "+", "e5", "1.234.567", "1,5", "1.", ".5", "+1", "--1", "-+1", "1-", "1e", "1e+", "1e2.5"),
        *(" 1", "1 ", "1\\n", "inf", "-inf", "nan", "0x10", "1_0", "٣", "1e400", "1e99999999999", "1\\u0000"),
    )
)

NUMBERS = [
    *_INTEGERS,
    Sample(
        "Float32", {"0.1": "0.1", "1": "1", "-2.5": "-2.5"}, (*_NO_NUMBERS, "1e39", '"nan"', '"inf"'), ("0.5", "0.5")
    ),
    Sample(
        "Float64",
        {"0.1": "0.1", "3": "3", "1e300": "1e300", "100000000000000000000": "100000000000000000000"},
        (*_NO_NUMBERS, '"nan"'),
        ("1", "1"),
    ),
    Sample(
        "Bool", {"true": "true", "false": "false"}, ("1", "0", "-0.0", '"true"', '"1"', '""', "[]"), ("true", "true")
    ),
    Sample(
        "Decimal(10, 2)",
        {
            "1.25": "1.25",
            '"99999999.99"': "99999999.99",
            "-3": "-3",
            '"1.239"': "1.23",
            '"1e3"': "1000",
            '"12.5E-1"': "1.25",
            '"-007.50"': "-7.5",
            '"1e-400"': "0",
        },
        ('"100000000"', "100000000", "true", "[]", *_NO_DECIMALS),
        ("0.1", "0.1"),
    ),
    Sample("Decimal32(2)", {"1.5": "1.5"}, ("10000000", *_NO_DECIMALS), ("1", "1")),
    Sample("Decimal64(4)", {'"123.4567"': "123.4567"}, ('"100000000000000.0"', "{}", *_NO_DECIMALS), ("1", "1")),
    Sample(
        "Decimal128(10)",
        {'"1234567890123456.0000000001"': "1234567890123456.0000000001"},
        _NO_DECIMALS,
        ("1", "1"),
    ),
    Sample("Decimal256(20)", {'"1.00000000000000000001"': "1.00000000000000000001"}, _NO_DECIMALS, ("1", "1")),
]
