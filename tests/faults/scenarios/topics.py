"""Topics that lose what they held: made again, expired, cut. Nothing that the broker still holds is lost or doubled."""

from __future__ import annotations

import os
import signal
from functools import partial

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.cimpl import NewPartitions

from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault


def make_again(house: FaultHouse, *, is_committed: bool = True) -> None:
    stored = house.load.hold()
    if is_committed:
        house.until(lambda: house.committed() >= stored, "everything is committed")
    for done in house.admin.delete_topics([house.name], operation_timeout=30).values():
        done.result(60)
    house.forgotten = stored

    def exists() -> bool:
        try:
            house.make_topics()
        except Exception:
            return False
        return True

    house.until(exists, "the topic can be made again")
    house.load.go_on()


@fault("topic made again while no worker runs")
def made_again_between(house: FaultHouse) -> None:
    (worker,) = house.start()
    house.pause(0, 1)
    stored = house.load.hold()
    house.until(lambda: house.committed() >= stored, "everything is committed")
    house.kill(worker)
    make_again(house)
    house.worker()
    house.pause(4, 6)
    house.judge()


@fault("topic made again under a running worker")
def made_again(house: FaultHouse) -> None:
    """The worker goes on by itself with the new topic's first events, while that grows past the offsets of the former
    one. One without protection may need an operator, who sets the group's offsets and starts it again."""
    (worker,) = house.start()
    house.pause(0, 1)
    make_again(house)
    house.pause(4, 6)
    if house.without and house.said('"partition cannot be read"'):
        house.kill(worker)
        for number in range(house.setup.partitions):
            place = TopicPartition(house.name, number, 0)
            house.until(partial(set_offset, house, place), "the operator sets the offset")
        house.worker()
    house.demand(lambda: not house.said('"partition cannot be read"'), "no partition is taken for broken")
    house.demand(lambda: house.said('"topic was made again') == 1, "it is said")
    house.judge()


@fault(
    "topic made again under a running worker, and soon longer",
    Setup(settings={"KAFKA_SESSION_TIMEOUT_MS": "30000", "KAFKA_HEARTBEAT_INTERVAL_MS": "1000"}),
)
def made_again_and_longer(house: FaultHouse) -> None:
    """The worker is held while the topic is made again, so that the first it sees of the new one is that it has the
    offset at which the worker goes on."""
    (worker,) = house.start()
    worker.send_signal(signal.SIGSTOP)
    rate, house.load.rate = house.load.rate, 20_000
    make_again(house, is_committed=False)
    of_one = TopicPartition(house.name, 0)
    longer = house.forgotten // house.setup.partitions + 100
    house.until(lambda: house.reader.get_watermark_offsets(of_one, timeout=10)[1] > longer, "the new one is longer")
    house.load.rate = rate
    worker.send_signal(signal.SIGCONT)
    house.pause(3, 4)
    # What nobody had stored of the former topic is gone with it.
    of_former = f"SELECT uniqExact(id) FROM {{db}}.`{house.name}` WHERE id < {house.forgotten}"
    house.gone = house.forgotten - house.sql(of_former)[0][0]
    house.demand(lambda: not house.said('"partition cannot be read"'), "no partition is taken for broken")
    house.demand(lambda: house.said('"topic was made again') == 1, "it is said")
    house.judge()


@fault("partitions added, the group begins at the end", Setup(first_partitions=3, reset="latest"))
def partitions_added(house: FaultHouse) -> None:
    house.load.places = [0, 1, 2]
    worker = house.worker()
    house.until(lambda: house.said('"took ownership"'), "the worker owns the partitions")
    house.load.start()
    house.until(house.has_rows, "the first events are stored")
    house.pause(0, 2)
    if house.chance.random() < 0.5:
        house.kill(worker)
    house.admin.create_partitions([NewPartitions(house.name, 6)])[house.name].result(30)
    house.load.places = [0, 1, 2, 3, 4, 5]
    if worker not in house.workers:
        house.worker()
    else:
        added = f"SELECT count() FROM {{db}}.`{house.name}` WHERE __partition > 2"
        house.until(lambda: house.sql(added)[0][0], "the added partitions are read within ten seconds", seconds=10)
    house.judge()


