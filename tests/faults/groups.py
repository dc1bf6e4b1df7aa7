"""What can happen to the group: workers that join and leave all the time, and all at once."""

from __future__ import annotations

import signal
from functools import partial

from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault


def joining_and_leaving(house: FaultHouse) -> None:
    house.start(workers=2)
    for _ in range(4):
        leaving = house.chance.choice(house.workers)
        house.worker()
        house.pause(0, 1)
        house.kill(leaving, signal.SIGTERM)
        house.pause(0, 1)
    house.judge()


for _protocol in ("classic", "consumer"):
    fault(f"workers joining and leaving, protocol {_protocol}", Setup(protocol=_protocol))(joining_and_leaving)


def storm(endings: tuple[signal.Signals, ...], house: FaultHouse) -> None:
    house.start(workers=3)
    for _ in range(4):
        for worker in house.chance.sample(house.workers, 2):
            house.kill(worker, house.chance.choice(endings))
            house.worker()
        house.pause(0, 1)
    house.judge()


fault("rebalance storm")(partial(storm, (signal.SIGTERM, signal.SIGKILL)))
