"""Warns of endpoints that are right and hardly meant: defaults that no row passes, and all rows read for a few."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deploy.explain.lookups import find_lookups
from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog, CompiledEndpoint
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.trials.origins import RenderedNode, rendered
from schemas.queries.trials.trials import Trial, first_trial, trials_of
from schemas.template.parameters import merge
from service.analysis.words import source_line

# `column = {p1:String}` or `column IN ({p1:String})`.
_EQUALS_TEXT = re.compile(r"([\w.`\"]+)\s*(?:=|==|\bIN\s*\(?)\s*\(?\s*\{(\w+):String\}", re.IGNORECASE)
_OR = re.compile(r"\bOR\b", re.IGNORECASE)


Known = dict[tuple[str, ...], tuple[Problem, ...]]
"""What was found of endpoints whose files are as they were, kept from one look to the next."""


def likely_mistakes(project: Project, catalog: Catalog, known: Known) -> list[Problem]:
    """Warnings, each with its place."""
    found: Known = {}
    for endpoint in catalog.endpoints.values():
        sources = [project.data_sources[name].source for name in endpoint.dependencies if name in project.data_sources]
        as_it_is = (endpoint.pipe.place.file, endpoint.pipe.source, *sources)
        found[as_it_is] = known[as_it_is] if as_it_is in known else tuple(_mistakes(project, catalog, endpoint))
    known.clear()
    known.update(found)
    return [problem for each in found.values() for problem in each]


def _mistakes(project: Project, catalog: Catalog, endpoint: CompiledEndpoint) -> Iterator[Problem]:
    if endpoint.pipe.endpoint is not None:
        reached = catalog.graph.reachable(NodeKey(endpoint.name, endpoint.pipe.endpoint.name))
        for key in reached.nodes:
            if key in catalog.nodes and key.pipe == endpoint.name:
                yield from _filtered_out(catalog, catalog.nodes[key])
                yield from _scans(project, catalog, catalog.nodes[key])


def _filtered_out(catalog: Catalog, node: CompiledNode) -> Iterator[Problem]:
    """A column that has to equal a text whose default is empty."""
    if all(each.default != "" for each in node.parameters):
        return
    text = rendered(catalog, node, {})
    if text is None or _OR.search(text.text):
        return
    for match in _EQUALS_TEXT.finditer(text.text):
        if text.query.parameters.get(match[2]) != "":
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
            source_line(node.pipe.source, place),
            "warning",
        )


def _scans(project: Project, catalog: Catalog, node: CompiledNode) -> Iterator[Problem]:
    """A lookup that every way of asking has, and that no key, index or projection finds."""
    first = first_trial(catalog, node)
    found = _lookups(project, catalog, node, first) if first is not None else {}
    if first is None or not found:
        return
    others = [_lookups(project, catalog, node, trial) for trial in trials_of(catalog, node).statements]
    text = RenderedNode(catalog, node, first.values)
    for (table, column), offset in found.items():
        if not all((table, column) in each for each in others):
            continue
        place = text.place(offset)
        key = project.data_sources[table].engine.sorting_key or "nothing"
        yield Problem(
            place,
            f"the node `{node.node.name}` reads all rows of `{table}` for those of one `{column}`:"
            f" the table is sorted by {key}",
            "begin the sorting key with it, bound the time, or add an index or a projection (`birdhouse explain`)",
            source_line(node.pipe.source, place),
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
