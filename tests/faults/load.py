"""The load of a round: events with known ids, produced on a thread of its own across every outage of the broker."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

EVENTS_PER_SECOND = 1_000
_FLUSH_SECONDS = 150
_STEP_SECONDS = 0.05
SCHEMA = """SCHEMA >
    `id` Int64 `json:$.id`,
    `part` Int32 `json:$.part`{columns}

ENGINE "MergeTree"
ENGINE_PARTITION_KEY "part"
ENGINE_SORTING_KEY "id"

KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC {name}
KAFKA_GROUP_ID {group}
KAFKA_AUTO_OFFSET_RESET {reset}
"""
"""A data source that takes the load's events; `columns` are further ones."""
BARE = (b"", None, b"no json at all", b"\x00\xff\xfe", b"   ", b"\xef\xbb\xbf", b"[1, 2")
"""Messages that fit no schema and hold no id."""


def good(number: int) -> bytes:
    return json.dumps({"id": number, "part": number % 7}).encode()


def bad(number: int, chance: random.Random) -> bytes | None:
    """A message that must end in quarantine, of any kind. All but `BARE` name their number after `id": `."""
    event = good(number)
    kinds = (
        event[:-1],
        b"[" + event + b"]",
        event + b"}",
        event + b"\n" + event.replace(b'"id": ', b'"the": '),
        event.replace(b'"part": ', b'"part": "x'),
        event.replace(b'"part": ', b'"part": 1.5, "other": '),
        event.replace(b'"part": ', b'"part": null, "other": '),
        event.replace(b'"part": ', b'"part": true, "other": '),
        event.replace(b'"part": ', b'"part": {}, "other": '),
        event.replace(b'"part": ', b'"part": [1], "other": '),
        event.replace(b'"part": ', b'"part": 99999999999, "other": '),
        event.replace(b'"part": ', b'"part": 1e400, "other": '),
        event.replace(b'"id": ', b'"no_id": '),
        event.replace(b'"id": ', b'"id": null, "was_id": '),
        event.replace(b'"id": ', b'"id": "text", "was_id": '),
        event.replace(b'"id": ', b'"id": -1e300, "was_id": '),
        event.replace(b'"part"', b'"p\xffrt"'),
        event[:-1] + b', "deep": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'"id": %d' % number,
        *BARE,
    )
    return chance.choice(kinds)


class Load:
    """Numbers from 0 on. `sent` counts them while it goes on; after `stop` all of them are acknowledged."""

    def __init__(
        self,
        address: str,
        topics: list[str],
        partitions: int,
        chance: random.Random,
        rate: int,
        message: Callable[[int], bytes | None] = good,
    ) -> None:
        self.sent = 0
        self.bare = 0
        self.good = 0
        self.poison = 0.0  # share of bad events
        self.message = message
        self.places = list(range(partitions))  # the partitions that get events
        self.rate = rate  # events a second
        self._address, self._topics = address, topics
        self._chance = chance
        self._is_over, self._is_held, self._rests = threading.Event(), threading.Event(), threading.Event()
        self._failed = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hold(self) -> int:
        """Stop for now, and wait until all is acknowledged: how many events there are."""
        self._rests.clear()
        self._is_held.set()
        assert self._rests.wait(_FLUSH_SECONDS), "the load's events were not acknowledged"
        return self.sent

    def go_on(self) -> None:
        self._is_held.clear()

    def stop(self) -> int:
        """End it once all is acknowledged: how many events there are."""
        self.abandon()
        if self._thread.ident is not None:
            self._thread.join(_FLUSH_SECONDS + 10)
        assert not self._thread.is_alive(), "the load's events were not acknowledged"
        assert not self._failed, f"{self._failed} events of the load were refused by the broker"
        return self.sent

    def abandon(self) -> None:
        self._is_over.set()

    def _run(self) -> None:
        limits = {"queue.buffering.max.kbytes": 262_144, "message.max.bytes": 16_000_000, "message.timeout.ms": 0}
        quiet = {"bootstrap.servers": self._address, "log_level": 0, "topic.metadata.refresh.interval.ms": 2_000}
        producer = Producer({**quiet, **limits, "enable.idempotence": True, "linger.ms": 20})
        while not self._is_over.wait(_STEP_SECONDS):
            if self._is_held.is_set():
                if not self._rests.is_set() and producer.flush(1) == 0:
                    self._rests.set()
                continue
            for _ in range(max(1, int(self.rate * _STEP_SECONDS))):
                self._produce(producer)
            producer.poll(0)
        producer.flush(_FLUSH_SECONDS)

    def _produce(self, producer: Producer) -> None:
        number = self.sent
        is_bad = self._chance.random() < self.poison
        value = bad(number, self._chance) if is_bad else self.message(number)
        topic = self._topics[number % len(self._topics)]
        place = self.places[number // len(self._topics) % len(self.places)]
        try:
            producer.produce(topic, value, partition=place, on_delivery=self._judge)
        except BufferError:
            producer.poll(0.5)
            return
        except KafkaException as error:
            if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                raise
            producer.poll(0.5)  # one that was added: the client learns of it within two seconds
            return
        self.sent += 1
        self.good += not is_bad
        self.bare += value in BARE if is_bad else 0

    def _judge(self, error: object, _: object) -> None:
        self._failed += error is not None
