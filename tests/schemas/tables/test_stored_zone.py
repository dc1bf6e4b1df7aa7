"""Types whose times all name a zone."""

from __future__ import annotations

import pytest

from schemas.tables.stored_zone import is_utc, stored_type


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("DateTime", "DateTime('UTC')"),
        ("DateTime64(3)", "DateTime64(3, 'UTC')"),
        ("Nullable(DateTime)", "Nullable(DateTime('UTC'))"),
        ("LowCardinality(Nullable(DateTime))", "LowCardinality(Nullable(DateTime('UTC')))"),
        ("Map(DateTime, DateTime64(6))", "Map(DateTime('UTC'), DateTime64(6, 'UTC'))"),
        ("Tuple(DateTime String, at DateTime)", "Tuple(DateTime String, at DateTime('UTC'))"),
        ("Tuple(`DateTime` DateTime)", "Tuple(`DateTime` DateTime('UTC'))"),
        ("AggregateFunction(argMax, String, DateTime)", "AggregateFunction(argMax, String, DateTime('UTC'))"),
        ("SimpleAggregateFunction(max, DateTime64(3))", "SimpleAggregateFunction(max, DateTime64(3, 'UTC'))"),
        ("JSON(a.DateTime UInt8, b DateTime)", "JSON(a.DateTime UInt8, b DateTime('UTC'))"),
        *[
            (text, text)
            for text in (
                *("String", "Date", "DateTime('Europe/Berlin')", "DateTime64(3, 'UTC')"),
                *("Enum8('DateTime' = 1, 'it\\'s DateTime' = 2)", "Tuple(myDateTime String)"),
            )
        ],
    ],
)
def test_utc_is_named_where_no_zone_is_and_nowhere_else(text: str, stored: str) -> None:
    assert stored_type(text) == stored
    assert stored_type(stored) == stored


def test_names_of_utc() -> None:
    assert all(map(is_utc, ("UTC", "Etc/UTC", "GMT", "Zulu")))
    assert not any(map(is_utc, ("Europe/London", "Africa/Abidjan", "", "utc+1")))
