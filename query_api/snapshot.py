"""A project as requests see it: one value, made whole and swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from query_api.access.auth import TokenTable
from query_api.access.rate_limit import Rates
from query_api.ids import names_by_id
from schemas.feed import Feed, feeds_of
from schemas.model import DataSource, Pipe, Project
from schemas.queries.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`feeds` by data source; `pipe_names` and `data_source_names` by id."""

    project: Project
    catalog: Catalog
    tokens: TokenTable
    feeds: Mapping[str, Feed]
    pipe_names: Mapping[str, str]
    data_source_names: Mapping[str, str]

    @classmethod
    def of(cls, project: Project, catalog: Catalog, secret: Callable[[], bytes], rates: Rates) -> Self:
        """`rates` outlive the snapshot: what a token has used up is used up for the next project too."""
        return cls(
            project=project,
            catalog=catalog,
            tokens=TokenTable(project, secret, rates),
            feeds={feed.data_source: feed for feed in feeds_of(project.data_sources.values())},
            pipe_names=names_by_id(catalog.pipes),
            data_source_names=names_by_id(project.data_sources),
        )

    def pipe(self, name_or_id: str) -> Pipe | None:
        pipes = self.catalog.pipes
        return pipes.get(name_or_id) or pipes.get(self.pipe_names.get(name_or_id, ""))

    def data_source(self, name_or_id: str) -> DataSource | None:
        sources = self.project.data_sources
        return sources.get(name_or_id) or sources.get(self.data_source_names.get(name_or_id, ""))
