"""Warns of endpoints that are right and hardly meant: defaults that no row passes, and all rows read for a few."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deploy.explain.lookups import find_lookups
from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.trials.origins import rendered
from schemas.queries.trials.trials import Trial, trials_of
from schemas.template.parameters import merge

# `column = {p1:String}` or `column IN ({p1:String})`.
_EQUALS_TEXT = re.compile(r"([\w.`\"]+)\s*(?:=|==|\bIN\s*\(?)\s*\(?\s*\{(\w+):String\}", re.IGNORECASE)
_OR = re.compile(r"\bOR\b", re.IGNORECASE)


def likely_mistakes(project: Project, catalog: Catalog) -> Iterator[Problem]:
    """Warnings, each with its place."""
    for endpoint in catalog.endpoints.values():
        if endpoint.pipe.endpoint is None:
            continue
        reached = catalog.graph.reachable(NodeKey(endpoint.name, endpoint.pipe.endpoint.name))
        nodes = [catalog.nodes[key] for key in reached.nodes if key in catalog.nodes and key.pipe == endpoint.name]
        for node in nodes:
            trials = trials_of(catalog, node).statements
            if not trials:
                continue
            yield from _filtered_out(catalog, node, trials[0])
            yield from _scans(project, catalog, node, trials)


def _filtered_out(catalog: Catalog, node: CompiledNode, trial: Trial) -> Iterator[Problem]:
    """A column that has to equal a text whose default is empty."""
    text = rendered(catalog, node, {})
    if text is None or trial.values or _OR.search(text.text):
        return
    alone = catalog.render_alone(node, {})
    for match in _EQUALS_TEXT.finditer(text.text):
        if alone.parameters.get(match[2]) != "":
            continue
        column = match[1].strip('`"')
        place = text.place(match.start())
        names = [each.name for each in merge(list(node.parameters)) if each.default == ""]
        parameter = next((name for name in names if name == column), names[0] if len(names) == 1 else "")
        given = f"without `{parameter}`" if parameter else "with the default"
        yield Problem(
            place,
            f"{given} the node `{node.node.name}` keeps the rows whose `{column}` is empty alone: who leaves it out"
            " most likely gets nothing",
            "take the default away, so that it is required, or put the condition into `{% if defined(…) %}`",
            _line(node, place.line),
            "warning",
        )


def _scans(project: Project, catalog: Catalog, node: CompiledNode, trials: tuple[Trial, ...]) -> Iterator[Problem]:
    """A lookup that every way of asking has, and that no key, index or projection finds."""
    found = [_lookups(project, catalog, node, trial) for trial in trials]
    for (table, column), offset in found[0].items():
        if not all((table, column) in each for each in found):
            continue
        text = rendered(catalog, node, trials[0].values)
        if text is None:
            continue
        place = text.place(offset)
        data_source = project.data_sources[table]
        key = data_source.engine.sorting_key or "nothing"
        yield Problem(
            place,
            f"the node `{node.node.name}` reads all rows of `{table}` for those of one `{column}`:"
            f" the table is sorted by {key}",
            "begin the sorting key with it, bound the time, or add an index or a projection (`birdhouse explain`)",
            _line(node, place.line),
            "warning",
        )


def _lookups(project: Project, catalog: Catalog, node: CompiledNode, trial: Trial) -> dict[tuple[str, str], int]:
    """Table and column of each lookup by a value of the caller's without a bound, and where the column is named."""
    text = rendered(catalog, node, trial.values)
    if text is None:
        return {}
    found = {}
    for lookup in find_lookups(text.text, project.data_sources):
        if lookup.narrowing:
            continue
        for condition in lookup.conditions:
            named = re.search(rf"(?<!\w){re.escape(condition.column)}\W*(?:=|IN\b)[^=]*?\{{", text.text, re.IGNORECASE)
            if named is not None and "{" in condition.sql:
                found[lookup.data_source.name, condition.column] = named.start()
    return found


def _line(node: CompiledNode, number: int) -> str:
    lines = node.pipe.source.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""
