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

# In characters of SQL, of which each takes some 10 µs. What is shorter is worth no thread.
INLINE_SIZE = 1_024
# 24 of the longest statements; whoever comes after them would wait too long.
MAX_WAITING_SIZE = 24 * 65_536
# Bytes of parameters that take as long as a character of SQL.
PARAMETER_BYTES = 16

_Result = TypeVar("_Result")
_thread = ThreadPoolExecutor(1, thread_name_prefix="take-apart")
_waiting_size = 0


async def off_loop(size: int, work: Callable[[], _Result]) -> _Result:
    """What `work` gives, which takes apart a text of that size. Raises `Unavailable` when too much else waits."""
    global _waiting_size
    if size <= INLINE_SIZE:
        return work()
    if _waiting_size >= MAX_WAITING_SIZE:
        raise Unavailable("too many long texts wait to be read")
    _waiting_size += size
    try:
        return await asyncio.get_running_loop().run_in_executor(_thread, work)
    finally:
        _waiting_size -= size
