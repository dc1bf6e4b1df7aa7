"""The names that are Birdhouse's own: each declared once, none like another."""

from __future__ import annotations

import pytest

from schemas.own_names import (
    DATABASE_TABLES,
    INTERNAL_NAME,
    METADATA,
    PROVENANCE,
    incoming,
    landing_table,
    passage_tables,
    quarantine_table,
    quarantined_by,
    tables_beside,
    views,
)


def test_what_belongs_to_a_data_source_bears_its_name_and_none_a_name_twice() -> None:
    names = tables_beside("events")
    assert len(names) == len(set(names)) == 1 + 5 + 8
    assert all(name.startswith("events_") for name in names)
    assert not set(names) & set(DATABASE_TABLES)
    assert {quarantine_table("events"), landing_table("events")} < set(names)


def test_tables_and_views_are_called_by_what_they_hold_and_do() -> None:
    assert passage_tables("e").landing == "e_landing"
    assert passage_tables("e").doubtful == "e_doubtful"
    assert views("e").parse == "e_parse"
    assert views("e").explain_again == "e_explain_again"


@pytest.mark.parametrize(
    ("table", "data_source"), [("a_quarantine", "a"), ("a_landing", ""), ("a", ""), ("_quarantine", "")]
)
def test_a_quarantine_is_known_by_its_name(table: str, data_source: str) -> None:
    assert quarantined_by(table) == data_source


def test_the_value_of_each_hidden_column_comes_in_by_one_of_its_own() -> None:
    assert [incoming(name) for name in PROVENANCE] == [
        *("__in_topic", "__in_topic_id", "__in_partition", "__in_offset", "__in_timestamp")
    ]


@pytest.mark.parametrize(
    ("name", "is_internal"),
    [
        *((name, False) for name in sorted(METADATA)),
        *((name, True) for name in ("__topic_id", *map(incoming, PROVENANCE))),
        *((name, True) for name in ("__is_right", "__may_be_stored", "__sent", "__framed", "__reasons")),
        *((name, True) for name in ("__parsed_a", "__state_", "__leaf_0", "__parts_a.b", "__extracted_1")),
        *((name, False) for name in ("__is_right_", "parsed_a", "__in_key", "__fence", "id")),
    ],
)
def test_a_schema_cannot_declare_what_the_views_use_for_themselves(name: str, is_internal: bool) -> None:
    assert (INTERNAL_NAME.fullmatch(name) is not None) is is_internal
