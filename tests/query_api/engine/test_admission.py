"""Slots and the queue before them."""

from __future__ import annotations

import asyncio

import pytest

from query_api.engine.admission import Admission
from query_api.errors import Unavailable
from tests.query_api.fakes import until


async def hold(admission: Admission, release: asyncio.Event, order: list[int], number: int) -> None:
    async with admission.slot():
        order.append(number)
        await release.wait()


async def test_the_queue_is_served_in_order_and_slots_are_never_exceeded() -> None:
    admission, release, order = Admission(concurrency=2, queue=8, queue_seconds=60), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(admission, release, order, number)) for number in range(6)]
    await until(lambda: admission.waiting == 4)
    assert (admission.running, order) == (2, [0, 1])
    release.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4, 5]
    assert (admission.running, admission.waiting) == (0, 0)


async def test_a_full_queue_refuses_at_once() -> None:
    admission, release = Admission(concurrency=1, queue=0, queue_seconds=60), asyncio.Event()
    task = asyncio.create_task(hold(admission, release, [], 0))
    await until(lambda: admission.running == 1)
    with pytest.raises(Unavailable, match="`BIRDHOUSE_API_MAX_QUEUED`"):
        async with admission.slot():
            pass
    release.set()
    await task


async def test_waiting_ends_with_the_queue_time() -> None:
    admission, release = Admission(concurrency=1, queue=1, queue_seconds=0), asyncio.Event()
    task = asyncio.create_task(hold(admission, release, [], 0))
    await until(lambda: admission.running == 1)
    with pytest.raises(Unavailable, match="`BIRDHOUSE_API_MAX_QUEUE_SECONDS`") as caught:
        async with admission.slot():
            pass
    assert caught.value.headers["Retry-After"] == "1"
    assert admission.waiting == 0
    release.set()
    await task


async def test_one_who_leaves_the_queue_takes_no_slot() -> None:
    admission, release = Admission(concurrency=1, queue=2, queue_seconds=60), asyncio.Event()
    first = asyncio.create_task(hold(admission, release, [], 0))
    await until(lambda: admission.running == 1)
    second = asyncio.create_task(hold(admission, release, [], 1))
    await until(lambda: admission.waiting == 1)
    second.cancel()
    await until(lambda: admission.waiting == 0)
    release.set()
    await first
    async with admission.slot():
        assert admission.running == 1


async def test_a_turn_that_comes_while_its_owner_leaves_is_passed_on() -> None:
    admission, release = Admission(concurrency=1, queue=2, queue_seconds=60), asyncio.Event()
    order = list[int]()
    release.set()
    async with admission.slot():
        leaving = asyncio.create_task(hold(admission, release, order, 1))
        await until(lambda: admission.waiting == 1)
        last = asyncio.create_task(hold(admission, release, order, 2))
        await until(lambda: admission.waiting == 2)
    leaving.cancel()  # its turn has come, and it has not seen that yet
    await asyncio.gather(leaving, last, return_exceptions=True)
    assert (leaving.cancelled(), order) == (True, [2])
    assert (admission.running, admission.waiting) == (0, 0)


async def test_each_waits_no_longer_than_its_own_time() -> None:
    admission, release = Admission(concurrency=1, queue=3, queue_seconds=0.15), asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(hold(admission, release, [], 0))
    await until(lambda: admission.running == 1)

    async def refused() -> float:
        started = loop.time()
        with pytest.raises(Unavailable):
            async with admission.slot():
                pass
        return loop.time() - started

    async def later() -> float:
        await asyncio.sleep(0.08)
        return await refused()

    waited = await asyncio.gather(refused(), refused(), later())
    assert all(seconds >= 0.14 for seconds in waited)
    assert admission.waiting == 0
    release.set()
    await task
