"""A project as it is deployed for its tests: no rows vanish, and nothing is made that no test comes to."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from schemas.model import DataSource, Materialization, Node, Project
from schemas.own_names import PROVENANCE, quarantine_table

_HIDDEN = re.compile("|".join(map(re.escape, PROVENANCE)))


def project_for_tests(project: Project, taking_events: Collection[str]) -> Project:
    """The project with tables that keep their rows however old these are, and with a mapping for those data sources
    that are given events. A mapping is most of what a deploy takes its time for."""
    sql = [node.sql for pipe in project.pipes.values() for node in pipe.nodes]
    if any(map(_HIDDEN.search, sql)):  # what only a mapping fills may be asked for
        taking_events = project.data_sources.keys()

    def needs_mapping(name: str) -> bool:
        return name in taking_events or any(quarantine_table(name) in text for text in sql)

    return replace(
        project,
        data_sources={
            name: _kept(source) if needs_mapping(name) else _plain(_kept(source))
            for name, source in project.data_sources.items()
        },
        pipes={name: replace(pipe, nodes=tuple(map(_kept_by, pipe.nodes))) for name, pipe in project.pipes.items()},
    )


def _kept(source: DataSource) -> DataSource:
    return replace(source, engine=replace(source.engine, ttl=None))


def _plain(source: DataSource) -> DataSource:
    return replace(source, kafka=None, columns=tuple(replace(column, json_path=None) for column in source.columns))


def _kept_by(node: Node) -> Node:
    if not isinstance(node.kind, Materialization) or node.kind.engine is None:
        return node
    return replace(node, kind=replace(node.kind, engine=replace(node.kind.engine, ttl=None)))
