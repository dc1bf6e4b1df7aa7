"""A materialized view as a value: what it reads, what it writes into, and the SQL between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.model import Place
from schemas.sql.text import identifier_if_needed, literal, qualified


@dataclass(frozen=True, slots=True)
class TableUse:
    """A table's name in a statement. With `alias` the statement's columns may be called by it. `is_text`: it is written
    as a string, as the first argument of `joinGet`."""

    table: str
    alias: str = ""
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class ViewShape:
    """A node of `TYPE materialized`, as the view that carries it out; it is called as its pipe is.

    `source` is the table whose inserts it sees, the first that its SELECT reads; `reads` are all tables, the source
    among them. `statement` is its SELECT, cut where it names a table, without values to bind. With `fills` a new view
    begins with what its source holds already.
    """

    name: str
    node: str
    source: str
    reads: tuple[str, ...]
    target: str
    statement: tuple[str | TableUse, ...]
    fills: bool = True
    place: Place = field(default=Place(""), compare=False)

    def select(self, database: str, instead: Mapping[str, str] | None = None) -> str:
        """The SELECT over the tables of a database; `instead` names other tables, or gives SQL in brackets, which a
        table that is read by `joinGet` cannot be."""
        replaced = instead or {}

        def written(part: str | TableUse) -> str:
            if isinstance(part, str):
                return part
            name = replaced.get(part.table, part.table)
            if part.is_text:
                return literal(f"{database}.{part.table if name.startswith('(') else name}")
            shown = name if name.startswith("(") else qualified(database, name)
            return f"{shown} AS {identifier_if_needed(part.alias)}" if part.alias else shown

        return "".join(map(written, self.statement))


@dataclass(frozen=True, slots=True)
class ViewChanges:
    """What a deploy does to the views of a database.

    `new` are made, each after those that it reads from; `changed` take the place of a view of their name, while their
    targets keep what is in them; `gone` are the names of views that are removed. A view of another target is gone and
    new at once. `unfilled` are made already by an earlier deploy, and what their sources held is not all in their
    targets.
    """

    new: tuple[ViewShape, ...] = ()
    changed: tuple[ViewShape, ...] = ()
    gone: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed or self.gone or self.unfilled)
