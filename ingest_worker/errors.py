"""What the worker raises on purpose.

IngestError
└── SourceError        this consumer cannot go on: close it, wait, join the group again
    └── OwnershipLostError  the group gave the partitions to somebody else: insert and commit nothing more for them
"""

from __future__ import annotations


class IngestError(Exception):
    """Anything this package raises on purpose. What an insert can end as is no exception: see `outcomes`."""


class SourceError(IngestError):
    """The consumer failed in a way that only a new consumer mends."""


class OwnershipLostError(SourceError):
    """The broker refused a commit as stale: this member is no longer part of the group's generation."""
