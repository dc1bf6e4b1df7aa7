"""Every name in a database that is Birdhouse's own, so that no data source, pipe, column or index takes one."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.mapping.landing import FENCE_TABLE, passage_tables, quarantine_table, views

LOCK_TABLE = "deploy_lock"
"""There while a deployment runs: only one process can create it."""

RECORD_TABLE = "replay_record"
"""What each `birdhouse replay` has stored."""

DATABASE_TABLES: Mapping[str, str] = {
    FENCE_TABLE: "the table of partition owners",
    LOCK_TABLE: "the lock of deployments",
    RECORD_TABLE: "the record of replays",
}
"""What a database has once, and what it is."""

OFFSET_INDEX_NAME = "__offset_range"
"""The index of a table that takes events over its offsets."""

SERVICE_PREFIXES = ("tinybird.", "organization.", "system.", "information_schema.")
"""Under these (in any case) a query finds service data sources and ClickHouse's own tables."""


def tables_beside(data_source: str) -> tuple[str, ...]:
    """The tables and views that belong to a data source that takes events, besides the one of its name."""
    return (quarantine_table(data_source), *passage_tables(data_source), *views(data_source))
