"""What somebody changed of a deployed data source by hand: what it is now, held against what the last deploy made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.model import DataSource
from schemas.own_names import KEY, PROVENANCE, VALUE, incoming, quarantine_table
from schemas.sql.text import identifier, qualified
from schemas.tables.change import Change, Effect
from schemas.tables.ddl import (
    column_ddl,
    hidden_columns_of,
    hidden_ddl,
    mapping_ddl,
    quarantined_columns,
    stored_columns,
)
from schemas.tables.made import Made, MadeTable
from schemas.tables.stored_zone import stored_type


def changed_by_hand(
    data_source: DataSource, made: Made, now: Made, found: Sequence[Change], database: str, names_zone: bool
) -> Iterator[Change]:
    """The changes that put it right, beside those that were `found` by comparing it with the file."""
    is_same_version = made.version == now.version
    for name, was in made.tables.items():
        if name not in now.tables:
            continue
        own = name == data_source.name
        expected = _expected(data_source, name)
        for column, (kind, default) in was.columns.items():
            if column not in expected:  # dropped on purpose: the file is without it too
                continue
            if column not in now.tables[name].columns:
                yield _lost(name, column)
                continue
            kind_now, default_now = now.tables[name].columns[column]
            if kind_now != kind and not (own and _is_of_file(data_source, column, kind_now)):
                yield _retyped(name, column, kind, kind_now, database)
            elif own and is_same_version and default_now != default and not _is_told(found, column):
                yield _defaulted(data_source, column, default, default_now, database, names_zone)
        yield from _table(data_source, name, was, now.tables[name], found, database, is_same_version=is_same_version)
    if is_same_version and made.passage != now.passage and not any(change.mapping for change in found):
        mapping = mapping_ddl(data_source, database)
        assert mapping is not None
        said = "make the views and tables between message and row anew: they were changed by hand"
        yield Change(
            Effect.ADDS,
            data_source.name,
            said,
            mapping.statements,
            mapping=mapping,
            replaces_mapping=True,
            loses=True,
        )


def _expected(data_source: DataSource, table: str) -> frozenset[str]:
    """The columns that one of its tables has to have."""
    if table == data_source.name:
        columns, hidden = stored_columns(data_source), hidden_columns_of(data_source)
    else:
        columns, hidden = quarantined_columns(data_source), (*PROVENANCE, KEY, VALUE)
    return frozenset({*columns, *(incoming(name) for name in hidden)})


def _lost(name: str, column: str) -> Change:
    """Adding it again is a change of its own; this one says why nothing may be inserted until then."""
    said = f"the column `{column}` was dropped by hand: what is inserted without it would lose its values"
    return Change(Effect.ADDS, name, said, loses=True)


def _retyped(name: str, column: str, was: str, now: str, database: str) -> Change:
    back = f"ALTER TABLE {qualified(database, name)} MODIFY COLUMN {identifier(column)} {was}"
    said = f"the column `{column}` was made `{was}` and is `{now}` by hand: values would be changed on their way"
    hint = f"give it its type back ({back}), or write the new one into the file"
    return Change(Effect.REFUSED, name, said, hint=hint, loses=True, answers=True)


def _defaulted(data_source: DataSource, column: str, was: str, now: str, database: str, names_zone: bool) -> Change:
    alter = f"ALTER TABLE {qualified(database, data_source.name)} MODIFY COLUMN"
    said = f"the DEFAULT of `{column}` was changed by hand from `{was}` to `{now}`: it becomes that of the file again"
    return Change(
        Effect.ALTERS,
        data_source.name,
        said,
        (f"{alter} {_default_ddl(data_source, column, now, names_zone)}",),
        loses=True,
    )


def _default_ddl(data_source: DataSource, name: str, now: str, names_zone: bool) -> str:
    for hidden in hidden_columns_of(data_source):
        if name in (hidden, incoming(hidden)):
            return hidden_ddl(hidden)[name == hidden]
    column = next((column for column in data_source.columns if column.name == name), None)
    if column is not None and column.default is not None:
        return column_ddl(column, names_zone=names_zone)
    return f"{identifier(name)} REMOVE {now.split()[0]}"


def _table(
    data_source: DataSource,
    name: str,
    was: MadeTable,
    now: MadeTable,
    found: Sequence[Change],
    database: str,
    *,
    is_same_version: bool,
) -> Iterator[Change]:
    if was.engine != now.engine:
        said = f"the engine was {was.engine} and is {now.engine} by hand"
        yield Change(Effect.REFUSED, name, said, hint="make the table anew by hand, with its rows", loses=True)
    if is_same_version and was.ttl != now.ttl and not any("TTL" in change.description for change in found):
        yield _ttl(data_source, name, was.ttl, now.ttl, database)


def _ttl(data_source: DataSource, name: str, was: str, now: str, database: str) -> Change:
    wanted = data_source.engine.ttl if name != quarantine_table(data_source.name) else None
    change = f"MODIFY TTL {wanted}" if wanted else "REMOVE TTL"
    said = f"the TTL was changed by hand from `{was}` to `{now}`: it becomes that of the file again"
    return Change(Effect.ALTERS, name, said, (f"ALTER TABLE {qualified(database, name)} {change}",))


def _is_of_file(data_source: DataSource, name: str, kind: str) -> bool:
    """Whether the file says by now what was made by hand."""
    column = next((column for column in data_source.columns if column.name == name), None)
    return (
        column is not None
        and column.type is not None
        and _plain(stored_type(column.type.text)) == _plain(stored_type(kind))
    )


def _is_told(found: Sequence[Change], column: str) -> bool:
    return any(f"`{column}`" in change.description for change in found)


def _plain(text: str) -> str:
    return "".join(text.split())
