"""What can happen to ClickHouse and the broker themselves: killed, full, half of an insert refused, a view broken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault


@fault("ClickHouse killed during inserts and merges")
def clickhouse_killed(house: FaultHouse) -> None:
    house.start()
    for _ in range(2):
        with contextlib.suppress(Exception):
            house.client.command(
                f"OPTIMIZE TABLE `{house.name}`.`{house.name}`", settings={"alter_sync": 0, "max_execution_time": 1}
            )
        house.pause(0, 1)
        house.engine.kill()
        assert house.engine.start()
        house.cause_is_over()
        house.pause(0, 1)
    house.judge()


@fault("broker killed")
def broker_killed(house: FaultHouse) -> None:
    house.start()
    house.pause(0, 2)
    house.broker.kill()
    assert house.broker.start()
    house.judge()


LONG_SESSION_SECONDS = 45


@fault(
    "broker away longer than the session time-out",
    Setup(settings={"KAFKA_SESSION_TIMEOUT_MS": "6000", "KAFKA_HEARTBEAT_INTERVAL_MS": "2000"}),
)
def broker_away(house: FaultHouse) -> None:
    """The worker's member is forgotten by the client and remembered by the broker, which waits for it as long again."""
    house.start()
    house.pause(0, 1)
    house.broker.kill()
    session = LONG_SESSION_SECONDS if "short session" in house.without else 6
    house.pause(session + 2, session + 6)
    stored = f"SELECT count() FROM {{db}}.`{house.name}`"
    before = house.sql(stored)[0][0]
    assert house.broker.start()
    house.until(lambda: house.committed() >= 0, "the group's coordinator has read what it knew")
    house.cause_is_over()
    if not house.without:
        house.until(lambda: house.sql(stored)[0][0] > before, "events are read again within ten seconds", seconds=10)
    house.judge()


@fault("insert over several table partitions fails half-way")
def half_way(house: FaultHouse) -> None:
    """An index that cannot be computed for one table partition: those before it are stored, it and those after are
    not. The worker dies meanwhile, so that its successor must complete what was half stored."""
    (worker,) = house.start()
    house.pause(0, 1)
    table = f"{{db}}.`{house.name}`"
    house.sql(f"ALTER TABLE {table} ADD INDEX broken (throwIf(part = {house.chance.randrange(7)})) TYPE minmax")
    house.until(lambda: house.said('"code": 395'), "an insert fails half-way")
    house.pause(0, 1)
    house.kill(worker)
    house.worker()
    house.pause(1, 3)
    house.sql(f"ALTER TABLE {table} DROP INDEX broken")
    house.judge()


@fault("a materialized view throws, and the worker dies")
def view_that_throws(house: FaultHouse) -> None:
    house.sql("CREATE TABLE {db}.is_broken (at UInt8) ENGINE = MergeTree ORDER BY at")
    house.sql("DROP VIEW {db}.rolling")
    house.sql(
        "CREATE MATERIALIZED VIEW {db}.rolling TO {db}.rollup AS SELECT part, count() AS events FROM"
        f" {{db}}.`{house.name}` WHERE throwIf((SELECT count() FROM {{db}}.is_broken) > 0) = 0 GROUP BY part"
    )
    (worker,) = house.start()
    house.sql("INSERT INTO {db}.is_broken VALUES (1)")
    house.until(lambda: house.said('"code": 395'), "the view throws")
    house.pause(0, 1)
    house.kill(worker)
    house.worker()
    house.pause(1, 3)
    house.sql("TRUNCATE TABLE {db}.is_broken")
    house.judge()


@fault("disk full", Setup(has_small_disk=True))
def disk_full(house: FaultHouse) -> None:
    """ClickHouse's disk is full for some seconds. Where nothing can be mounted, ClickHouse is told that it wants more
    room than there is, and refuses inserts with the same error (243)."""
    house.start()
    house.pause(0, 1)
    with full_disk(house.engine.folder) if house.engine.folder.is_mount() else wanting_room(house):
        house.pause(4, 7)
    damaged = mend_damaged_parts(house)
    house.demand(lambda: house.said('"code": 243'), "the disk was full")
    house.judge(refills_rollup="rollup" in damaged)


def mend_damaged_parts(house: FaultHouse) -> list[str]:
    """What docs/operations.md tells an operator to do after a full disk, and the tables that needed it: merges that
    ended on it may have left parts with empty files, while the parts that they were made of are still there."""
    damaged = []
    tables = f"SELECT name FROM system.tables WHERE database = '{house.name}' AND engine LIKE '%MergeTree'"
    for (table,) in house.sql(tables):
        check = f"CHECK TABLE `{house.name}`.`{table}` SETTINGS check_query_single_value_result = 1"
        if not house.client.query(check).result_rows[0][0]:
            print(f"{table} is damaged")
            damaged.append(table)
            house.sql(f"DETACH TABLE {{db}}.`{table}` SYNC")
            house.sql(f"ATTACH TABLE {{db}}.`{table}`")
    return damaged


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"\0" * 65536):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def wanting_room(house: FaultHouse) -> Iterator[None]:
    table = f"{{db}}.`{house.name}`"
    house.sql(f"ALTER TABLE {table} MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000")
    yield
    house.sql(f"ALTER TABLE {table} RESET SETTING min_free_disk_bytes_to_perform_insert")
