"""A file in memory that all processes of an API map: what one of them writes the others see at once."""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

KEY_BYTES = 32
BUCKET_BYTES = 24
WAYS = 8
SETS = 16_384

_TOLD_AT = KEY_BYTES
_BUCKETS_AT = 4_096
_SIZE = _BUCKETS_AT + SETS * WAYS * BUCKET_BYTES
_NUMBER = struct.Struct("<Q")


class SharedMemory:
    """A random key, a number that only grows, and sets of rate limits' buckets.

    Locks are of ranges of bytes and of a process: the system takes them back from one that was killed. They do not hold
    off threads of the same process, so all of this is for the event loop's thread alone.
    """

    def __init__(self, file: int) -> None:
        """`file` is open for reading and writing; it is closed with this. No other descriptor of the file may be closed
        in this process meanwhile: the locks would go with it."""
        self._file = file
        self.bytes = mmap.mmap(file, _SIZE)

    @classmethod
    def create(cls, path: Path) -> Self:
        """A file that nobody else can read, which is not there yet. Most of it takes no room until it is used."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(file, _SIZE)
        memory = cls(file)
        memory.bytes[:KEY_BYTES] = secrets.token_bytes(KEY_BYTES)
        return memory

    @classmethod
    def open(cls, path: Path) -> Self:
        return cls(os.open(path, os.O_RDWR))

    @property
    def key(self) -> bytes:
        """What names are digested with: nobody outside can choose names that meet in one set."""
        return self.bytes[:KEY_BYTES]

    @contextmanager
    def lock(self, offset: int) -> Iterator[None]:
        """Nobody else holds the lock of that byte during the block, which must be short: the others stand still."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, offset)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset)

    def set_offset(self, number: int) -> int:
        """Where a set of buckets begins."""
        return _BUCKETS_AT + number % SETS * WAYS * BUCKET_BYTES

    def close(self) -> None:
        self.bytes.close()
        os.close(self._file)


class SharedTold:
    """How often a caller of any process was told that its rows are stored: a question that was asked before such a
    moment is not good enough for whoever asks after it."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory

    def now(self) -> int:
        """The number as it is now; whatever was told before this call is in it."""
        return int(_NUMBER.unpack_from(self._memory.bytes, _TOLD_AT)[0])

    def advance(self) -> None:
        """To be called before a caller is told."""
        with self._memory.lock(_TOLD_AT):
            _NUMBER.pack_into(self._memory.bytes, _TOLD_AT, self.now() + 1)
