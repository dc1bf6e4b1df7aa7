"""What can happen to an insert on its way: held back, cut, its answer lost, nobody there, slow, or refused."""

from __future__ import annotations

import threading
from functools import partial

from tests.faults.door import Exchange, only_inserts, slowly
from tests.faults.house import INSERT_SECONDS, FaultHouse, Setup
from tests.faults.registry import fault

REFUSALS = {
    252: "TOO_MANY_PARTS",
    241: "MEMORY_LIMIT_EXCEEDED",
    159: "TIMEOUT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    210: "NETWORK_ERROR",
}


def held_back(share: float, house: FaultHouse) -> None:
    """An insert stops after that share of it, its worker dies, the next takes over, and only then the rest comes."""
    (dying,) = house.start(through_door=True)
    is_held, is_let_go, is_through = threading.Event(), threading.Event(), threading.Event()

    def rule(exchange: Exchange) -> None:
        if is_held.is_set():
            exchange.reset()
            return
        is_held.set()
        exchange.send(share)
        is_let_go.wait(60)
        try:
            exchange.send()
            exchange.answer()
        finally:
            is_through.set()

    house.pause(0, 1)
    house.door.rule = only_inserts(rule)
    house.until(is_held.is_set, "an insert is held back")
    house.kill(dying)
    house.worker()
    house.until(lambda: house.said('"took ownership"') > 1, "the next worker owns the partitions")
    house.pause(0, 1)
    house.cause_is_over()
    is_let_go.set()
    house.until(is_through.is_set, "what was held back has gone through")
    house.judge()


for _part, _share in (("nothing", 0.0), ("half", 0.5), ("all", 1.0)):
    fault(f"insert held back, {_part} of it sent")(partial(held_back, _share))


@fault("connection reset after the body, and answers lost")
def answers_lost(house: FaultHouse) -> None:
    house.start(through_door=True)
    lost = 0

    def rule(exchange: Exchange) -> None:
        nonlocal lost
        exchange.send()
        fate = house.chance.random()
        if fate < 0.3:
            lost += 1
            exchange.reset()
            exchange.answer()  # it comes to pass all the same
        elif fate < 0.6:
            lost += 1
            exchange.answer()
            exchange.reset()
        else:
            exchange.reply(exchange.answer())

    house.door.rule = only_inserts(rule)
    house.pause(3, 5)
    house.until(lambda: lost > 2, "answers were lost")
    house.door.rule = Exchange.forward
    house.judge()


@fault("body truncated")
def truncated(house: FaultHouse) -> None:
    house.start(through_door=True)
    cut = 0

    def rule(exchange: Exchange) -> None:
        nonlocal cut
        if house.chance.random() < 0.4:
            exchange.forward()
            return
        cut += 1
        if house.chance.random() < 0.5:
            # Ends like a whole body, as behind a proxy that does not tell a broken line from the end.
            short = exchange.body[: int(len(exchange.body) * house.chance.uniform(0.1, 0.95))]
            size, _, rest = short.partition(b"\r\n")
            if size and len(rest) > 0 and b"chunked" in exchange.head.lower():
                exchange.body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest)
                exchange.forward()
                return
        exchange.send(house.chance.uniform(0.1, 0.99))
        exchange.drop()
        exchange.reset()

    house.door.rule = only_inserts(rule)
    house.pause(3, 5)
    house.until(lambda: cut > 2, "bodies were cut")
    house.door.rule = Exchange.forward
    house.judge()


@fault("ClickHouse unreachable")
def unreachable(house: FaultHouse) -> None:
    house.start(through_door=True)
    house.pause(0, 1)
    house.door.rule = Exchange.reset
    house.pause(6, 10)
    house.door.rule = Exchange.forward
    house.judge()


@fault("ClickHouse slow")
def slow(house: FaultHouse) -> None:
    house.start(through_door=True)
    house.door.rule = slowly(0.5, INSERT_SECONDS * 0.3, house.chance.uniform)
    house.pause(6, 8)
    house.door.rule = Exchange.forward
    house.judge()


@fault("inserts time out", Setup(settings={"BIRDHOUSE_INGEST_INSERT_SECONDS": "2"}))
def timed_out(house: FaultHouse) -> None:
    """ClickHouse gets an insert once the worker, which waits five seconds longer, has sent it again."""
    house.start(through_door=True)
    left = 2

    def rule(exchange: Exchange) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            house.pause(7.5, 8.5)
        exchange.forward()

    house.door.rule = only_inserts(rule)
    house.until(lambda: left == 0, "inserts are slow")
    house.judge()


def refused(is_stored: bool, house: FaultHouse) -> None:
    """ClickHouse answers with errors that pass; with `is_stored` although it has stored all."""
    house.start(through_door=True)
    seen = set()

    def rule(exchange: Exchange) -> None:
        code = house.chance.choice(list(REFUSALS))
        seen.add(code)
        if is_stored:
            exchange.send()
            exchange.answer()
        exchange.refuse(code, REFUSALS[code])

    house.door.rule = only_inserts(rule)
    house.pause(4, 7)
    house.until(lambda: len(seen) > 1, "inserts were refused")
    house.door.rule = Exchange.forward
    house.judge()


fault("ClickHouse answers 252, 241, 159, 242, 210")(partial(refused, False))
fault("ClickHouse answers with errors and has stored all")(partial(refused, True))


@fault("inserts slower than max.poll.interval.ms", Setup(settings={"KAFKA_MAX_POLL_INTERVAL_MS": "3000"}))
def slower_than_the_poll_interval(house: FaultHouse) -> None:
    """They cause no rebalance, as another thread answers the group."""
    house.start(through_door=True)
    assigned = house.said('"partitions assigned"')
    house.door.rule = slowly(4.0, 5.0, house.chance.uniform)
    house.pause(9, 11)
    house.door.rule = Exchange.forward
    house.demand(lambda: house.said('"partitions assigned"') == assigned, "no rebalance")
    house.judge()
