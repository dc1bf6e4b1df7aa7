"""A data source in parts, to find out which line of its file ClickHouse refuses: each variant has one part more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from schemas.model import Column, DataSource, Engine, Place
from schemas.tables.shape import UNSORTED_ENGINES
from service.deployment.refusals import line_of

# Of an engine's clauses, in the order in which one needs the other: member, instruction.
_CLAUSES = (
    ("partition_key", "ENGINE_PARTITION_KEY"),
    ("sorting_key", "ENGINE_SORTING_KEY"),
    ("primary_key", "ENGINE_PRIMARY_KEY"),
    ("sampling_key", "ENGINE_SAMPLING_KEY"),
    ("ttl", "ENGINE_TTL"),
    ("settings", "ENGINE_SETTINGS"),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A data source as far as one part of it (`what`, for people) at `place`; the parts before it are taken."""

    place: Place
    what: str
    data_source: DataSource


def variants(data_source: DataSource) -> Iterator[Variant]:
    """The first that ClickHouse refuses is what it refuses."""
    bare = tuple(map(_bare, data_source.columns))
    plain = replace(data_source, engine=Engine(place=data_source.engine.place), indexes=(), projections=())
    for column in bare:
        yield Variant(column.place, f"the column `{column.name}`", replace(plain, columns=(column,)))
    for number, column in enumerate(data_source.columns):
        columns = (*bare[:number], column, *bare[number + 1 :])
        part = "the DEFAULT" if column.codec is None else "the DEFAULT or CODEC"
        yield Variant(column.place, f"{part} of the column `{column.name}`", replace(plain, columns=columns))
    yield Variant(data_source.place, "the columns together", replace(plain, columns=data_source.columns))
    yield from _clauses(data_source, plain)
    whole = replace(data_source, indexes=(), projections=())
    for index in data_source.indexes:
        yield Variant(index.place, f"the index `{index.name}`", replace(whole, indexes=(index,)))
    for projection in data_source.projections:
        yield Variant(
            projection.place, f"the projection `{projection.name}`", replace(whole, projections=(projection,))
        )


def plainest(data_source: DataSource) -> DataSource:
    """Its columns' names and types alone, in a table of no order."""
    return replace(
        data_source, columns=tuple(map(_bare, data_source.columns)), engine=Engine(), indexes=(), projections=()
    )


def _clauses(data_source: DataSource, plain: DataSource) -> Iterator[Variant]:
    engine = plain.engine
    whole = replace(plain, columns=data_source.columns)
    for member, instruction in _CLAUSES:
        text = getattr(data_source.engine, member)
        if text and data_source.engine.name not in UNSORTED_ENGINES:
            engine = replace(engine, **{member: text})
            place = line_of(data_source, instruction)
            yield Variant(place, f"{instruction} `{text}`", replace(whole, engine=engine))
    place = line_of(data_source, "ENGINE")
    yield Variant(place, f"the engine {data_source.engine.name}", replace(whole, engine=data_source.engine))


def _bare(column: Column) -> Column:
    """Its name and type alone; one without a type is known by its DEFAULT."""
    return column if column.type is None else replace(column, default=None, codec=None)
