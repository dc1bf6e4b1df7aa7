"""A materialized view on the table throws for some seconds while its worker dies: the rollup counts each event once."""

from __future__ import annotations

import random
import time

from tests.faults.house import FaultHouse


def test_view_that_throws(house: FaultHouse, chance: random.Random) -> None:
    table = f"`{house.name}`.`{house.name}`"
    for statement in (
        f"CREATE TABLE `{house.name}`.is_broken (at UInt8) ENGINE = MergeTree ORDER BY at",
        f"CREATE TABLE `{house.name}`.rollup (part Int32, events UInt64) ENGINE = SummingMergeTree ORDER BY part"
        " SETTINGS non_replicated_deduplication_window = 1000",
        f"CREATE MATERIALIZED VIEW `{house.name}`.rolling TO `{house.name}`.rollup AS SELECT part, count() AS events"
        f" FROM {table} WHERE throwIf((SELECT count() FROM `{house.name}`.is_broken) > 0) = 0 GROUP BY part",
    ):
        house.client.command(statement)
    (worker,) = house.start()
    house.client.command(f"INSERT INTO `{house.name}`.is_broken VALUES (1)")
    time.sleep(chance.uniform(1, 3))
    house.kill(worker)
    house.worker()
    time.sleep(chance.uniform(1, 3))
    house.client.command(f"TRUNCATE TABLE `{house.name}`.is_broken")
    house.judge()
    (counted,) = house.client.query(f"SELECT sum(events) FROM `{house.name}`.rollup").result_rows[0]
    assert counted == house.produced
