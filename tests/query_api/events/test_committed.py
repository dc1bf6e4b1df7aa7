"""Waiting for a group's commits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

import pytest

from query_api.events.committed import CommitWatcher, KafkaCommittedOffsets
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observation
from tests.query_api.fakes import until

observed: list[Observation] = []


class FakeOffsets:
    """Commits that a test moves on, and every question about them."""

    def __init__(self) -> None:
        self.committed: dict[int, int] = {}
        self.failures: list[Exception] = []
        self.questions: list[tuple[str, str, frozenset[int]]] = []

    async def read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        self.questions.append((group, topic, partitions))
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        return {partition: offset for partition, offset in self.committed.items() if partition in partitions}


async def test_a_wait_ends_when_every_partition_has_passed() -> None:
    offsets = FakeOffsets()
    watcher = CommitWatcher(offsets, observed.append, poll_seconds=0)
    waiting = asyncio.create_task(watcher.wait("g", "t", {0: 5, 1: 3}, 60))
    offsets.committed = {0: 9}
    await until(lambda: len(offsets.questions) > 3)
    assert not waiting.done()
    offsets.committed = {0: 9, 1: 3}
    assert await waiting is True
    await watcher.close()


async def test_one_offset_short_is_not_there() -> None:
    offsets = FakeOffsets()
    offsets.committed = {0: 4}
    watcher = CommitWatcher(offsets, observed.append, poll_seconds=0)
    assert await watcher.wait("g", "t", {0: 5}, 0.01) is False
    await watcher.close()


async def test_many_waiters_ask_together_and_none_keeps_on_asking() -> None:
    offsets = FakeOffsets()
    watcher = CommitWatcher(offsets, observed.append, poll_seconds=0)
    waits = [asyncio.create_task(watcher.wait("g", "t", {number: 1}, 60)) for number in range(50)]
    await until(lambda: len(offsets.questions) >= 2)
    assert offsets.questions[-1] == ("g", "t", frozenset(range(50)))
    offsets.committed = dict.fromkeys(range(50), 1)
    assert all(await asyncio.gather(*waits))
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "commits of t for g"])
    assert await watcher.wait("g", "t", {7: 1}, 60)
    await watcher.close()


async def test_a_waiter_who_leaves_is_forgotten() -> None:
    offsets = FakeOffsets()
    watcher = CommitWatcher(offsets, observed.append, poll_seconds=0)
    waiting = asyncio.create_task(watcher.wait("g", "t", {0: 1}, 60))
    await until(lambda: bool(offsets.questions))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "commits of t for g"])
    await watcher.close()


async def test_a_look_that_fails_unexpectedly_is_told_and_ends_no_wait() -> None:
    offsets = FakeOffsets()
    offsets.failures, offsets.committed = [KeyError("g"), RuntimeError("no threads")], {0: 1}
    watcher = CommitWatcher(offsets, observed.append, poll_seconds=0, failed_seconds=0)
    assert await watcher.wait("g", "t", {0: 1}, 60) is True
    failed = [each for each in observed if isinstance(each, BackgroundFailed)]
    assert [(each.task, type(each.error)) for each in failed] == [
        ("committed offsets", RuntimeError),
        ("committed offsets", KeyError),
    ]
    await watcher.close()


async def test_a_coordinator_that_does_not_answer_takes_no_thread_that_requests_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offsets = KafkaCommittedOffsets({})
    answers = threading.Event()
    monkeypatch.setattr(offsets, "_read", lambda *_: {} if answers.wait(30) else {0: 1})
    looks = [asyncio.create_task(offsets.read(f"group{number}", "t", frozenset({0}))) for number in range(64)]
    await asyncio.sleep(0)  # all have asked
    try:
        async with asyncio.timeout(5):
            await asyncio.to_thread(int)
    finally:
        answers.set()
    assert await asyncio.gather(*looks) == [{}] * 64