@fault("offsets expired")
def expired(house: FaultHouse) -> None:
    """The broker drops events that nobody has stored yet. One partition cannot be read: it is said once, clearly; the
    others go on. The operator sets the group's offset, and all that is still held is stored."""
    (worker,) = house.start()
    house.pause(0, 1)
    house.kill(worker)
    house.pause(1, 2)
    house.load.hold()
    number = house.chance.randrange(house.setup.partitions)
    place = TopicPartition(house.name, number)
    (committed,) = house.reader.committed([place], timeout=20)
    high = house.reader.get_watermark_offsets(place, timeout=20)[1]
    of_partition = f"FROM {{db}}.`{house.name}` WHERE __partition = {number}"
    stored = house.sql(f"SELECT max(__offset) + 1 {of_partition}")[0][0]
    low = (max(stored, committed.offset) + high) // 2
    house.gone = low - house.sql(f"SELECT count() {of_partition} AND __offset < {low}")[0][0]
    assert house.gone > 0
    house.admin.delete_records([TopicPartition(house.name, number, low)])[place].result(30)
    house.load.go_on()
    worker = house.worker()
    others = [TopicPartition(house.name, other) for other in range(house.setup.partitions) if other != number]
    goal = sum(house.reader.get_watermark_offsets(other, timeout=20)[1] for other in others)
    house.until(
        lambda: sum(max(0, other.offset) for other in house.reader.committed(others, timeout=10)) >= goal,
        "the other partitions go on",
    )
    house.pause(1, 2)
    house.demand(lambda: house.said('"partition cannot be read"') == 1, "it was said once")
    if house.said('"partition cannot be read"'):
        house.kill(worker)
        house.until(lambda: set_offset(house, TopicPartition(house.name, number, low)), "the operator sets the offset")
        house.worker()
    house.verdict = "unknown"
    house.judge()


@fault("log truncated")
def truncated(house: FaultHouse) -> None:
    """The broker comes back without a partition's last events, all of which were stored: the group's offset lies behind
    its end. The partition is named once, the others go on, and `birdhouse verify` does not call it well."""
    (worker,) = house.start()
    house.pause(0, 1)
    stored = house.load.hold()
    house.until(lambda: house.committed() >= stored, "everything is committed")
    house.kill(worker)
    house.broker.kill()
    number = house.chance.randrange(house.setup.partitions)
    (log,) = (house.broker.folder / "data" / "log" / f"{house.name}-{number}").glob("*.log")
    os.truncate(log, log.stat().st_size // 2)
    assert house.broker.start()
    house.load.places.remove(number)
    house.load.go_on()
    house.worker()
    house.until(lambda: house.said('"partition cannot be read"'), "the partition is named")
    house.pause(1, 2)
    house.demand(lambda: house.said('"partition cannot be read"') == 1, "it was said once")
    house.verdict = "unknown"
    house.judge()


def set_offset(house: FaultHouse, place: TopicPartition) -> bool:
    """As `kafka-consumer-groups --reset-offsets` does; False while the group still has a member."""
    wanted = ConsumerGroupTopicPartitions(house.name, [place])
    (answer,) = house.admin.alter_consumer_group_offsets([wanted]).values()
    try:
        return all(entry.error is None for entry in answer.result(10).topic_partitions)
    except Exception:
        return False


@fault("group's offsets set back by hand")
def set_back(house: FaultHouse) -> None:
    (worker,) = house.start()
    house.pause(1, 2)
    house.kill(worker)
    for number in range(house.setup.partitions):
        place = TopicPartition(house.name, number, 0)
        house.until(partial(set_offset, house, place), "the operator sets the offset")
    house.worker()
    house.judge()
