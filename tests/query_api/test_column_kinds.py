"""What the columns of one name hold in all of a project's data sources."""

from __future__ import annotations

import pytest

from query_api.column_kinds import column_kinds
from schemas.column_type import parse_column_type
from schemas.model import Column, DataSource


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["Date"], "date"),
        (["LowCardinality(Nullable(Date32))"], "date"),
        (["DateTime"], "second"),
        (["Nullable(DateTime64(3))"], "fraction"),
        (["DateTime('UTC')"], "zoned"),
        (["DateTime64(3, 'Europe/Berlin')"], "zoned"),
        (["String"], "text"),
        (["Array(DateTime)"], "text"),
        (["Date", "DateTime64(3)"], "second"),
        (["DateTime64(3)", "DateTime"], "second"),
        (["DateTime", "DateTime('UTC')"], "zoned"),
        (["Date", "LowCardinality(String)"], "text"),
    ],
)
def test_a_name_has_the_most_general_kind_of_its_columns(types, kind):
    data_sources = [DataSource(f"t{n}", (Column("c", parse_column_type(each)),)) for n, each in enumerate(types)]
    assert column_kinds(data_sources) == {"c": kind}
    assert column_kinds(reversed(data_sources)) == {"c": kind}


def test_a_column_without_a_type_may_hold_anything():
    assert column_kinds([DataSource("t", (Column("a.b", None),))]) == {"b": "text"}
