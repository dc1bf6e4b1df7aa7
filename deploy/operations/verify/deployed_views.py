"""The materialized views of a database as values, whoever made them: what each reads and writes, and its SELECT."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from schemas.model import Project
from schemas.own_names import views
from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError
from schemas.tables.views.deployed import from_comment
from schemas.tables.views.view import ViewShape
from service.clickhouse.asking import Asker

_VIEWS = (
    "SELECT name, as_select, target_table, comment FROM system.tables"
    " WHERE database = {database:String} AND engine = 'MaterializedView' AND target_database = database"
    " AND NOT startsWith(target_table, '.inner') ORDER BY name"
)
_SOURCES = (
    "SELECT view, name FROM system.tables ARRAY JOIN dependencies_table AS view, dependencies_database AS of_view"
    " WHERE database = {database:String} AND of_view = database"
)


def deployed_views(asker: Asker, project: Project) -> list[ViewShape]:
    """All but those of the mapping of its data sources. Raises the driver's errors."""
    return list(_shapes(asker, {view for data_source in project.data_sources for view in views(data_source)}))


def _shapes(asker: Asker, own: Collection[str]) -> Iterator[ViewShape]:
    sources: dict[str, str] = dict(asker.rows(_SOURCES))
    for name, select, target, comment in asker.rows(_VIEWS):
        if name in sources and name not in own:
            noted = from_comment(comment)
            yield ViewShape(
                name=name,
                node="",
                source=sources[name],
                reads=_reads(select) or (sources[name],),
                target=target,
                statement=(select,),
                fills=noted is None or noted.shape.fills,
            )


def _reads(select: str) -> tuple[str, ...]:
    """The tables that a SELECT of ClickHouse's own text names; empty where it is not understood."""
    try:
        names = names_of(select)
    except SqlTextError:
        return ()
    return tuple(dict.fromkeys(table.parts[-1] for table in names.tables))
