"""What can happen to the group: workers that join and leave all the time, and all at once."""

from __future__ import annotations

import signal
import threading
from functools import partial

from tests.faults.door import Exchange
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


@fault("claim held back until another worker owns")
def claim_held_back(house: FaultHouse) -> None:
    """A worker claims all partitions, loses some of them to another one, and only then is its claim written: over that
    of the one that owns them by now."""
    is_held, is_let_go = threading.Event(), threading.Event()

    def rule(exchange: Exchange) -> None:
        if exchange.is_claim and not is_held.is_set():
            is_held.set()
            is_let_go.wait(60)
        exchange.forward()

    house.door.rule = rule
    house.load.start()
    house.worker(through_door=True)
    house.until(is_held.is_set, "a claim is held back")
    house.worker()
    house.until(lambda: house.said('"took ownership"'), "another worker owns partitions")
    house.pause(0, 1)
    is_let_go.set()
    house.judge()


def storm(endings: tuple[signal.Signals, ...], house: FaultHouse) -> None:
    house.start(workers=3)
    for _ in range(4):
        for worker in house.chance.sample(house.workers, 2):
            house.kill(worker, house.chance.choice(endings))
            house.worker()
        house.pause(0, 1)
    house.judge()


fault("rebalance storm")(partial(storm, (signal.SIGTERM, signal.SIGKILL)))
