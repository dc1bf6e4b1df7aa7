"""How an answer differs from what a case expects, as lines for people; none where it does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from schemas.cases.case import Case
from schemas.cases.row_order import RowOrder
from schemas.cases.rows import Row, rows_of, shown

_MOST_SHOWN = 20
_MOST_PAIRED = 200
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Answered:
    """What a pipe answered: the status of HTTP and the body."""

    http_status: int
    body: str

    @property
    def result(self) -> str:
        """The text that a case expects of it: the body, of an error what it says."""
        if self.http_status == 200:
            return self.body
        try:
            error = json.loads(self.body)["error"]
        except (ValueError, TypeError, KeyError):
            return self.body
        return error if isinstance(error, str) else self.body


def differences(case: Case, answered: Answered, order: RowOrder | None) -> list[str]:
    """`order` is the one that rows are expected in, None where any will do."""
    expected = case.expected_result or ""
    if answered.http_status != case.expected_http_status:
        return [
            f"the status is {answered.http_status}, expected {case.expected_http_status}",
            *(f"  {_cut(line)}" for line in answered.result.strip().splitlines()[:_MOST_SHOWN]),
        ]
    if answered.http_status != 200:
        if case.expected_result is None:
            return []
        if expected.strip() in (answered.result.strip(), answered.body.strip()):
            return []
        return [f"the error is:  {_cut(answered.result.strip())}", f"expected:      {_cut(expected.strip())}"]
    return _of_rows(rows_of(expected), rows_of(answered.body), order)


def _of_rows(expected: Sequence[Row], got: Sequence[Row], order: RowOrder | None) -> list[str]:
    pairs = list(_changed(expected, got, is_ordered=order is not None))
    if not pairs:
        return []
    if Counter(row.content for row in expected) == Counter(row.content for row in got):
        if order is None or _is_same_but_for_ties(expected, got, order):
            return []
        return ["the rows are those that are expected, in another order:", *_moved(expected, got)]
    lines = [line for pair in pairs[:_MOST_SHOWN] for line in _told(*pair)]
    if len(pairs) > _MOST_SHOWN:
        lines.append(f"… and {len(pairs) - _MOST_SHOWN} more rows that differ")
    if len(expected) != len(got):
        lines.insert(0, f"{_count(len(got))}, expected {_count(len(expected))}")
    return lines


def _is_same_but_for_ties(expected: Sequence[Row], got: Sequence[Row], order: RowOrder) -> bool:
    if order.columns is None:
        return False
    try:
        return all(
            [row.value(column) for row in expected] == [row.value(column) for row in got] for column in order.columns
        )
    except LookupError:
        return False


def _moved(expected: Sequence[Row], got: Sequence[Row]) -> Iterator[str]:
    for number, (wanted, found) in enumerate(zip(expected, got, strict=True), 1):
        if wanted.content != found.content:
            yield f"  row {number} is     {_cut(found.line)}"
            yield f"  expected     {_cut(wanted.line)}"
            return


_Pair = tuple[int, Row | None, Row | None]


def _changed(expected: Sequence[Row], got: Sequence[Row], *, is_ordered: bool) -> Iterator[_Pair]:
    """What differs: a row's number in the answer (where there is none, in what is expected), the row that is expected
    and the one that came; None for one that is missing or too many."""
    if is_ordered:
        yield from _in_order(expected, got)
        return
    counts = Counter(row.content for row in got)
    missing = [(number, row) for number, row in enumerate(expected, 1) if not _taken(counts, row)]
    counts = Counter(row.content for row in expected)
    added = [(number, row) for number, row in enumerate(got, 1) if not _taken(counts, row)]
    are_one = len(missing) == len(added) == 1
    for number, row in added:
        nearest = 0 if are_one else _nearest(row, missing)
        if nearest is None:
            yield number, None, row
        else:
            yield number, missing.pop(nearest)[1], row
    yield from ((number, row, None) for number, row in missing)


def _taken(counts: Counter[object], row: Row) -> bool:
    is_there = counts[row.content] > 0
    counts[row.content] -= is_there
    return is_there


def _nearest(row: Row, others: Sequence[tuple[int, Row]]) -> int | None:
    """The index of the row that has the most values in common with this one."""
    columns = set(map(repr, row.columns or ()))
    best, most = None, 0
    for index, (_, other) in enumerate(others[:_MOST_PAIRED]):
        common = len(columns & set(map(repr, other.columns or ())))
        if common > most:
            best, most = index, common
    return best


def _in_order(expected: Sequence[Row], got: Sequence[Row]) -> Iterator[_Pair]:
    # By texts: SequenceMatcher looks values up, of which NaN would be none.
    wanted, found = [repr(row.content) for row in expected], [repr(row.content) for row in got]
    for kind, first, end, start, stop in SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        common = min(end - first, stop - start)
        for index in range(common):
            yield start + index + 1, expected[first + index], got[start + index]
        for index in range(start + common, stop):
            yield index + 1, None, got[index]
        for index in range(first + common, end):
            yield index + 1, expected[index], None


def _told(number: int, expected: Row | None, got: Row | None) -> Iterator[str]:
    if got is None:
        assert expected is not None
        yield f"missing:      {_cut(expected.line)}"
    elif expected is None:
        yield f"row {number} is not expected: {_cut(got.line)}"
    elif expected.columns is None or got.columns is None:
        yield f"row {number} is     {_cut(got.line)}"
        yield f"expected     {_cut(expected.line)}"
    else:
        yield from _columns_told(number, dict(expected.columns), dict(got.columns), got.line)


def _columns_told(number: int, expected: dict[str, object], got: dict[str, object], line: str) -> Iterator[str]:
    told = [
        f"`{name}` is {_cut(shown(got[name]))}, expected {_cut(shown(value))}"
        for name, value in expected.items()
        if name in got and got[name] != value
    ]
    told += [f"the column `{name}` is missing" for name in expected if name not in got]
    told += [f"the column `{name}` is not expected" for name in got if name not in expected]
    if not told:
        told = [f"the columns are in the order {', '.join(got)}, expected {', '.join(expected)}"]
    yield f"row {number}: {'; '.join(told)}"
    yield f"  in {_cut(line)}"


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
