"""One look at the brokers of a group: whether they answer, where its partitions end, and what they refuse to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AclOperation, AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in `__all__`

from ingest_worker.storing.partitions import PartitionId
from ingest_worker.takeover.partition import Partition
from ingest_worker.watching.looks import ANSWER_SECONDS
from service.kafka.password import opened
from service.kafka.trouble import Trouble, why

_OPEN: Callable[[dict[str, Any]], AdminClient] = partial(opened, AdminClient)
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client does not annotate it
_AUTHORIZATION = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED})


class KafkaLook:
    """To be called from one thread. Writes of each partition its end (`high`) and when that was known, whether or not
    anything is fetched from it, and takes a refusal back that holds no more."""

    def __init__(
        self,
        config: Mapping[str, Any],
        partitions: Callable[[], Sequence[Partition]],
        clock: Callable[[], float] = time.monotonic,
        create: Callable[[dict[str, Any]], AdminClient] = _OPEN,
    ) -> None:
        self._trouble = Trouble()
        self._config = {**config, **self._trouble.options()}
        self._partitions = partitions
        self._clock = clock
        self._create = create
        self._admin: AdminClient | None = None

    def __call__(self) -> str | None:
        """Why the brokers do not answer, or what they refuse; None when all is well."""
        self._admin = admin = self._admin or self._create(self._config)
        try:
            refused = self._look(admin)
        except KafkaException as error:
            return why(admin, self._trouble, error)
        admin.poll(0)
        self._trouble.forget()
        return refused

    def _look(self, admin: AdminClient) -> str | None:
        partitions = self._partitions()
        if not partitions:
            admin.list_topics(timeout=ANSWER_SECONDS)
            return None
        wanted = {TopicPartition(entry.topic, entry.number): _LATEST for entry in partitions}
        futures = admin.list_offsets(wanted, request_timeout=ANSWER_SECONDS)
        ends = {PartitionId(asked.topic, asked.partition): future for asked, future in futures.items()}
        refused: str | None = None
        for entry in partitions:
            try:
                end = int(ends[entry.id].result(ANSWER_SECONDS + 1).offset)
            except KafkaException as error:
                if error.args[0].code() < 0:
                    raise  # librdkafka's own codes: no broker has answered
                refused = f"{entry.name}: {error.args[0].str()}"
                if error.args[0].code() not in _AUTHORIZATION:
                    # A client that a broker calls outdated (FENCED_LEADER_EPOCH after an outage) stays so: it asks for
                    # leaders again when it has forgotten them, minutes later. The next look has a new one.
                    self._admin = None
                continue
            if end < 0:  # so librdkafka tells that a broker whose connection stands has not answered
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no answer within {ANSWER_SECONDS:g} s"))
            entry.measured(end, self._clock())
        self._take_back(admin, [entry for entry in partitions if entry.refusal is not None])
        return refused

    def _take_back(self, admin: AdminClient, refused: Sequence[Partition]) -> None:
        """librdkafka says once that the broker refuses a fetch, and never that it does so no more."""
        locked = {
            entry.topic for entry in refused if entry.refusal is not None and entry.refusal.code in _AUTHORIZATION
        }
        readable = self._readable(admin, locked) if locked else frozenset()
        for entry in refused:
            if entry.refusal is None or entry.next_offset > entry.refusal.offset:
                entry.refusal = None
            elif entry.refusal.code in _AUTHORIZATION:
                if entry.topic in readable:
                    entry.refusal = None
            elif entry.high == entry.next_offset:
                entry.refusal = None

    def _readable(self, admin: AdminClient, topics: set[str]) -> frozenset[str]:
        described = admin.describe_topics(
            TopicCollection(sorted(topics)), include_authorized_operations=True, request_timeout=ANSWER_SECONDS
        )
        found = []
        for topic, future in described.items():
            try:
                operations = future.result(ANSWER_SECONDS + 1).authorized_operations
            except KafkaException:
                continue
            # A broker that tells nothing of rights has none to tell of.
            if not operations or {AclOperation.READ, AclOperation.ALL} & set(operations):
                found.append(topic)
        return frozenset(found)
