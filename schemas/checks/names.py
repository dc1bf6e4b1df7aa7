"""Names that a project cannot use, uses twice, or had better not: of its files, and of our own tables beside theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from schemas.feed import feed_of
from schemas.model import DataSource, Pipe, Problem
from schemas.own_names import DATABASE_TABLES, SERVICE_PREFIXES, WORK_PREFIX, tables_beside

Resource = DataSource | Pipe

_RESOURCE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# Of files that somebody copied: `daily (1).pipe`. What reads such a name must quote it.
_QUOTED_NAME = re.compile(r"[^\x00-\x1f\x7f/\\?#%{}<>\"'`]+")
_MAX_NAME = 150  # ClickHouse stores a table in files of its name, with a suffix of ours, of at most 255 bytes


def check_names(data_sources: Iterable[DataSource], pipes: Iterable[Pipe]) -> Iterator[Problem]:
    """Names that are taken twice, or that our own tables need."""
    taken: dict[str, Resource] = {}
    in_any_case: dict[str, Resource] = {}
    sources = tuple(data_sources)
    reserved = _reserved(sources)
    resources: tuple[Resource, ...] = (*sources, *pipes)
    for resource in resources:
        yield from _form(resource)
        if resource.name in taken:
            yield _taken_twice(taken[resource.name], resource)
        elif resource.name in reserved:
            text = f"the name `{resource.name}` is that of {reserved[resource.name]}"
            yield Problem(resource.place, text, "rename the file")
        elif resource.name.startswith(WORK_PREFIX):
            text = f"names that begin with `{WORK_PREFIX}` are those of tables that a deploy makes and drops again"
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


def _reserved(data_sources: Iterable[DataSource]) -> Mapping[str, str]:
    """The names of our own tables in this project's database, each with what it is."""
    reserved = {name: f"{what}, one of Birdhouse's own" for name, what in DATABASE_TABLES.items()}
    for data_source in data_sources:
        if feed_of(data_source) is not None:
            what = f"a table that belongs to the data source `{data_source.name}`"
            reserved |= dict.fromkeys(tables_beside(data_source.name), what)
    return reserved


def _form(resource: Resource) -> Iterator[Problem]:
    name = resource.name
    if _RESOURCE_NAME.fullmatch(name) and len(name) <= _MAX_NAME:
        return
    takes_events = isinstance(resource, DataSource) and feed_of(resource) is not None
    is_usable = _QUOTED_NAME.fullmatch(name) and len(name) <= _MAX_NAME and not takes_events
    text = f"`{name[:60]}` cannot be the name of a data source or pipe"
    if is_usable:
        text = f"`{name[:60]}` has to be quoted in SQL and escaped in a URL"
    hint = f"name the file with letters, digits, `_`, `-` and dots, {_MAX_NAME} characters at most"
    yield Problem(resource.place, text, hint, severity="warning" if is_usable else "error")


def _taken_twice(first: Resource, second: Resource) -> Problem:
    if _is_copy(first, second):
        text = f"the file says the same as {first.place.file}"
        return Problem(second.place, text, "remove one of them", severity="warning")
    text = f"the name `{second.name}` is taken by {first.place.file}"
    return Problem(second.place, text, "data sources and pipes share one set of names: rename one of the files")


def _is_copy(first: Resource, second: Resource) -> bool:
    """Whether two files mean the same: of pipes the folder may decide what is published."""
    if isinstance(first, Pipe) and isinstance(second, Pipe):
        types = [[node.type_name for node in pipe.nodes] for pipe in (first, second)]
        return first.source.split() == second.source.split() and types[0] == types[1]
    return type(first) is type(second) and first.source.split() == second.source.split()
