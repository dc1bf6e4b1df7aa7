"""The tables of a project as they are tried: each data source's own and its quarantine, without a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from schemas.model import DataSource, Place, Problem
from schemas.own_names import quarantine_table
from schemas.tables.ddl.tables import quarantine_ddl, table_ddl
from schemas.tables.source_shape import shape_of
from service.analysis.answers import Answer, Asking
from service.analysis.words import reason_of, source_line
from service.deployment.variants import plainest, variants

_PROBE = "probe__"


@dataclass(frozen=True, slots=True)
class ScratchTable:
    """A table by its shape; in an empty `database` its DDL names none."""

    name: str
    data_source: DataSource
    is_quarantine: bool = False
    names_zone: bool = False
    _ddl: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def ddl(self, database: str) -> str:
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


def try_tables(data_sources: Iterator[DataSource], asking: Asking, *, names_zone: bool) -> Tables:
    """Try every table. One that is refused for its engine, keys or defaults stands in for itself without them, so that
    what reads it can be looked at all the same."""
    tables = Tables()
    for data_source in data_sources:
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
    return tables


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
