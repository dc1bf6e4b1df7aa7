"""Columns in ClickHouse's Native format, encoded while their values come in.

The format is what https://clickhouse.com/docs/interfaces/formats/Native calls the most efficient one: a block is the
number of its columns and rows, then column by column its name, its type and its values. The client's own `insert`
takes Python objects and encodes all of them at once, which holds a batch in memory twice; here a value is copied once,
while the processor's cache still has it, and its object can go.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from sys import byteorder

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.insert import InsertContext

# A part that has grown to this is sent as it is: large enough for few calls, small enough to grow in place.
_PART_BYTES = 256 * 1024

_STRING = get_from_name("String")
_CONTEXT = InsertContext("", ["text"], [_STRING])

# The serialisation of a LowCardinality column begins with its version. Then comes, for each block, the width of its
# indices (0: one byte) with flags that say that the block brings a dictionary of its own.
_LOW_CARDINALITY = struct.pack("<QQQ", 1, 1 << 9 | 1 << 10, 1)
_NUMBERS = {"Int32": "<i", "Int64": "<q", "UInt64": "<Q"}


class Texts:
    """A String column that grows: bytes in, the format's bytes out, in parts that are never copied together."""

    __slots__ = ("_end", "_parts", "rows")

    def __init__(self, values: Sequence[bytes] = ()) -> None:
        self._parts: list[bytearray] = []
        self._end = bytearray()
        self.rows = 0
        self.append(values)

    def append(self, values: Sequence[bytes]) -> None:
        if not values:
            return
        if len(self._end) >= _PART_BYTES:
            self._parts.append(self._end)
            self._end = bytearray()
        _STRING.write_column(values, self._end, _CONTEXT)
        self.rows += len(values)

    @property
    def parts(self) -> Sequence[bytearray]:
        return [*self._parts, self._end]

    def clear(self) -> None:
        """Give the memory back; `rows` stays."""
        self._parts.clear()
        self._end.clear()

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[bytes]:
        """The values again."""
        encoded = b"".join(self.parts)
        start = 0
        while start < len(encoded):
            size, start = _read_size(encoded, start)
            yield encoded[start : start + size]
            start += size


def integers(values: array[int]) -> bytes:
    """An Int64 column; `values` is an array of type `q`."""
    if byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def repeated(type_name: str, value: int | str, rows: int) -> bytes:
    """A column of one of the integers or of LowCardinality(String) that holds one value in all of its rows."""
    if isinstance(value, int):
        return struct.pack(_NUMBERS[type_name], value) * rows
    return _LOW_CARDINALITY + _text(value) + struct.pack("<Q", rows) + bytes(rows)


def maps(values: Sequence[Mapping[str, bytes]]) -> Iterator[bytes | bytearray]:
    """A Map(String, String) column: where each row's pairs end, then all keys, then all values."""
    ends = array("q", accumulate(map(len, values)))
    yield integers(ends)
    yield from Texts([name.encode() for name in chain.from_iterable(values)]).parts
    yield from Texts(list(chain.from_iterable(value.values() for value in values))).parts


def block(columns: Sequence[tuple[str, str, Iterable[bytes | bytearray]]], rows: int) -> Iterator[bytes | bytearray]:
    """One block of columns (name, type, encoded values), in parts of which hardly any is small."""
    head = bytearray()
    write_leb128(len(columns), head)
    write_leb128(rows, head)
    for name, type_name, parts in columns:
        head += _text(name) + _text(type_name)
        for part in parts:
            if len(part) < _PART_BYTES:
                head += part
                continue
            yield head
            yield part
            head = bytearray()
    yield head


def _text(text: str) -> bytes:
    encoded = bytearray()
    _STRING.write_column([text.encode()], encoded, _CONTEXT)
    return bytes(encoded)


def _read_size(encoded: bytes, start: int) -> tuple[int, int]:
    """A number in LEB128 (seven bits a byte, the lowest first), and where it ends."""
    size = shift = 0
    while True:
        byte = encoded[start]
        start += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, start
        shift += 7
