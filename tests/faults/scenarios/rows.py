"""Messages that fit no schema, of every kind and anywhere in a batch."""

from __future__ import annotations

from functools import partial

from tests.faults.house import FaultHouse
from tests.faults.registry import fault


def poison(share: float, house: FaultHouse) -> None:
    house.load.poison = share
    house.load.start()
    worker = house.worker()
    house.until(lambda: house.committed() > 0, "the first events are committed")
    house.pause(1, 2)
    house.kill(worker)
    house.worker()
    good = f"SELECT count() FROM {{db}}.`{house.name}`"
    house.demand(lambda: house.sql(good)[0][0] == house.load.good, "the good ones, and no others, are in the table")
    house.judge()


for _share in (0.01, 0.5, 1.0):
    fault(f"poison, {_share:.0%} of the events")(partial(poison, _share))
