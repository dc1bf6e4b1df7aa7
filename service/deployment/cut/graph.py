"""Which table feeds which through the views of a database, and which doors stand before them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clickhouse_connect.driver.client import Client

from schemas.own_names import landed_by
from schemas.tables.views.view import ViewShape


@dataclass(frozen=True, slots=True)
class Stored:
    """A table as ClickHouse has it. `structure` is equal for tables whose parts fit into each other."""

    name: str
    engine: str
    uuid: str
    structure: str
    rows: int | None = None  # None where ClickHouse does not count them

    @property
    def is_merge_tree(self) -> bool:
        return self.engine.endswith("MergeTree")

    @property
    def may_hold_rows(self) -> bool:
        return self.rows != 0 and not self.keeps_nothing

    @property
    def keeps_nothing(self) -> bool:
        return self.engine == "Null"


@dataclass(frozen=True, slots=True)
class Graph:
    """Tables by their names, and for each view which tables it reads as its source and writes into."""

    tables: Mapping[str, Stored]
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)  # view → tables
    targets: Mapping[str, str] = field(default_factory=dict)  # view → table

    def with_views(self, views: Iterable[ViewShape]) -> Graph:
        """The same with these views besides, or in the place of those of their names."""
        shapes = tuple(views)
        return replace(
            self,
            sources={**self.sources, **{view.name: frozenset({view.source}) for view in shapes}},
            targets={**self.targets, **{view.name: view.target for view in shapes}},
        )

    def upstream(self, tables: Iterable[str]) -> frozenset[str]:
        """These tables, and all from which rows come to them through views."""
        found, pending = set[str](), list(tables)
        while pending:
            table = pending.pop()
            if table not in found:
                found.add(table)
                views = (view for view, target in self.targets.items() if target == table)
                pending += [source for view in views for source in self.sources.get(view, ())]
        return frozenset(found)

    def doors(self, tables: Iterable[str]) -> tuple[str, ...]:
        """The data sources whose messages come to any of these tables, whatever the way."""
        return tuple(sorted(filter(None, map(landed_by, self.upstream(tables)))))


def read_graph(client: Client, database: str) -> Graph:
    """All tables and views of a database, whoever made them."""
    rows = client.query(
        "SELECT name, engine, toString(uuid), create_table_query, comment, total_rows, target_table,"
        " arrayFilter((view, of) -> of = database, dependencies_table, dependencies_database)"
        " FROM system.tables WHERE database = {database:String}",
        parameters={"database": database},
    ).result_rows
    sources: dict[str, set[str]] = {}
    for name, *_, views in rows:
        for view in views:
            sources.setdefault(view, set()).add(name)
    return Graph(
        {
            name: Stored(name, engine, uuid, _structure(create, comment), count)
            for name, engine, uuid, create, comment, count, *_ in rows
        },
        {view: frozenset(tables) for view, tables in sources.items()},
        {name: target for name, engine, *_, target, _ in rows if engine == "MaterializedView"},
    )


def _structure(create: str, comment: str) -> str:
    """The statement that makes a table, without its name and its comment."""
    text = create.partition("(")[2]
    return text.rpartition(" COMMENT ")[0] if comment else text


def in_order(views: Iterable[ViewShape]) -> list[ViewShape]:
    """Each after those that write what it reads from; the order that they come in otherwise."""
    pending, ordered = list(views), list[ViewShape]()
    while pending:
        targets = {view.target for view in pending}
        free = [view for view in pending if view.source not in targets or view.source == view.target]
        ordered += free or pending  # a circle, which a project's checks refuse
        pending = [view for view in pending if view not in ordered]
    return ordered


def waves(views: Sequence[ViewShape]) -> list[tuple[ViewShape, ...]]:
    """Those that are filled together, one wave after the other: what a view looks up besides its source is filled, and
    in its place, before the view reads it."""
    levels: dict[str, int] = {}

    def level(view: ViewShape, behind: frozenset[str] = frozenset()) -> int:
        if view.name in behind:
            return 0  # it looks itself up
        if view.name not in levels:
            within = behind | {view.name}
            looked_up = {*view.reads} - {view.source}
            before = [level(other, within) for other in views if other.target == view.source]
            after = [1 + level(other, within) for other in views if other.target in looked_up and other is not view]
            levels[view.name] = max((*before, *after), default=0)
        return levels[view.name]

    for view in views:
        level(view)
    numbers = sorted(set(levels.values()))
    return [tuple(view for view in views if levels[view.name] == number) for number in numbers]
