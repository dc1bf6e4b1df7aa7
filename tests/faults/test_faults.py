"""The faults, each with its load going on; afterwards every produced id must be stored once."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.faults.house import SESSION_SECONDS, FaultHouse
from tests.ingest_worker.house import Line


def test_worker_killed_beside_another(house: FaultHouse, chance: random.Random) -> None:
    first, _ = house.start(workers=2)
    time.sleep(chance.uniform(0, 3))
    house.kill(first)
    house.judge()


def test_only_worker_killed_and_started_again(house: FaultHouse, chance: random.Random) -> None:
    (worker,) = house.start()
    for _ in range(3):
        time.sleep(chance.uniform(0, 3))
        house.kill(worker)
        worker = house.worker()
    house.judge()


def test_owner_frozen_past_its_session(house: FaultHouse, chance: random.Random) -> None:
    first, _ = house.start(workers=2)
    time.sleep(chance.uniform(0, 2))
    first.send_signal(signal.SIGSTOP)
    time.sleep(SESSION_SECONDS + chance.uniform(0, 3))
    first.send_signal(signal.SIGCONT)
    house.judge()


def test_clickhouse_killed_during_inserts_over_several_table_partitions(
    house: FaultHouse, chance: random.Random
) -> None:
    house.start()
    time.sleep(chance.uniform(0, 3))
    house.engine.kill()
    assert house.engine.start()
    house.judge()


def test_clickhouse_unreachable(house: FaultHouse, chance: random.Random) -> None:
    line = Line(house.url)
    house.start(url=line.url)
    time.sleep(chance.uniform(0, 2))
    line.cut()
    time.sleep(10)
    line.mend()
    house.judge()


def test_broker_killed(house: FaultHouse, chance: random.Random) -> None:
    house.start()
    time.sleep(chance.uniform(0, 3))
    house.broker.kill()
    assert house.broker.start()
    house.judge()


def test_workers_joining_and_leaving(house: FaultHouse, chance: random.Random) -> None:
    house.start(workers=2)
    for _ in range(6):
        house.kill(chance.choice(house.workers), signal.SIGTERM)
        house.worker()
        time.sleep(chance.uniform(0, 2))
    house.judge()


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_poison(house: FaultHouse, chance: random.Random, share: float) -> None:
    house.poison = share
    house.start()
    time.sleep(chance.uniform(2, 4))
    house.judge()
