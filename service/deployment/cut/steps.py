"""What a deploy has done of its cut and its fills, in a table of ours, so that the next one goes on from there."""

from __future__ import annotations

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What deploys left in a database. `unmade`: views whose cut was begun and not ended, whether they are there or
    not; they count as not there. `unfilled`: views that are made and not filled. `leftovers`: tables to drop."""

    unmade: frozenset[str] = frozenset()
    unfilled: frozenset[str] = frozenset()
    has_leftovers: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.unmade or self.unfilled or self.has_leftovers)


def read_unfinished(client: Client, database: str) -> Unfinished:
    """Read it. A database without the table has nothing unfinished."""
    raise NotImplementedError
