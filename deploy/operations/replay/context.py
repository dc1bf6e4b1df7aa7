"""What every step of a replay needs: the data source, ClickHouse, the size of a batch, and who follows its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from deploy.operations.replay.deliver import Progress
from ingest_worker.storing.batch import Limits
from ingest_worker.storing.fence.scan import offset_tables_of
from schemas.feed import Feed, feed_of
from schemas.model import DataSource
from schemas.own_names import landing_table, quarantine_table
from schemas.tables.ddl.mapping import mapping_ddl
from schemas.tables.source_shape import shape_of


@dataclass(frozen=True, slots=True)
class ReplayContext:
    """One data source that a topic feeds. `client` is for everything but inserts, for which `connect` makes others."""

    data_source: DataSource
    database: str
    client: Client
    connect: Callable[[], Client]
    limits: Limits
    insert_seconds: float
    progress: Progress

    @property
    def name(self) -> str:
        return self.data_source.name

    @property
    def feed(self) -> Feed:
        feed = feed_of(self.data_source)
        assert feed is not None
        return feed

    @property
    def tables(self) -> tuple[str, str]:
        return self.name, quarantine_table(self.name)

    @property
    def mapping(self) -> str:
        """The fingerprint of the mapping, which is deployed: that was looked at first."""
        mapping = mapping_ddl(shape_of(self.data_source), self.database)
        assert mapping is not None
        return mapping.fingerprint

    def deployed_mapping(self) -> str:
        """The fingerprint of the mapping that ClickHouse has now; empty while it is being replaced."""
        rows = self.client.query(
            "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            parameters={"database": self.database, "name": landing_table(self.name)},
        ).result_rows
        return str(rows[0][0]) if rows else ""

    @property
    def keeps_offsets(self) -> bool:
        """Whether the table can be read back, so that a missing offset was never stored."""
        return offset_tables_of(self.data_source).keeps_every_row

    def blocks(self) -> int:
        """How many blocks the table has taken so far, about."""
        rows = self.client.query(
            "SELECT max(max_block_number) FROM system.parts"
            " WHERE database = {database:String} AND table = {name:String}",
            parameters={"database": self.database, "name": self.name},
        ).result_rows
        return int(rows[0][0] or 0)
