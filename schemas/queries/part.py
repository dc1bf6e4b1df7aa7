"""One node's share of a statement: its rendered text, and what the names in it are."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.queries.counting.row_counts import RowCount
from schemas.queries.nodes import NodeKey
from schemas.queries.resolve import KnownTable
from schemas.sql.named import SqlNames, TableName


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """A name in the text that is a node."""

    table: TableName
    key: NodeKey


@dataclass(frozen=True, slots=True)
class TableTarget:
    """A name in the text that is a table of the database."""

    table: TableName
    known: KnownTable


# Compared by identity: parts are the key of the cache of statements, and those of equal texts come out of a cache.
@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One node of a statement.

    `nodes` and `tables` are what the names in `sql` are, in its order; a name after IN that is neither is a column.
    """

    key: NodeKey
    sql: str
    names: SqlNames
    nodes: tuple[NodeTarget, ...]
    tables: tuple[TableTarget, ...]
    row_counts: tuple[RowCount, ...] = ()
