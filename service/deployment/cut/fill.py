"""Fills views from what their sources held at the cut: piece by piece, each in a table of its own beside the target.

What is filled into a table goes on through the views behind it, as what is inserted does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.own_names import WORK_PREFIX
from schemas.sql.text import identifier, literal, qualified
from schemas.tables.views.view import ViewShape
from service.deployment.cut.clones import Part, parts_of
from service.deployment.cut.graph import Graph, Stored, in_order
from service.deployment.cut.steps import Piece, Progress, Steps
from service.deployment.door import Door
from service.deployment.refusals import is_refusal, reason_of_refusal
from service.errors import RefusedStatementError

_TELL_SECONDS = 5.0
_SPILL_BYTES = 1_000_000_000
_SETTINGS = {
    "async_insert": "0",
    "deduplicate_insert": "'disable'",  # equal pieces are no repetition
    "insert_null_as_default": "0",  # as in a view
    "max_insert_threads": "1",  # half the memory
    "max_bytes_before_external_group_by": str(_SPILL_BYTES),
    "max_bytes_before_external_sort": str(_SPILL_BYTES),
    "max_partitions_per_insert_block": "0",
    "optimize_use_projections": "0",  # which know no offsets in a part
}


@dataclass(frozen=True, slots=True)
class Fill:
    """The fill of all views that an earlier cut made, and of what is behind them."""

    door: Door
    graph: Graph
    steps: Steps
    progress: Progress

    def all(self, views: Iterable[ViewShape]) -> dict[str, tuple[str, ...]]:
        """Make the pieces that are not there yet. The tables of pieces for each target that gets any.

        Raises `RefusedStatementError` for a SELECT that fails on what is there, and what the client raises.
        """
        pieces: dict[str, list[Piece]] = {}
        for view in in_order(views):
            target = self.graph.tables.get(view.target)
            if view.fills and target is not None:
                parts = [*self._held(view), *(_whole(piece) for piece in pieces.get(view.source, ()))]
                pieces.setdefault(view.target, []).extend(self._fill(view, target, parts))
        return {target: tuple(piece.table for piece in made if piece.rows) for target, made in pieces.items()}

    def _held(self, view: ViewShape) -> Iterator[tuple[str, Part]]:
        """What the source of a new view held, with the words that name each part of it for all time."""
        cut = self.progress.cut_of(view.name)
        clone = cut.clones.get(view.source) if cut is not None else None
        if cut is not None and clone is not None:
            for part in parts_of(self.door.client, self.door.database, clone, cut.rows_a_piece):
                yield f"{clone} {part.condition}", part

    def _fill(self, view: ViewShape, target: Stored, parts: list[tuple[str, Part]]) -> Iterator[Piece]:
        total, done = sum(part.rows for _, part in parts), 0
        started = told = self.door.clock()
        for named, part in parts:
            select = view.select(self.door.database, {view.source: part.table})
            piece = self.progress.pieces.get(_identity(view, target, select, named))
            if piece is None or piece.table not in self.graph.tables:
                piece = self._make(view, target, part, select, named)
            done += part.rows
            now = self.door.clock()
            if now - told > _TELL_SECONDS or done == total:
                told = now
                seconds = now - started
                self.door.tell(f"filling `{view.name}`: {done:,} of {total:,} rows in {seconds:.0f} s")
            yield piece

    def _make(self, view: ViewShape, target: Stored, part: Part, select: str, named: str) -> Piece:
        """One piece, from nothing. Its table has a name that no other deploy gives."""
        database, lock = self.door.database, self.door.lock
        identity = _identity(view, target, select, named)
        name = f"{WORK_PREFIX}piece_{lock.holder}_{identity}"
        table = qualified(database, name)
        lock.run(f"CREATE TABLE {table} AS {qualified(database, target.name)}{_engine_of_piece(target)}")
        try:
            lock.run(_filling(table, self._columns(select), select, _restricted(database, part)))
        except DatabaseError as error:
            if not is_refusal(error):
                raise
            raise _failed(view, error) from error
        rows = self.door.client.query(f"SELECT count() FROM {table}").result_rows[0][0]
        piece = Piece(identity, name, target.name, int(rows))
        self.steps.filled(piece)
        return piece

    def _columns(self, select: str) -> list[str]:
        return [str(row[0]) for row in self.door.client.query(f"DESCRIBE ({select}\n)").result_rows]


def _whole(piece: Piece) -> tuple[str, Part]:
    return piece.identity, Part(piece.table, "", piece.rows)


def _identity(view: ViewShape, target: Stored, select: str, named: str) -> str:
    """The same for the same rows in a table of the same structure."""
    text = "\0".join((view.name, select, target.name, target.structure, named))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _engine_of_piece(target: Stored) -> str:
    """Parts can be attached to a MergeTree alone: what goes to another engine waits as rows."""
    return "" if target.is_merge_tree else " ENGINE = MergeTree ORDER BY tuple()"


def _restricted(database: str, part: Part) -> Mapping[str, str]:
    """The settings with which a statement sees this part of the table, wherever and however it names it."""
    if not part.condition:
        return _SETTINGS
    filters = f"{{{literal(f'{database}.{part.table}')}: {literal(part.condition)}}}"
    return {**_SETTINGS, "additional_table_filters": filters}


def _filling(table: str, columns: list[str], select: str, settings: Mapping[str, str]) -> str:
    """By the names of columns, as a view does."""
    names = ", ".join(map(identifier, columns))
    given = ", ".join(f"{name} = {value}" for name, value in settings.items())
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM ({select}\n) SETTINGS {given}"


def _failed(view: ViewShape, error: DatabaseError) -> RefusedStatementError:
    return RefusedStatementError(
        f"{view.place}: the view `{view.name}` cannot be filled from what is in `{view.source}`: "
        f"{reason_of_refusal(error)}\nit counts what comes in since it was made, and not what was there before",
        "change its SELECT and deploy again: the fill goes on from there; or remove the view",
    )
