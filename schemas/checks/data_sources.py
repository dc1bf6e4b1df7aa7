"""What has to agree within a data source and across a project, beyond what a file's grammar can say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from schemas.checks.engines import check_engine, engine_warnings
from schemas.feed import feed_of
from schemas.files.column_type import is_state
from schemas.files.projections import check_projections
from schemas.mapping.values.conversion import is_ingestible
from schemas.model import Column, DataSource, Index, Pipe, Place, Problem
from schemas.own_names import (
    DATABASE_TABLES,
    INTERNAL_NAME,
    METADATA,
    OFFSET_INDEX_NAME,
    SERVICE_PREFIXES,
    tables_beside,
)

_RESOURCE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# Of files that somebody copied: `daily (1).pipe`. What reads such a name must quote it.
_QUOTED_NAME = re.compile(r"[^\x00-\x1f\x7f/\\?#%{}<>\"'`]+")
_MAX_NAME = 150  # ClickHouse stores a table in files of its name, with a suffix of ours, of at most 255 bytes


def check_data_source(data_source: DataSource, lines: Mapping[Place, str]) -> Iterator[Problem]:
    """What is wrong with a data source by itself. `lines` are the file's lines by place, to show them."""

    def problem(place: Place, message: str, hint: str = "") -> Problem:
        return Problem(place, message, hint, lines.get(Place(place.file, place.line), ""))

    takes_events = feed_of(data_source) is not None
    seen: set[str] = set()
    for column in data_source.columns:
        if column.name in seen:
            yield problem(column.place, f"the column `{column.name}` is declared twice", "rename or remove one of them")
        seen.add(column.name)
        if column.name in METADATA and column.json_path is not None:
            text = f"`{column.name}` is a fact about the message: its JSONPath counts for nothing"
            yield replace(problem(column.place, text, "leave the JSONPath out"), severity="warning")
        is_empty = takes_events and column.json_path is None and column.default is None
        # A JSONPath of a state has its own warning, and no JSON could fill it.
        if is_empty and column.name not in METADATA and not is_state(column.type):
            text = f"the column `{column.name}` has no JSONPath and no DEFAULT, while other columns have a JSONPath"
            hint = f"add `json:$.{column.name}` behind its type; until then events leave it empty"
            yield replace(problem(column.place, text, hint), severity="warning")
    yield from (problem(column.place, *words) for column, *words in _paths(data_source, takes_events=takes_events))
    yield from (problem(index.place, *words) for index, *words in _indexes(data_source, takes_events=takes_events))
    yield from (problem(projection.place, *words) for projection, *words in check_projections(data_source))
    place = data_source.engine.place if data_source.engine.place.file else data_source.place
    yield from (problem(place, *words) for words in check_engine(data_source, takes_events=takes_events))
    for words in engine_warnings(data_source):
        yield replace(problem(place, *words), severity="warning")


def check_names(data_sources: Iterable[DataSource], pipes: Iterable[Pipe]) -> Iterator[Problem]:
    """Names that are taken twice, or that our own tables need."""
    taken: dict[str, DataSource | Pipe] = {}
    in_any_case: dict[str, DataSource | Pipe] = {}
    reserved = {name: f"{what}, one of Birdhouse's own" for name, what in DATABASE_TABLES.items()}
    sources = tuple(data_sources)
    fed = [data_source.name for data_source in sources if feed_of(data_source) is not None]
    for name in fed:
        reserved |= dict.fromkeys(tables_beside(name), f"a table that belongs to the data source `{name}`")
    resources: tuple[DataSource | Pipe, ...] = (*sources, *pipes)
    for resource in resources:
        if not _RESOURCE_NAME.fullmatch(resource.name) or len(resource.name) > _MAX_NAME:
            takes_events = isinstance(resource, DataSource) and resource.name in fed
            is_usable = _QUOTED_NAME.fullmatch(resource.name) and len(resource.name) <= _MAX_NAME and not takes_events
            text = f"`{resource.name[:60]}` cannot be the name of a data source or pipe"
            if is_usable:
                text = f"`{resource.name[:60]}` has to be quoted in SQL and escaped in a URL"
            hint = f"name the file with letters, digits, `_`, `-` and dots, {_MAX_NAME} characters at most"
            yield Problem(resource.place, text, hint, severity="warning" if is_usable else "error")
        if resource.name in taken:
            first = taken[resource.name]
            if _is_copy(first, resource):
                text = f"the file says the same as {first.place.file}"
                yield Problem(resource.place, text, "remove one of them", severity="warning")
            else:
                text = f"the name `{resource.name}` is taken by {first.place.file}"
                yield Problem(
                    resource.place, text, "data sources and pipes share one set of names: rename one of the files"
                )
        elif resource.name in reserved:
            text = f"the name `{resource.name}` is that of {reserved[resource.name]}"
            yield Problem(resource.place, text, "rename the file")
        elif resource.name.lower().startswith(SERVICE_PREFIXES):
            text = f"names that begin with `{resource.name.partition('.')[0]}.` are those of service data sources"
            yield Problem(resource.place, text, "rename the file")
        elif (alike := in_any_case.get(resource.name.lower())) is not None:
            text = f"the name `{resource.name}` differs from that of {alike.place.file} by its case alone"
            hint = "they are two; rename one, or a query that mistakes them reads the other without an error"
            yield Problem(resource.place, text, hint, severity="warning")
        taken.setdefault(resource.name, resource)
        in_any_case.setdefault(resource.name.lower(), resource)


def _is_copy(first: DataSource | Pipe, second: DataSource | Pipe) -> bool:
    """Whether two files mean the same: of pipes the folder may decide what is published."""
    if isinstance(first, Pipe) and isinstance(second, Pipe):
        types = [[node.type for node in pipe.nodes] for pipe in (first, second)]
        return first.source.split() == second.source.split() and types[0] == types[1]
    return type(first) is type(second) and first.source.split() == second.source.split()


def _indexes(data_source: DataSource, *, takes_events: bool) -> Iterator[tuple[Index, str, str]]:
    seen: set[str] = set()
    for index in data_source.indexes:
        if index.name in seen:
            yield index, f"the index `{index.name}` is declared twice", "rename or remove one of them"
        elif index.name == OFFSET_INDEX_NAME and takes_events:
            yield index, f"the name `{index.name}` is one of Birdhouse's own", "rename the index"
        seen.add(index.name)


def _paths(data_source: DataSource, *, takes_events: bool) -> Iterator[tuple[Column, str, str]]:
    for column in data_source.columns:
        if takes_events and INTERNAL_NAME.fullmatch(column.name):
            yield column, f"the name `{column.name}` is one of Birdhouse's own", "rename the column"
        if column.json_path is None:
            continue
        if column.type is None:
            yield column, f"the column `{column.name}` has a JSONPath and no type", "write its type behind the name"
        elif not is_ingestible(column.type):
            text = f"a column of the type {column.type.text} cannot be filled from JSON"
            yield column, text, "leave its JSONPath out, or take String and convert it in a pipe"
