"""What a table's name in a node's SQL means: a node, another pipe, a data source, or something outside the project."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.model import Copy, DataSource, Endpoint
from schemas.own_names import quarantined_by
from schemas.queries.column_kinds import column_kinds
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.sql.named import TableFunction, TableName
from schemas.sql.text import identifier

# Tinybird's lists: everywhere, and in copy pipes alone.
TABLE_FUNCTIONS = frozenset({"generateRandom", "null", "numbers", "numbers_mt", "values", "zeros", "zeros_mt"})
COPY_TABLE_FUNCTIONS = frozenset(
    {"postgresql", "mysql", "mongodb", "url", "azureBlobStorage", "gcs", "iceberg", "s3", "deltaLake"}
)
# What rearranges the tables it is given and reaches no others.
_TRANSPARENT_FUNCTIONS = frozenset({"view"})
SYSTEM_TABLES = frozenset({"system.functions", "system.numbers", "system.numbers_mt", "system.one"})
_RELEASE = re.compile(r"v[0-9]+_[0-9]+_[0-9]+\.(.+)")
SERVICE_DATABASES = frozenset({"tinybird", "organization"})


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table that a node may read: that of a data source or its quarantine, or one of ClickHouse's own."""

    name: str
    is_of_system: bool = False

    @property
    def sql(self) -> str:
        return self.name if self.is_of_system else identifier(self.name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The database, where the name says one, and the table."""
        return tuple(self.name.split(".")) if self.is_of_system else (self.name,)


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name that is nothing to be had here. `is_of_service`: Tinybird has it, as a data source of its own."""

    problem: str
    is_of_service: bool = False


Meaning = NodeKey | KnownTable | UnknownName


class Resolver:
    """The names of one project."""

    def __init__(self, data_sources: Mapping[str, DataSource], pipes: Mapping[str, Mapping[str, CompiledNode]]) -> None:
        self._data_sources = data_sources
        self.column_kinds = column_kinds(data_sources.values())
        self._pipes = pipes

    def table(self, within: NodeKey, table: TableName) -> Meaning:
        """A table named in a node: the pipe's own nodes first, then the project's resources."""
        name = table.name
        if name != within.node and name in self._pipes.get(within.pipe, {}):
            return NodeKey(within.pipe, name)
        for candidate in (name, without_version(name)):
            found = self._resource(candidate)
            if found is not None:
                return found
        if name in SYSTEM_TABLES:
            return KnownTable(name, is_of_system=True)
        if len(table.parts) > 1 and table.parts[0] in SERVICE_DATABASES:
            return UnknownName(f"the service data source `{name}` does not exist here", is_of_service=True)
        return UnknownName(not_found(name))

    def _resource(self, name: str) -> NodeKey | KnownTable | None:
        if name in self._data_sources:
            return KnownTable(name)
        if quarantined_by(name) in self._data_sources:
            return KnownTable(name)
        if self._pipes.get(name):
            return self._answering_node(name)
        return None

    def _answering_node(self, pipe: str) -> NodeKey:
        """A pipe named as a table is its endpoint, else its last node."""
        nodes = list(self._pipes[pipe].values())
        endpoint = next((node for node in nodes if isinstance(node.node.kind, Endpoint)), nodes[-1])
        return endpoint.key

    def function_problem(self, function: TableFunction, node: CompiledNode) -> str:
        """Why a table function may not stand in this node; empty when it may."""
        name = function.name
        if name.lower() == "values":
            return ""  # `FROM (VALUES …)`, too
        if name in TABLE_FUNCTIONS or name in _TRANSPARENT_FUNCTIONS:
            return ""
        if name in COPY_TABLE_FUNCTIONS:
            return (
                "" if isinstance(node.node.kind, Copy) else f"the table function `{name}` may stand in copy pipes only"
            )
        return f"the table function `{name}` is not allowed"

    def closest(self, pipe: str, name: str) -> str:
        """A name much like one that is unknown, for a hint; empty when there is none."""
        known = [*self._pipes.get(pipe, {}), *self._data_sources, *self._pipes]
        return next(iter(difflib.get_close_matches(name, known, 1)), "")


def not_found(name: str) -> str:
    """What is said of a name that the project does not have."""
    return f"Resource '{name}' not found"


def without_version(name: str) -> str:
    """`events__v2` is version 2 of `events` in Classic projects, `v0_0_2.events` that of release 0.0.2."""
    if release := _RELEASE.fullmatch(name):
        return release[1]
    base, separator, version = name.rpartition("__v")
    return base if separator and version.isdigit() else name
