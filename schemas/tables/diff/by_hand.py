"""What somebody changed of a deployed data source by hand: what it is now, held against what the last deploy made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.sql.text import identifier, qualified
from schemas.tables.change import TTL, Change, Effect
from schemas.tables.ddl.mapping import mapping_ddl
from schemas.tables.ddl.tables import column_ddl, hidden_ddl
from schemas.tables.diff.comparison import plain
from schemas.tables.made import Made, MadeColumn, MadeTable
from schemas.tables.shape import TableShape
from schemas.tables.source_shape import SourceShape
from schemas.tables.stored_zone import stored_type


def changed_by_hand(
    source: SourceShape, made: Made, now: Made, found: Sequence[Change], database: str, *, names_zone: bool
) -> Iterator[Change]:
    """The changes that put it right, beside those that were `found` by comparing it with the file."""
    is_same_version = made.version == now.version
    told = frozenset(change.part for change in found)
    shapes = source.tables()
    for name, was in made.tables.items():
        if name in now.tables:
            table = _Table(name, database, shapes[name], was, now.tables[name], names_zone, name == source.name)
            yield from _columns(table, told, compares_texts=is_same_version)
            yield from _engine(table)
            if is_same_version and was.ttl != table.now.ttl and TTL not in told:
                yield _ttl(table)
    if is_same_version and made.passage != now.passage and not any(change.mapping for change in found):
        yield _mapping(source, database)


@dataclass(frozen=True, slots=True)
class _Table:
    """One of its tables: what it should be, what the last deploy made and what there is now."""

    name: str
    database: str
    wanted: TableShape
    was: MadeTable
    now: MadeTable
    names_zone: bool
    is_own: bool  # the data source's own, not its quarantine

    @property
    def alter(self) -> str:
        return f"ALTER TABLE {qualified(self.database, self.name)}"


def _columns(table: _Table, told: frozenset[str], *, compares_texts: bool) -> Iterator[Change]:
    for name, was in table.was.columns.items():
        if name not in table.wanted.all_names:  # dropped on purpose: the file is without it too
            continue
        now = table.now.columns.get(name)
        if now is None:
            yield _lost(table, name)
        elif now.type != was.type and not (table.is_own and _is_of_file(table.wanted, name, now.type)):
            yield _retyped(table, name, was, now)
        elif table.is_own and compares_texts and now.default != was.default and name not in told:
            yield _defaulted(table, name, was, now)


def _lost(table: _Table, name: str) -> Change:
    """Adding it again is a change of its own; this one says why nothing may be inserted until then."""
    said = f"the column `{name}` was dropped by hand: what is inserted without it would lose its values"
    return Change(Effect.ADDS, table.name, said, part=name, loses=True)


def _retyped(table: _Table, name: str, was: MadeColumn, now: MadeColumn) -> Change:
    back = f"{table.alter} MODIFY COLUMN {identifier(name)} {was.type}"
    changed = f"the column `{name}` was made `{was.type}` and is `{now.type}` by hand"
    said = f"{changed}: values would be changed on their way"
    hint = f"give it its type back ({back}), or write the new one into the file"
    return Change(Effect.REFUSED, table.name, said, hint=hint, part=name, loses=True, answers=True)


def _defaulted(table: _Table, name: str, was: MadeColumn, now: MadeColumn) -> Change:
    said = (
        f"the DEFAULT of `{name}` was changed by hand from `{was.default}` to `{now.default}`:"
        " it becomes that of the file again"
    )
    modify = f"{table.alter} MODIFY COLUMN {_wanted_ddl(table, name, now)}"
    return Change(Effect.ALTERS, table.name, said, (modify,), part=name, loses=True)


def _wanted_ddl(table: _Table, name: str, now: MadeColumn) -> str:
    for hidden in table.wanted.hidden:
        if name in hidden.names:
            return hidden_ddl(hidden)[hidden.names.index(name)]
    column = next((column for column in table.wanted.columns if column.name == name), None)
    if column is not None and column.default is not None:
        return column_ddl(column.in_utc() if table.names_zone else column)
    return f"{identifier(name)} REMOVE {now.default.split()[0]}"


def _engine(table: _Table) -> Iterator[Change]:
    if table.was.engine != table.now.engine:
        said = f"the engine was {table.was.engine} and is {table.now.engine} by hand"
        hint = "make the table anew by hand, with its rows"
        yield Change(Effect.REFUSED, table.name, said, hint=hint, loses=True)


def _ttl(table: _Table) -> Change:
    change = f"MODIFY TTL {table.wanted.ttl}" if table.wanted.ttl else "REMOVE TTL"
    said = f"the TTL was changed by hand from `{table.was.ttl}` to `{table.now.ttl}`: it becomes that of the file again"
    return Change(Effect.ALTERS, table.name, said, (f"{table.alter} {change}",), part=TTL)


def _mapping(source: SourceShape, database: str) -> Change:
    mapping = mapping_ddl(source, database)
    assert mapping is not None
    return Change(
        Effect.ADDS,
        source.name,
        "make the views and tables between message and row anew: they were changed by hand",
        mapping.statements,
        mapping=mapping,
        replaces_mapping=True,
        loses=True,
    )


def _is_of_file(wanted: TableShape, name: str, kind: str) -> bool:
    """Whether the file says by now what was made by hand."""
    column = next((column for column in wanted.columns if column.name == name), None)
    return column is not None and bool(column.type) and plain(stored_type(column.type)) == plain(stored_type(kind))
