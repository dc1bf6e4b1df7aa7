"""The shape of a table: what a file and Birdhouse ask of it, as frozen values without a table's name or database.

It is derived once from a data source (`schemas.tables.source_shape`). DDL renders it, the table's comment stores it,
and the diff compares two. Tables of one shape can stand for each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from schemas.own_names import incoming
from schemas.tables.stored_zone import stored_type

UNSORTED_ENGINES = ("Null", "Join")
"""The engines that are no MergeTree: they have neither keys, TTL and projections, nor settings of a file."""


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column as the file writes it. `type` is empty where ClickHouse infers it from the DEFAULT."""

    name: str
    type: str = ""
    default: str | None = None
    codec: str | None = None

    def in_utc(self) -> ColumnShape:
        """The column with UTC as the zone of times that name none."""
        return replace(self, type=stored_type(self.type))


@dataclass(frozen=True, slots=True)
class HiddenColumn:
    """A value that `SELECT *` leaves out, kept in two columns: an EPHEMERAL one takes it on insert, and a MATERIALIZED
    one of this name stores it (a view may not insert into a MATERIALIZED column)."""

    name: str
    type: str

    @property
    def incoming(self) -> str:
        return incoming(self.name)

    @property
    def names(self) -> tuple[str, str]:
        """Of both columns: the one that takes the value, and the one that keeps it."""
        return self.incoming, self.name


@dataclass(frozen=True, slots=True)
class IndexShape:
    """A data-skipping index: `type` with its arguments."""

    name: str
    expression: str
    type: str
    granularity: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectionShape:
    """Columns that are kept a second time in another order."""

    name: str
    columns: str
    keys: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Engine and clauses that no ALTER can change; a clause that is left out is empty."""

    engine: str  # with its arguments
    partition_key: str = ""
    sorting_key: str = ""
    primary_key: str = ""
    sampling_key: str = ""

    def by_clause(self) -> dict[str, str]:
        """What people call each of them → its text."""
        return {
            "engine": self.engine,
            "partition key": self.partition_key,
            "sorting key": self.sorting_key,
            "primary key": self.primary_key,
            "sampling key": self.sampling_key,
        }


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a table, which a file need not write."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition without which a row is refused."""

    name: str
    check: str


@dataclass(frozen=True, slots=True)
class Writer:
    """A view that writes into a table, and the table whose inserts it sees."""

    view: str
    source: str


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table. `settings` is the text of its file, `needed` what it needs besides.

    `is_target`: views write into it, and `writers` are all that ever did. `selected_by` is the view whose SELECT gives
    its columns, where no file does: `columns` is empty then.
    """

    columns: tuple[ColumnShape, ...]
    keys: Keys
    hidden: tuple[HiddenColumn, ...] = ()
    indexes: tuple[IndexShape, ...] = ()
    projections: tuple[ProjectionShape, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    ttl: str = ""
    settings: str = ""
    needed: tuple[Setting, ...] = ()
    takes_events: bool = False
    is_target: bool = False
    writers: tuple[Writer, ...] = ()
    selected_by: str = ""

    @property
    def engine_name(self) -> str:
        return self.keys.engine.partition("(")[0]

    @property
    def is_merge_tree(self) -> bool:
        return self.engine_name not in UNSORTED_ENGINES

    @property
    def kept_names(self) -> tuple[str, ...]:
        """The columns that keep what is inserted: those of the file, and of each hidden pair the one that stores."""
        return (*(column.name for column in self.columns), *(hidden.name for hidden in self.hidden))

    @property
    def all_names(self) -> frozenset[str]:
        """Every column that the table has."""
        return frozenset((*self.kept_names, *(hidden.incoming for hidden in self.hidden)))

    def in_utc(self) -> TableShape:
        """The shape with UTC as the zone of times that name none: for a server that is in another."""
        return replace(self, columns=tuple(column.in_utc() for column in self.columns))
