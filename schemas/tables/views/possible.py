"""What a view of ClickHouse can do and what it cannot, or does otherwise than its author may think (tried on 26.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from schemas.own_names import SERVICE_PREFIXES
from schemas.sql.leftmost import Leftmost
from schemas.tables.views.view import TableUse


class NoViewError(Exception):
    """Why no view carries a node out, or, as a warning, why it does otherwise than its author may think."""

    def __init__(self, message: str, hint: str, severity: Literal["error", "warning"] = "error") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.severity = severity


_CLAUSES = {
    "FINAL": "leave it out: the view sees the rows of each insert, before they are merged",
    "SAMPLE": "leave it out, or choose rows with WHERE",
    "PREWHERE": "write WHERE",
}


def source_of(leftmost: Leftmost) -> str:
    """The table whose inserts the view sees. Raises NoViewError."""
    first = leftmost.tables[0]
    if not first.name:
        raise NoViewError("it reads no table first, so that nothing would ever be written", "begin with a data source")
    if first.is_function or first.name.lower().startswith(SERVICE_PREFIXES):
        hint = "let the first FROM name the data source whose events are to be taken, and JOIN the other"
        raise NoViewError(f"it reads `{first.name}` first, into which nothing is ever inserted", hint)
    for table in leftmost.tables:
        if table.clause:
            raise NoViewError(f"a view cannot read `{table.name}` with {table.clause}", _CLAUSES[table.clause])
        if table.is_in_set:
            raise NoViewError("a view cannot be made of INTERSECT or EXCEPT", "write a condition with IN or NOT IN")
    others = _others(leftmost)
    if others and leftmost.is_union:
        hint = "write a pipe for each, into the same data source"
        raise NoViewError(f"a view sees the inserts of one table, `{first.name}`, and not those of {others}", hint)
    return first.name


def warnings_of(leftmost: Leftmost, source: str, statement: Sequence[str | TableUse]) -> Iterator[NoViewError]:
    """What is carried out and hardly meant."""
    if others := _others(leftmost):
        text = f"it sees the inserts of `{source}` alone, and takes what {others} holds anew with each of them"
        yield NoViewError(text, "write a pipe for each, into the same data source", "warning")
    uses = sum(isinstance(piece, TableUse) and piece.table == source for piece in statement)
    if uses > len(leftmost.tables):
        text = f"it names `{source}` more than once: everywhere it sees the rows of the insert alone, not the table"
        yield NoViewError(text, "let each row say all that is needed of it, or look it up in another table", "warning")


def _others(leftmost: Leftmost) -> str:
    names = dict.fromkeys(table.name for table in leftmost.tables)
    names.pop(leftmost.tables[0].name)
    return " and ".join(f"`{name}`" if name else "no table" for name in names)
