"""Rows that are made inside ClickHouse: how many, of whom, and with the provenance that they shall have."""

from __future__ import annotations

from bench.load.data import EVENT_TYPES
from bench.load.stored_rows import Provenance, StoredRows


def test_every_user_has_as_many_rows_at_any_size() -> None:
    rows = StoredRows(rows=1_000, rows_each=50, seed=7, first_user=100)
    assert rows.users == 20
    sql = rows.insert("my db", "events")
    assert "INSERT INTO `my db`.`events` (event_id, " in sql
    assert "FROM numbers(1000)" in sql
    assert "100 + number % 20 AS user" in sql
    assert "__in_topic" not in sql


def test_event_types_have_their_share() -> None:
    sql = StoredRows(10, 1, 0).insert("db")
    assert f"h % 1000 < {EVENT_TYPES['page_view']}, 'page_view'" in sql
    assert sum(EVENT_TYPES.values()) == 1_000


def test_provenance_spreads_offsets_over_partitions() -> None:
    sql = StoredRows(10, 1, 0).insert("db", provenance=Provenance("top'ic", "id", 6))
    assert "properties, __in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp)" in sql
    assert "'top\\'ic', 'id', number % 6, number DIV 6, toDateTime64(timestamp, 3)" in sql
