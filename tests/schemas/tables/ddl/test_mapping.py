"""The statements of a mapping: their order, what they guard, and the name of their content."""

from __future__ import annotations

from dataclasses import replace

from schemas.own_names import FENCE_TABLE, passage_tables, views
from schemas.tables.ddl.mapping import mapping_ddl
from schemas.tables.source_shape import shape_of
from tests.schemas.tables.examples import EVENTS, mapping_of


def test_a_mapping_closes_the_door_first_and_opens_it_last_but_for_the_mark_that_all_is_done() -> None:
    statements = mapping_of(EVENTS).statements
    assert statements[0] == f"INSERT INTO `db`.`{FENCE_TABLE}` VALUES ('events', 1)"
    assert statements[-2] == f"INSERT INTO `db`.`{FENCE_TABLE}` VALUES ('events', 0)"
    assert "MODIFY COMMENT" in statements[-1]


def test_every_part_is_dropped_and_made_and_the_first_view_comes_last() -> None:
    replacing = mapping_of(EVENTS).replacing
    parts = {*passage_tables("events"), *views("events")}
    words = [(statement.split()[0], statement.split("`")[3]) for statement in replacing]
    assert {name for word, name in words if word == "DROP"} == parts
    assert {name for word, name in words if word == "CREATE"} == parts
    assert words[0][0] == "DROP"
    assert words[-1] == ("CREATE", "events_parse")
    assert [word for word, _ in words] == sorted((word for word, _ in words), reverse=True)


def test_what_is_stored_is_refused_where_a_column_is_missing_that_it_would_fill() -> None:
    (store,) = (text for text in mapping_of(EVENTS).replacing if "VIEW IF NOT EXISTS `db`.`events_store` " in text)
    for column in ("id", "size", "__offset", "__topic_id"):
        assert f"NOT hasColumnInTable('db', 'events', '{column}')" in store
    assert "__in_offset')" not in store


def test_the_landing_table_looks_at_the_door_and_at_the_owner_of_each_row() -> None:
    (landing,) = (text for text in mapping_of(EVENTS).replacing if "EXISTS `db`.`events_landing` (" in text)
    assert "CONSTRAINT `mapping_is_being_replaced` CHECK joinGet('db.ingest_fence', 'owner', 'events') = 0" in landing
    assert "CHECK `__owner` = joinGet('db.ingest_fence', 'owner', CAST(`__fence`, 'String'))" in landing
    assert landing.endswith("ENGINE = Null")


def test_each_view_but_the_first_is_looked_for_by_the_one_before_it() -> None:
    made = [text for text in mapping_of(EVENTS).replacing if text.startswith("CREATE MATERIALIZED VIEW")]
    for view in views("events"):
        looking = [text for text in made if f"hasColumnInTable('db', '{view}', '')" in text]
        assert len(looking) == (view != "events_parse")


def test_the_fingerprint_names_the_content() -> None:
    mapping = mapping_of(EVENTS)
    assert mapping.fingerprint in mapping.naming
    assert mapping.fingerprint == mapping_of(replace(EVENTS, description="another")).fingerprint
    narrower = replace(EVENTS, columns=EVENTS.columns[:1])
    assert mapping.fingerprint != mapping_of(narrower).fingerprint


def test_without_events_there_is_no_mapping() -> None:
    plain = replace(EVENTS, columns=tuple(replace(column, json_path=None) for column in EVENTS.columns))
    assert mapping_ddl(shape_of(plain), "db") is None
