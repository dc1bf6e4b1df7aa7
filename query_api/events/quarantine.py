"""What of a request's documents is in quarantine, and why: the queries that ask it and what their answers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from query_api.events.delivery import Delivered
from schemas.feed import Feed
from schemas.own_names import quarantine_table
from schemas.queries.query import Query

# Each bound array must stay below 128 KiB of text; an offset has at most 19 digits.
_RUNS_PER_QUERY = 5_000
MOST_ERRORS = 10

_OF_REQUEST = (
    "FROM {quarantine:Identifier} WHERE __topic = {topic:String} "
    "AND __timestamp >= fromUnixTimestamp64Milli({earliest:Int64}) "
    "AND __offset BETWEEN {lowest:Int64} AND {highest:Int64} "
    "AND arrayExists((partition, first, last) -> __partition = partition AND __offset BETWEEN first AND last, "
    "{partitions:Array(Int32)}, {firsts:Array(Int64)}, {lasts:Array(Int64)})"
)
# A message that was inserted twice counts once.
_COUNT = f"SELECT uniqExact(__partition, __offset) {_OF_REQUEST}"
# Documents are recognised by their content, since they are handed over without numbers: those of equal content have
# equal errors. Within a partition they keep their order, so the first ten of all are among the first ten of each.
_ERRORS = (
    "SELECT lower(hex(MD5(any(__value)))), any(c__error_column), any(c__error) "
    f"{_OF_REQUEST} GROUP BY __partition, __offset "
    f"ORDER BY __partition, __offset LIMIT {MOST_ERRORS} BY __partition"
)

Reasons = Sequence[tuple[str, str]]
"""Columns with what is wrong with them, in the quarantine's words."""


@dataclass(frozen=True, slots=True)
class DocumentError:
    """Why a document is in quarantine: its number in the request, from 1, and what is wrong, column by column."""

    document: int
    reasons: Reasons

    def as_json(self) -> dict[str, object]:
        (column, reason), *others = self.reasons or [("", "")]
        shown: dict[str, object] = {"document": self.document, "column": column, "reason": reason}
        return shown | ({"other_columns": [name for name, _ in others]} if others else {})


@dataclass(frozen=True, slots=True)
class QuarantineQueries:
    """`count` is answered with one number, `errors` with rows for `read_errors`."""

    count: Query
    errors: Query


def quarantine_queries(feed: Feed, delivered: Delivered) -> list[QuarantineQueries]:
    """Queries whose numbers add up to how many of the messages at these offsets are in quarantine.

    Offsets are sent as runs without gaps: other producers write to the same topic, so the lowest and highest alone
    would count their rows too. The time is asked for as well: a topic that was made again, as the embedded broker's is
    at each start, has the same offsets once more.
    """
    runs = [
        (partition, *run) for partition, numbers in sorted(delivered.offsets.items()) for run in _runs(sorted(numbers))
    ]
    return [
        _queries(feed, delivered.earliest, runs[at : at + _RUNS_PER_QUERY])
        for at in range(0, len(runs), _RUNS_PER_QUERY)
    ]


def read_errors(rows: Iterable[Sequence[object]]) -> dict[str, Reasons]:
    """What the rows of an `errors` query say, by the digest of a document."""
    found: dict[str, Reasons] = {}
    for digest, columns, reasons in rows:
        assert isinstance(columns, list)
        assert isinstance(reasons, list)
        found[str(digest)] = tuple(zip(columns, reasons, strict=False))
    return found


def name_documents(documents: Sequence[bytes], errors: Mapping[str, Reasons]) -> tuple[DocumentError, ...]:
    """The first ten documents that have errors. Takes some 2 ms for a megabyte."""
    found: list[DocumentError] = []
    for number, document in enumerate(documents, start=1):
        reasons = errors.get(hashlib.md5(document, usedforsecurity=False).hexdigest())
        if reasons is not None:
            found.append(DocumentError(number, reasons))
            if len(found) == MOST_ERRORS:
                break
    return tuple(found)


def _queries(feed: Feed, earliest: int, runs: Sequence[tuple[int, int, int]]) -> QuarantineQueries:
    partitions, firsts, lasts = zip(*runs, strict=True)
    parameters = {
        "quarantine": quarantine_table(feed.data_source),
        "topic": feed.topic,
        "earliest": str(earliest),
        "lowest": str(min(firsts)),
        "highest": str(max(lasts)),
        "partitions": _array(partitions),
        "firsts": _array(firsts),
        "lasts": _array(lasts),
    }
    return QuarantineQueries(Query(_COUNT, parameters), Query(_ERRORS, parameters))


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] + 1 == number:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _array(numbers: Iterable[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"
