"""Takes apart what callers wrote: a short text at once, a long one on a thread, so that no other request waits for it.

One thread for the whole process: the interpreter runs one at a time anyway, and hands the event loop its turn every few
milliseconds; with many threads the loop would wait for the turns of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from query_api.errors import Unavailable

# Characters or bytes that are worth no thread: some milliseconds of work at most.
INLINE_SIZE = 1_024
# The longest text takes the better part of a second, so whoever comes after so many would wait too long.
MAX_WAITING = 24

_Result = TypeVar("_Result")
_thread = ThreadPoolExecutor(1, thread_name_prefix="take-apart")
_waiting = 0


async def off_loop(size: int, work: Callable[[], _Result]) -> _Result:
    """What `work` gives, which takes apart a text of that size. Raises `Unavailable` when too many others wait."""
    global _waiting
    if size <= INLINE_SIZE:
        return work()
    if _waiting >= MAX_WAITING:
        raise Unavailable("too many long texts wait to be read")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_thread, work)
    finally:
        _waiting -= 1
