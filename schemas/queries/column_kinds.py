"""What the columns of each name hold, over all data sources of a project, for the times they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.model import ColumnType, DataSource
from schemas.template.values.moments import ColumnKind

_FAMILIES: Mapping[str, ColumnKind] = {
    "Date": "date",
    "Date32": "date",
    "DateTime": "second",
    "DateTime32": "second",
    "DateTime64": "fraction",
}
# The more general of two kinds comes later; dates and fractions together are as general as seconds.
_GENERALITY: tuple[ColumnKind, ...] = ("date", "fraction", "second", "zoned", "text")


def column_kinds(data_sources: Iterable[DataSource]) -> dict[str, ColumnKind]:
    """The kind of every column name; that of all its columns together where several data sources have it."""
    kinds: dict[str, ColumnKind] = {}
    for data_source in data_sources:
        for column in data_source.columns:
            name = column.name.rpartition(".")[2]
            kind, known = _kind(column.type), kinds.get(name)
            kinds[name] = kind if known is None else _together(known, kind)
    return kinds


def _kind(type_: ColumnType | None) -> ColumnKind:
    if type_ is None:
        return "text"
    bare = type_.bare
    kind = _FAMILIES.get(bare.family, "text")
    if any("'" in parameter for parameter in bare.parameters):
        return "zoned" if kind != "text" else kind
    return kind


def _together(first: ColumnKind, second: ColumnKind) -> ColumnKind:
    if {first, second} == {"date", "fraction"}:
        return "second"
    return max(first, second, key=_GENERALITY.index)
