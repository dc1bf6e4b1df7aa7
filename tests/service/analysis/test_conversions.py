"""What a conversion between a view's column and its target's may cost."""

from __future__ import annotations

import pytest

from service.analysis.conversions import Loss, loss_of


@pytest.mark.parametrize(
    ("source", "target", "loss"),
    [
        ("UInt8", "UInt64", Loss.NONE),
        ("UInt32", "Int64", Loss.NONE),
        ("UInt64", "Int64", Loss.RANGE),
        ("Int8", "UInt64", Loss.RANGE),
        ("Int64", "Int32", Loss.RANGE),
        ("Int64", "Float64", Loss.NONE),
        ("Bool", "UInt8", Loss.NONE),
        ("Float32", "Float64", Loss.NONE),
        ("Float64", "Float32", Loss.FRACTION),
        ("Float64", "Int64", Loss.FRACTION),
        ("String", "LowCardinality(String)", Loss.NONE),
        ("LowCardinality(Nullable(String))", "Nullable(String)", Loss.NONE),
        ("String", "Nullable(String)", Loss.NONE),
        ("Nullable(String)", "String", Loss.NULLS),
        ("Nullable(UInt8)", "UInt8", Loss.NULLS),
        ("UUID", "String", Loss.NONE),
        ("String", "UInt32", Loss.TEXT),
        ("String", "Date", Loss.TEXT),
        ("DateTime", "Date", Loss.TIME),
        ("DateTime64(3, 'UTC')", "DateTime('UTC')", Loss.FRACTION),
        ("DateTime64(3)", "DateTime64(6)", Loss.NONE),
        ("Date", "DateTime", Loss.NONE),
        ("Float64", "SimpleAggregateFunction(max, Float64)", Loss.NONE),
        ("UInt64", "SimpleAggregateFunction(sum, UInt32)", Loss.RANGE),
        ("SimpleAggregateFunction(anyLast, Nullable(String))", "Nullable(String)", Loss.NONE),
        ("Array(UInt64)", "Array(UInt8)", Loss.NONE),
        ("UInt8", "Enum8('a' = 1)", Loss.OTHER),
    ],
)
def test_losses(source: str, target: str, loss: Loss) -> None:
    assert loss_of(source, target) is loss
