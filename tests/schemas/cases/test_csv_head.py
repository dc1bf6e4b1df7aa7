"""What the first line of a CSV file says."""

from __future__ import annotations

import pytest

from schemas.cases.csv_head import CsvHead, csv_head

NAMES = ("id", "name", "at")


@pytest.mark.parametrize(
    ("content", "head"),
    [
        (b"id,name,at\n1,a,x\n", CsvHead(",", NAMES, 11, 3)),
        (b'"name";"id"\r\n1;a\r\n', CsvHead(";", ("name", "id"), 13, 2)),
        (b"id\tnick\n", CsvHead("\t", ("id", "nick"), 8, 2)),
        (b"name\nada\n", CsvHead(",", ("name",), 5, 1)),
        (b"1,a,x\n", CsvHead(",", NAMES, 0, 3)),
        (b'1|"a,b,c,d"|x\n', CsvHead("|", NAMES, 0, 3)),
        (b"1,name,x\n", CsvHead(",", NAMES, 0, 3)),
        (b"1,a\n", CsvHead(",", (), 0, 2)),
        (b"", CsvHead(",", (), 0, 0)),
    ],
)
def test_the_head_of_a_file(content: bytes, head: CsvHead) -> None:
    assert csv_head(content, NAMES) == head
