"""A worker whose ClickHouse is away, slow, or not what it should be: it waits, says so, and loses no event."""

from __future__ import annotations

from functools import partial

import pytest

from ingest_worker.observing.inserts import DataSourceRecovered, DataSourceStalled, InsertFailed
from ingest_worker.observing.partitions import PartitionFenced, PartitionsLost, PartitionsRevoked
from ingest_worker.storing.fence.ownership import Claim, new_owner, take_ownership
from schemas.own_names import FENCE_TABLE
from tests.ingest_worker.house import House, Line, data_source, until
from tests.integration.ingest.conftest import Build


def rollup(house: House, view: str, source: str, also: str = "0") -> None:
    """A view that counts a data source's rows into `of_<view>`, and asks for `also` of each."""
    target = f"`{house.database}`.of_{view}"
    house.client.command(
        f"CREATE TABLE IF NOT EXISTS {target} (n UInt64) ENGINE = SummingMergeTree ORDER BY tuple()"
        " SETTINGS non_replicated_deduplication_window = 10000"
    )
    house.client.command(
        f"CREATE MATERIALIZED VIEW `{house.database}`.{view} TO {target}"
        f" AS SELECT 1 + {also} AS n FROM `{house.database}`.{source}"
    )


def test_clickhouse_away_for_a_while_loses_nothing_and_moves_no_partition(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    line = Line(house.server.url)
    worker = house.worker(url=line.url)
    until(worker.is_ready)
    house.produce(unique_name, range(1000))
    until(lambda: house.count("events") >= 1000)
    line.cut()
    house.produce(unique_name, range(1000, 2000))
    until(lambda: len([entry for entry in house.seen if isinstance(entry, InsertFailed)]) >= 6)
    assert house.count("events") == 1000
    line.mend()
    until(lambda: house.count("events") >= 2000)
    assert house.stop(worker)
    line.close()
    assert house.ids("events") == list(range(2000))
    assert not [entry for entry in house.seen if isinstance(entry, PartitionsLost)]
    assert len([entry for entry in house.seen if isinstance(entry, PartitionsRevoked)]) == 1  # by the stop


def test_waits_for_a_clickhouse_that_is_not_there_yet(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    line = Line(house.server.url)
    line.cut()
    worker = house.worker(url=line.url)
    until(lambda: bool(worker.status().partitions))
    house.produce(unique_name, range(10))
    assert any("claiming" in reason for reason in worker.not_ready_because())
    line.mend()
    until(lambda: house.count("events") >= 10)
    assert worker.is_ready()
    assert house.stop(worker)
    line.close()


def test_inserts_slower_than_a_batch_grows_delay_and_double_nothing(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    # A view of 1.5 s an insert, with batches that are due after 0.05 s.
    house.client.command(
        f"CREATE MATERIALIZED VIEW `{house.database}`.slow ENGINE = Null AS"
        f" SELECT sleep(1.5) AS slept FROM `{house.database}`.events"
    )
    worker = house.worker(batch_seconds=0.05, inserters=2)
    until(worker.is_ready)
    for start in range(0, 400, 100):
        house.produce(unique_name, range(start, start + 100), partitions=2)
    until(lambda: house.count("events") >= 400)
    assert house.stop(worker)
    assert house.ids("events") == list(range(400))


def test_a_view_that_throws_stalls_its_data_source_alone_until_it_is_mended(build: Build, unique_name: str) -> None:
    other = f"{unique_name}_other"
    house = build(data_source("stuck", unique_name, unique_name), data_source("free", other, unique_name))
    rollup(house, "counted", "stuck")
    rollup(house, "broken", "stuck", "throwIf(id = '7', 'seven')")
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(100), partitions=1)
    house.produce(other, range(100))
    until(lambda: house.count("free") >= 100)
    until(lambda: any(isinstance(entry, DataSourceStalled) for entry in house.seen))
    told = "view `broken` fails: seven (at `id`)"
    assert f"data source `stuck` is stalled: {told}" in worker.not_ready_because()
    (stuck,) = (source for source in worker.status().data_sources if source.data_source == "stuck")
    assert (stuck.broken_view, stuck.last_error) == ("broken", told)
    assert house.committed(unique_name, unique_name) == 0
    house.client.command(f"DROP VIEW `{house.database}`.broken SYNC")
    rollup(house, "broken", "stuck")
    until(worker.is_ready)
    assert any(isinstance(entry, DataSourceRecovered) for entry in house.seen)
    assert house.stop(worker)
    assert house.ids("stuck") == list(range(100))
    assert [house.sum(f"of_{view}") for view in ("counted", "broken")] == [100, 100]


def test_a_view_that_throws_at_one_partition_stays_an_alarm_while_others_go_on(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    rollup(house, "counted", "events")
    rollup(house, "broken", "events", "throwIf(id = '0', 'zero')")
    worker = house.worker(inserters=2, batch_seconds=0.05)
    until(worker.is_ready)
    house.produce(unique_name, range(0, 60, 6))
    until(lambda: any(isinstance(entry, DataSourceStalled) for entry in house.seen))
    for start in range(60, 360, 60):
        house.produce(unique_name, (number for number in range(start, start + 60) if number % 6))
        wanted = 10 + start // 60 * 50
        until(partial(lambda rows: len(set(house.ids("events"))) >= rows, wanted))
        assert not worker.is_ready()
    assert len([entry for entry in house.seen if isinstance(entry, DataSourceStalled)]) == 1
    house.client.command(f"DROP VIEW `{house.database}`.broken SYNC")
    until(worker.is_ready)
    until(lambda: house.committed(unique_name, unique_name) == 260)
    assert house.stop(worker)
    assert (len(house.ids("events")), house.sum("of_counted")) == (260, 260)


def test_partitions_that_somebody_claims_late_are_left_alone_then_taken_back(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(60))
    until(lambda: house.committed(unique_name, unique_name) == 60)
    owned = f"SELECT key FROM `{house.database}`.{FENCE_TABLE} WHERE key LIKE 'events/%'"
    keys = tuple(key for (key,) in house.client.query(owned).result_rows)
    take_ownership(house.client, house.database, Claim(keys, new_owner(unique_name)))
    house.produce(unique_name, range(60, 120))
    until(lambda: len([entry for entry in house.seen if isinstance(entry, PartitionFenced)]) == 6)
    until(lambda: all(entry.owner_state == "fenced" for entry in worker.status().partitions))
    assert not worker.is_ready()
    assert house.count("events") == 60
    assert house.committed(unique_name, unique_name) == 60
    until(lambda: house.committed(unique_name, unique_name) == 120)
    assert worker.is_ready()
    assert house.stop(worker)
    assert house.ids("events") == list(range(120))


@pytest.mark.parametrize("missing", ["events_parse", "events_store"])
def test_a_missing_mapping_view_swallows_nothing(build: Build, unique_name: str, missing: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    for name in ("hourly", "daily", "monthly"):
        rollup(house, name, "events")
    worker = house.worker()
    until(worker.is_ready)
    view = f"`{house.database}`.{missing}"
    create = house.client.query(f"SHOW CREATE TABLE {view}").result_rows[0][0]
    house.client.command(f"DROP VIEW {view}")
    house.produce(unique_name, range(50), partitions=1)
    until(lambda: any(isinstance(entry, InsertFailed) for entry in house.seen))
    house.client.command(create)
    until(lambda: house.count("events") >= 50)
    assert house.stop(worker)
    assert house.ids("events") == list(range(50))
    assert [house.sum(f"of_{name}") for name in ("hourly", "daily", "monthly")] == [50, 50, 50]


def test_a_schema_that_is_deployed_late_is_all_that_a_worker_waits_for(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name), deployed=False)
    worker = house.worker()
    until(lambda: bool(worker.status().partitions))
    house.produce(unique_name, range(20))
    assert not worker.is_ready()
    house.deploy()
    until(lambda: house.count("events") >= 20)
    assert house.stop(worker)
