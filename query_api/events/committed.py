"""Waits until a consumer group has committed past given offsets: then the rows before them are in ClickHouse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from query_api.events.topics import QUIET
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observer
from service.kafka.password import opened
from service.kafka.trouble import words_of

logger = logging.getLogger(__name__)

# Between two looks at a group, for all its waiters together.
POLL_SECONDS = 0.05
_SECONDS = 10.0
FAILED_SECONDS = 1.0
# Of their own, since a coordinator that does not answer must not hold up what requests need threads for.
_THREADS = 4

GroupTopic = tuple[str, str]


class CommittedOffsets(Protocol):
    """What a consumer group has committed."""

    async def read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        """Partition → the offset after the last committed one; partitions without a commit, or unknown now, are left
        out."""
        ...


class KafkaCommittedOffsets:
    """Asks the group's coordinator, on a thread."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._admin = opened(AdminClient, {**config, **QUIET})
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="committed")

    async def read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, group, topic, partitions)

    def _read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        question = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number) for number in sorted(partitions)])
        try:
            answers = self._admin.list_consumer_group_offsets([question], request_timeout=_SECONDS)
            found = answers[group].result(_SECONDS).topic_partitions or []
        except (KafkaException, TimeoutError) as error:
            # A coordinator that moves or loads answers a moment later; whoever waits has a time limit. What does not
            # get better must not stay unsaid: without it every wait ends without an answer.
            reason = words_of(error) if isinstance(error, KafkaException) else "timed out"
            logger.warning(
                "cannot read what the group has committed", extra={"fields": {"group": group, "reason": reason}}
            )
            return {}
        return {entry.partition: entry.offset for entry in found if entry.error is None and entry.offset >= 0}


@dataclass(frozen=True, slots=True)
class _Waiter:
    wanted: Mapping[int, int]
    done: asyncio.Future[None]


class CommitWatcher:
    """One loop for each group and topic that somebody waits for, however many wait; none when nobody does."""

    def __init__(
        self,
        offsets: CommittedOffsets,
        observe: Observer,
        *,
        poll_seconds: float = POLL_SECONDS,
        failed_seconds: float = FAILED_SECONDS,
    ) -> None:
        """`failed_seconds`: the pause after a look that failed in a way that nobody expected."""
        self._failed_seconds = failed_seconds
        self._offsets = offsets
        self._observe = observe
        self._poll_seconds = poll_seconds
        self._waiters: dict[GroupTopic, list[_Waiter]] = {}
        self._loops: dict[GroupTopic, asyncio.Task[None]] = {}

    async def wait(self, group: str, topic: str, wanted: Mapping[int, int], seconds: float) -> bool:
        """Whether the group has committed offsets of at least `wanted` (by partition) within `seconds`."""
        key = (group, topic)
        waiter = _Waiter(wanted, asyncio.get_running_loop().create_future())
        self._waiters.setdefault(key, []).append(waiter)
        if key not in self._loops:
            self._loops[key] = asyncio.create_task(self._watch(key), name=f"commits of {topic} for {group}")
        try:
            async with asyncio.timeout(seconds):
                await waiter.done
        except TimeoutError:
            return False
        finally:
            self._waiters[key].remove(waiter)
        return True

    async def close(self) -> None:
        for task in self._loops.values():
            task.cancel()
        await asyncio.gather(*self._loops.values(), return_exceptions=True)

    async def _watch(self, key: GroupTopic) -> None:
        try:
            while self._waiters[key]:
                committed = await self._read(key)
                for waiter in self._waiters[key]:
                    if not waiter.done.done() and _is_reached(waiter.wanted, committed):
                        waiter.done.set_result(None)
                await asyncio.sleep(self._poll_seconds)
        finally:
            # Nothing is awaited between the look at the waiters and this, so none can be overlooked.
            self._loops.pop(key, None)

    async def _read(self, key: GroupTopic) -> Mapping[int, int]:
        partitions = frozenset(number for waiter in self._waiters[key] for number in waiter.wanted)
        try:
            return await self._offsets.read(*key, partitions)
        except Exception as error:
            # Whoever waits would go on waiting for a loop that is no more.
            self._observe(BackgroundFailed("committed offsets", error))
            await asyncio.sleep(self._failed_seconds)
            return {}


def _is_reached(wanted: Mapping[int, int], committed: Mapping[int, int]) -> bool:
    return all(committed.get(partition, -1) >= offset for partition, offset in wanted.items())
