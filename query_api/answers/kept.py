"""Answers that are kept for the time that their pipe allows: bounded in bytes, the least recently used go first."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from cachetools import LRUCache, TLRUCache
from multidict import CIMultiDict

# Bytes of an entry beside its body: its key, its head, and its places in the tables, rounded up.
ENTRY_BYTES = 2_048
# Of a shortcut: two digests and a place in a table.
_SHORTCUT_BYTES = 512
# The part of all bytes that shortcuts may have, and the part that one answer may have.
_SHORTCUTS_PART = 8
_LARGEST_PART = 8
# A longer answer is a stream where ClickHouse is a server, and no answer to keep anywhere.
LARGEST_BYTES = 1_048_576

# The header that names the query of an answer which another request asked for.
QUERY_ID = "X-Query-Id"

Clock = Callable[[], float]


class KeptAnswer:
    """An answer that holds for `seconds` from `begun`, when ClickHouse was asked, and its head as it is sent; `digest`
    is its question's."""

    __slots__ = ("_age", "_headers", "begun", "body", "digest", "etag", "query_id", "seconds")

    def __init__(
        self, digest: bytes, body: bytes, content_type: str, query_id: str, *, begun: float, seconds: int
    ) -> None:
        self.digest = digest
        self.body = body
        self.query_id = query_id
        self.begun = begun
        self.seconds = seconds
        self.etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        self._age = 0
        self._headers: CIMultiDict[str] = CIMultiDict(
            {
                "Content-Type": content_type,
                "ETag": self.etag,
                QUERY_ID: query_id,
                # Caches take `Age` off it. A browser's own must not give one token's answer to another.
                "Cache-Control": f"private, max-age={seconds}",
                "Vary": "Authorization",
                "Age": "0",
            }
        )

    def headers(self, now: float) -> CIMultiDict[str]:
        """Of an answer that is sent now; to be copied by whoever changes them."""
        age = max(int(now - self.begun), 0)
        if age != self._age:
            self._age = age
            self._headers["Age"] = str(age)
        return self._headers


class KeptAnswers:
    """The answers of one process, by digests of their questions, and the requests that led to them before."""

    def __init__(self, most_bytes: int, clock: Clock = time.monotonic) -> None:
        """`most_bytes` are of all that is kept, keys included; with 0 nothing is."""
        self.clock = clock
        for_shortcuts = most_bytes // _SHORTCUTS_PART
        self._largest = min(LARGEST_BYTES, most_bytes // _LARGEST_PART)
        self._answers = _Answers(most_bytes - for_shortcuts, clock)
        self._shortcuts: LRUCache[bytes, bytes] = LRUCache(for_shortcuts // _SHORTCUT_BYTES)

    @property
    def entries(self) -> int:
        self._answers.expire()
        return len(self._answers)

    @property
    def held_bytes(self) -> int:
        self._answers.expire()
        return int(self._answers.currsize) + len(self._shortcuts) * _SHORTCUT_BYTES

    def find(self, digest: bytes) -> KeptAnswer | None:
        """An answer whose time is not over."""
        try:
            return self._answers[digest]
        except KeyError:
            return None

    def recall(self, shortcut: bytes) -> KeptAnswer | None:
        """The answer that a request like this led to, if it is still kept."""
        try:
            return self._answers[self._shortcuts[shortcut]]
        except KeyError:
            return None

    def keep(self, answer: KeptAnswer) -> int:
        """Keep an answer, unless it is too large, for its time or until there is no more room for it. How many others
        had to go for it."""
        if len(answer.body) + ENTRY_BYTES > self._largest:
            return 0
        before = self._answers.evicted
        self._answers[answer.digest] = answer
        return self._answers.evicted - before

    def remember(self, shortcut: bytes, answer: KeptAnswer) -> None:
        """A request like this leads to this answer's question."""
        if self._shortcuts.maxsize and answer.digest in self._answers:
            self._shortcuts[shortcut] = answer.digest


def _expiry(_: bytes, kept: KeptAnswer, now: float) -> float:  # noqa: ARG001 -- what `TLRUCache` asks with
    return kept.begun + kept.seconds


def _size(kept: KeptAnswer) -> int:
    return len(kept.body) + ENTRY_BYTES


class _Answers(TLRUCache[bytes, KeptAnswer]):
    """Counts what had to go for want of room."""

    def __init__(self, most_bytes: int, clock: Clock) -> None:
        super().__init__(most_bytes, _expiry, clock, _size)
        self.evicted = 0

    def popitem(self) -> tuple[bytes, KeptAnswer]:
        found = super().popitem()
        self.evicted += 1
        return found
