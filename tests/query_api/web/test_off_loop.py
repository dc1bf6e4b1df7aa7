"""What is taken apart beside the event loop, and how much of it may wait."""

from __future__ import annotations

import asyncio
import threading

import pytest

from query_api.errors import Unavailable
from query_api.web.off_loop import INLINE_SIZE, MAX_WAITING_SIZE, off_loop


async def test_short_texts_stay_and_long_ones_go_to_one_thread() -> None:
    here = threading.get_ident()
    assert await off_loop(INLINE_SIZE, threading.get_ident) == here
    threads = await asyncio.gather(*(off_loop(INLINE_SIZE + 1, threading.get_ident) for _ in range(5)))
    assert here not in threads
    assert len(set(threads)) == 1


async def test_more_than_is_waited_for_is_refused_and_short_texts_are_not() -> None:
    gate = threading.Event()
    waiting = [asyncio.create_task(off_loop(MAX_WAITING_SIZE // 2, gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many long texts"):
        await off_loop(INLINE_SIZE + 1, gate.wait)
    assert await off_loop(1, lambda: "short") == "short"
    waiting.pop().cancel()
    await asyncio.sleep(0)
    again = asyncio.create_task(off_loop(INLINE_SIZE + 1, gate.wait))
    gate.set()
    assert await again
    assert await waiting[0]
