"""Rate limits that hold over all processes: their buckets lie in the memory that these share."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Mapping

from query_api.access.rate_limit import take_from
from query_api.processes.sharing.shared_memory import BUCKET_BYTES, WAYS, SharedMemory

_DIGEST_BYTES = 16
_NOBODY = bytes(_DIGEST_BYTES)
_FULL_AT = struct.Struct("<d")


class SharedRates:
    """One bucket for each of the last 131,072 names, roughly: of those whose digests meet in a full set, the one whose
    bucket was or will be full first is forgotten, and begins with a full one.

    Its clock counts for all processes of a machine alike, as CLOCK_MONOTONIC does.
    """

    def __init__(self, memory: SharedMemory, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = memory
        self._key = memory.key
        self._clock = clock

    def take(self, name: str, rps: int) -> Mapping[str, str]:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=self._key, digest_size=_DIGEST_BYTES)
        wanted = digest.digest()
        start = self._memory.set_offset(int.from_bytes(wanted[:4], "little"))
        with self._memory.lock(start):
            offset, full_at = self._bucket(start, wanted)
            # Read under the lock: who comes later must not have an earlier time.
            taken = take_from(full_at, self._clock(), name, rps)
            # A process that is killed between the two leaves a fuller bucket to whoever had the place before.
            _FULL_AT.pack_into(self._memory.bytes, offset + _DIGEST_BYTES, taken.full_at)
            self._memory.bytes[offset : offset + _DIGEST_BYTES] = wanted
        return taken.headers

    def _bucket(self, start: int, wanted: bytes) -> tuple[int, float]:
        """Where the bucket of a digest is or goes, and when it is full (0: it is)."""
        held = self._memory.bytes[start : start + WAYS * BUCKET_BYTES]
        emptiest, first = start, float("inf")
        for place in range(0, len(held), BUCKET_BYTES):
            digest = held[place : place + _DIGEST_BYTES]
            full_at = _FULL_AT.unpack_from(held, place + _DIGEST_BYTES)[0] if digest != _NOBODY else 0.0
            if digest == wanted:
                return start + place, full_at
            if full_at < first:
                emptiest, first = start + place, full_at
        return emptiest, 0.0
