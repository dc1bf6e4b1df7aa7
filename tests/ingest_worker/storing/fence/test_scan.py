"""What is read back of the tables, and which tables can be read back at all."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ingest_worker.storing.fence.recovery import Fenced, Quiet
from ingest_worker.storing.fence.scan import OffsetTables, offset_tables_of, scan
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import ResumePoint
from schemas.model import Engine
from tests.ingest_worker.fakes import FakeClient
from tests.ingest_worker.house import data_source

FED = FeedPartition("events", "topic", 0)


@pytest.mark.parametrize(
    ("engine", "tables"),
    [
        (Engine("MergeTree", sorting_key="id"), OffsetTables(("events", "events_quarantine"))),
        (
            Engine("MergeTree", sorting_key="id", ttl="now()"),
            OffsetTables(("events_quarantine",), keeps_every_row=False),
        ),
        (
            Engine("SummingMergeTree", sorting_key="id"),
            OffsetTables(("events_quarantine",), keeps_every_row=False, keeps_partitions=False),
        ),
    ],
    ids=["every row is kept", "rows end", "rows are summed, with their partition"],
)
def test_which_tables_remember_offsets(engine: Engine, tables: OffsetTables) -> None:
    assert offset_tables_of(data_source("events", "topic", "group", engine)) == tables


def found(client: FakeClient) -> dict[FeedPartition, OffsetRanges]:
    tables = {"events": OffsetTables(("events",))}
    return scan(cast("Any", client), "db", tables, {"topic": "id"}, Quiet(Fenced(7)), {FED: ResumePoint(3)})


def test_a_stretch_that_is_whole_is_one_range() -> None:
    client = FakeClient([(0, 0, 3, 9, 7)])
    assert found(client) == {FED: OffsetRanges([3], [9])}
    assert len(client.queries) == 1


def test_a_stretch_with_holes_is_asked_for_offset_by_offset() -> None:
    assert found(FakeClient([(0, 0, 3, 9, 5)], [(3, 5), (8, 9)])) == {FED: OffsetRanges([3, 8], [5, 9])}


def test_ranges_of_neighbouring_stretches_become_one() -> None:
    assert found(FakeClient([(0, 0, 3, 65_535, 65_533), (0, 1, 65_536, 65_540, 5)])) == {
        FED: OffsetRanges([3], [65_540])
    }


def test_nothing_stored_is_nothing_found() -> None:
    assert found(FakeClient([])) == {}
