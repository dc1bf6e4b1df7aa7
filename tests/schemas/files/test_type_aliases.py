"""ClickHouse's other words for its types."""

from __future__ import annotations

import pytest

from schemas.files.type_aliases import meant_by


@pytest.mark.parametrize(
    ("word", "arguments", "meant"),
    [
        ("Int", "", "Int32"),
        ("VARCHAR", "20", "String"),
        ("timestamp", "", "DateTime"),
        ("timestamp", "3", "DateTime64(3)"),
        ("numeric", "10, 2", "Decimal(10, 2)"),
        ("String", "", None),
        ("Wadus", "", None),
    ],
)
def test_a_word_means_the_type_that_clickhouse_reads_it_as(word: str, arguments: str, meant: str | None) -> None:
    assert meant_by(word, arguments) == meant
