"""What must not hold anything up: large messages, partitions without events, a hundred data sources."""

from __future__ import annotations

from tests.faults.house import FaultHouse, Setup
from tests.faults.load import good
from tests.faults.registry import fault

LARGE = 10_000_000  # bytes


def large(number: int) -> bytes:
    """Every 40th message is of 10 MB."""
    event = good(number)
    return event[:-1] + b', "text": "' + b"x" * LARGE + b'"}' if number % 40 == 7 else event


@fault(
    "messages of 10 MB",
    Setup(topic={"max.message.bytes": "16000000"}, events_per_second=40, message=large),
)
def large_messages(house: FaultHouse) -> None:
    (worker,) = house.start()
    house.pause(2, 3)
    house.kill(worker)
    house.worker()
    house.judge()


@fault("a partition without events", Setup(silent_partitions=2))
def silent_partition(house: FaultHouse) -> None:
    first, _ = house.start(workers=2)
    house.pause(0, 1)
    house.kill(first)
    house.judge()


@fault(
    "a hundred data sources",
    # They insert a hundred batches at once, so that each may take as long as it may by default.
    Setup(data_sources=100, partitions=1, settings={"BIRDHOUSE_INGEST_INSERT_SECONDS": "60"}),
)
def many_data_sources(house: FaultHouse) -> None:
    first, _ = house.start(workers=2)
    house.pause(1, 3)
    house.kill(first)
    house.judge()
