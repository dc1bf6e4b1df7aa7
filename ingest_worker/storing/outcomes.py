"""How one insert can end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stored:
    """ClickHouse acknowledged the insert: every row is in its table or in quarantine, in every view's target."""

    seconds: float
    query_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """ClickHouse answered with an error. Some of the rows may be stored all the same (a view that throws).

    `view` could not take its rows, in whatever way; `missing_view` is one of the mapping and is not there.
    """

    code: int
    name: str
    message: str
    constraint: str | None = None  # of error 469, the constraint that was violated
    view: str | None = None
    missing_view: str | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows whether the rows are stored: a time-out, a reset, no server, an answer that is not ClickHouse's."""

    message: str


@dataclass(frozen=True, slots=True)
class Swallowed:
    """ClickHouse acknowledged the insert and wrote `written_rows` in all its tables together, too few: the landing
    table stores nothing, and a view that carries its rows on is missing (a deploy is at it)."""

    written_rows: int


Outcome = Stored | Refused | Unanswered | Swallowed
