"""What the worker raises on purpose.

IngestError
├── SourceError        this consumer cannot go on: close it, wait, join the group again
│   ├── TopicReplacedError  a topic was deleted and made again: a new consumer begins with the new one
│   └── OwnershipLostError  the group gave the partitions to somebody else: insert and commit nothing more for them
├── ReplicatedTablesError  the tables are kept by several replicas, where neither fence nor scan would hold
└── TakeoverError      partitions cannot be taken over yet: they stay paused, begin the takeover again
    ├── FormerInsertsError  an insert of a former owner does not end
    └── ScanError           what is stored is too scattered to be left out
"""

from __future__ import annotations


class IngestError(Exception):
    """Anything this package raises on purpose. What an insert can end as is no exception: see `outcomes`."""


class ReplicatedTablesError(IngestError):
    """The tables are kept by several replicas, of which the fence and the scan would each see one. `str()` is for
    people, with the hint on its own line."""


class SourceError(IngestError):
    """The consumer failed in a way that only a new consumer mends."""


class TopicReplacedError(SourceError):
    """There is another topic under the name of one that this consumer reads: what was read last may be of either."""


class OwnershipLostError(SourceError):
    """The broker refused a commit as stale: this member is no longer part of the group's generation."""


class TakeoverError(IngestError):
    """Nobody knows yet what of some partitions is stored, so that nothing of them may be inserted."""


class FormerInsertsError(TakeoverError):
    """An insert of a former owner neither ends nor lets itself be killed."""


class ScanError(TakeoverError):
    """The stored offsets lie in more ranges than a worker should hold."""
