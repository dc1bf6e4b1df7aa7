"""The tables of a project as they are tried: each data source's own and its quarantine, without a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from schemas.model import DataSource, Place, Problem
from schemas.own_names import quarantine_table
from schemas.tables.ddl.tables import quarantine_ddl, selected_table_ddl, table_ddl
from schemas.tables.source_shape import shape_of
from schemas.tables.views.project import ProjectViews
from schemas.tables.views.view import ViewShape
from service.analysis.answers import Answer, Asking
from service.analysis.words import reason_of, source_line
from service.clickhouse.codes import Code
from service.deployment.variants import plainest, variants

_PROBE = "probe__"
# Told of the node itself, with its place.
_OF_THE_SELECT = (Code.SYNTAX_ERROR, Code.UNKNOWN_FUNCTION, Code.UNKNOWN_TABLE, Code.UNKNOWN_IDENTIFIER)


@dataclass(frozen=True, slots=True)
class ScratchTable:
    """A table by its shape; in an empty `database` its DDL names none.

    One that no file describes has the columns that `view` selects (Classic), and `needs` what that reads.
    """

    name: str
    data_source: DataSource
    is_quarantine: bool = False
    names_zone: bool = False
    view: ViewShape | None = None
    needs: tuple[ScratchTable, ...] = ()
    _ddl: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def identity(self) -> str:
        return "\n".join((self.ddl(""), *(needed.identity for needed in self.needs)))

    def ddl(self, database: str) -> str:
        if self.view is not None:
            return selected_table_ddl(shape_of(self.data_source), database, "", self.view.select(database))
        if database not in self._ddl:
            make = quarantine_ddl if self.is_quarantine else table_ddl
            self._ddl[database] = make(shape_of(self.data_source), database, names_zone=self.names_zone)
        return self._ddl[database]


@dataclass(slots=True)
class Tables:
    """The tables that could be made, by name, and what is wrong with the others, whose data sources are `broken`."""

    usable: dict[str, ScratchTable] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)


def try_tables(
    data_sources: Mapping[str, DataSource], views: ProjectViews, asking: Asking, *, names_zone: bool
) -> Tables:
    """Try every table. One that is refused for its engine, keys or defaults stands in for itself without them, so that
    what reads it can be looked at all the same."""
    tables = Tables()
    for data_source in data_sources.values():
        if data_source.described_by:
            continue
        for table in _tables_of(data_source, names_zone):
            answer = asking.make(table)
            if not answer.is_refused:
                tables.usable[table.name] = table
                continue
            if data_source.name not in tables.broken:
                tables.problems.append(_located(table, answer, asking))
            tables.broken.add(data_source.name)
            stand_in = replace(table, data_source=plainest(data_source), _ddl={})
            if table.is_quarantine or asking.make(stand_in).is_refused:
                tables.unusable.add(table.name)
            else:
                tables.usable[table.name] = stand_in
    for view in views.shapes:
        target = data_sources[view.target]
        if target.described_by == view.name:
            _try_described(target, view, tables, asking)
    tables.unusable |= {name for name, each in data_sources.items() if each.described_by} - tables.usable.keys()
    return tables


def _try_described(data_source: DataSource, view: ViewShape, tables: Tables, asking: Asking) -> None:
    """Try a table that ENGINE lines of a node describe. What it reads may be what is wrong: that is told there."""
    if not tables.unusable.isdisjoint(view.reads) or any(name not in tables.usable for name in view.reads):
        return
    needs = tuple(tables.usable[name] for name in view.reads)
    table = ScratchTable(data_source.name, data_source, view=view, needs=needs)
    answer = asking.make(table)
    if not answer.is_refused:
        tables.usable[table.name] = table
    elif answer.code not in _OF_THE_SELECT:
        tables.problems.append(_problem(data_source, data_source.place, "the table by the ENGINE lines", answer))
        tables.broken.add(data_source.name)


def _tables_of(data_source: DataSource, names_zone: bool) -> Iterator[ScratchTable]:
    yield ScratchTable(data_source.name, data_source, names_zone=names_zone)
    if shape_of(data_source).quarantine is not None:
        yield ScratchTable(quarantine_table(data_source.name), data_source, is_quarantine=True, names_zone=names_zone)


def _located(table: ScratchTable, refusal: Answer, asking: Asking) -> Problem:
    """Which line is refused: the first part of the data source that is."""
    data_source = table.data_source
    if not table.is_quarantine:
        for number, part in enumerate(variants(data_source)):
            name = f"{_PROBE}{number}_{data_source.name}"  # one that nothing has: CREATE passes over what is there
            probe = ScratchTable(name, replace(part.data_source, name=name), names_zone=table.names_zone)
            found = asking.make(probe)
            if found.is_refused:
                return _problem(data_source, part.place, part.what, found)
    return _problem(data_source, data_source.place, "the table", refusal)


def _problem(data_source: DataSource, place: Place, what: str, refusal: Answer) -> Problem:
    reason = reason_of(refusal.reason)
    message = f"ClickHouse refuses {what} of the data source `{data_source.name}`: {reason.text}"
    return Problem(place, message, reason.hint, source_line(data_source.source, place))
