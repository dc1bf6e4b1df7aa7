"""Workers that end by `kill -9`, at random and at each step, and one that is frozen past its session."""

from __future__ import annotations

import signal
import time
from functools import partial

from tests.faults.door import Exchange, only_inserts
from tests.faults.house import SESSION_SECONDS, FaultHouse
from tests.faults.registry import fault


@fault("worker killed beside another")
def beside_another(house: FaultHouse) -> None:
    first, _ = house.start(workers=2)
    house.pause(0, 2)
    house.kill(first)
    house.judge()


@fault("only worker killed, three times")
def only_worker(house: FaultHouse) -> None:
    (worker,) = house.start()
    for _ in range(3):
        house.pause(0, 1)
        house.kill(worker)
        worker = house.worker()
    house.judge()


def at_step(step: str, house: FaultHouse) -> None:
    """The worker dies some calls after it began to insert, and another comes."""
    house.load.start()
    dying = house.worker(die_at=step, count=house.chance.randint(2, 12))
    house.await_end(dying)
    house.worker()
    house.judge()


def in_takeover(step: str, house: FaultHouse) -> None:
    """A worker dies at random, so that there is something to take over; its successor dies while it does so."""
    (first,) = house.start()
    house.pause(0, 1)
    house.kill(first)
    house.await_end(house.worker(die_at=step))
    house.worker()
    house.judge()


def on_the_line(share: float, house: FaultHouse) -> None:
    """The worker dies when that share of an insert's body has gone to ClickHouse."""
    (dying,) = house.start(through_door=True)

    def rule(exchange: Exchange) -> None:
        exchange.send(share)
        dying.kill()
        if share == 1.0:
            exchange.answer()

    house.pause(0, 1)
    house.door.rule = only_inserts(rule)
    house.await_end(dying)
    house.worker()
    house.judge()


for _step in ("before send", "before commit", "mid commit"):
    fault(f"killed {_step}")(partial(at_step, _step))
for _step in ("mid fence", "mid await", "mid scan"):
    fault(f"killed {_step}")(partial(in_takeover, _step))
for _step, _share in (("mid body", 0.5), ("after the body", 1.0)):
    fault(f"killed {_step}")(partial(on_the_line, _share))


@fault("killed while revoking")
def while_revoking(house: FaultHouse) -> None:
    house.load.start()
    dying = house.worker(die_at="while revoking")
    house.until(house.has_rows, "the first events are stored")
    house.pause(0, 1)
    house.worker()
    house.await_end(dying)
    house.judge()


@fault("failures that nobody expected, in every thread")
def unexpected(house: FaultHouse) -> None:
    """Inserts, takeovers, commits, questions for topics, and what only watches all fail now and then, by an exception
    that nobody thought of. The worker is still there at the end, and has stored everything once."""
    house.load.start()
    worker = house.worker(die_at="unexpected failures")
    house.until(house.has_rows, "the first events are stored")
    house.pause(4, 6)
    house.demand(lambda: worker.poll() is None, "the worker is alive")
    for said in ("unexpected failure", "an observer failed"):
        house.demand(partial(house.said, said), f"`{said}` is logged")
    house.judge()


@fault("owner frozen past its session")
def frozen(house: FaultHouse) -> None:
    first, _ = house.start(workers=2)
    house.pause(0, 1)
    first.send_signal(signal.SIGSTOP)
    time.sleep(SESSION_SECONDS)
    house.pause(0, 3)
    first.send_signal(signal.SIGCONT)
    house.judge()


@fault("only owner frozen until another has taken over")
def thawed_late(house: FaultHouse) -> None:
    (first,) = house.start()
    house.pause(0, 1)
    first.send_signal(signal.SIGSTOP)
    house.worker()
    house.until(lambda: house.said('"took ownership"') > 1, "another worker owns the partitions")
    house.pause(0, 1)
    first.send_signal(signal.SIGCONT)
    house.judge()
