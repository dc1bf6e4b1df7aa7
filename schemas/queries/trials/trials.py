"""The statements to try a node with: few enough to ask all of them, many enough that each branch is in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.queries.catalog import Catalog
from schemas.queries.nodes import CompiledNode
from schemas.queries.query import Query
from schemas.queries.trials.branches import Wanted, Wish, branch_wishes
from schemas.queries.trials.sample_values import is_free_text, sample
from schemas.template.errors import TemplateError
from schemas.template.parameters import Parameter, merge

MADE_UP = "sample_value"
"""A text for parameters of which nobody says what they take: a complaint that quotes it is about us."""

TEXTS = ("1", "2025-01-01 00:00:00", "2025-01-01", "00000000-0000-0000-0000-000000000000", "127.0.0.1", "{}", "[]")
"""What else a text may have to be: ClickHouse reads it as a number, a time, or whatever the SQL makes of it."""

_MOST = 24

Values = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One statement of a node for certain `values`.

    `is_default`: as it is for who gives no value that is not needed. `is_of_all`: every parameter has a value, which
    may be more than anybody gives at once. `has_free_texts`: a value is a text of ours, which
    may not be what the SQL takes it for.
    """

    values: Mapping[str, str | list[str]]
    query: Query
    is_default: bool = False
    is_of_all: bool = False
    has_free_texts: bool = False


@dataclass(frozen=True, slots=True)
class Trials:
    """What a node is tried with. `failure` says why there is nothing, when none of the values can be rendered."""

    statements: tuple[Trial, ...]
    failure: str = ""


def trials_of(catalog: Catalog, node: CompiledNode) -> Trials:
    """The statements that answer one node, each different from the others."""
    parameters = _parameters(catalog, node)
    found: dict[tuple[object, ...], Trial] = {}
    failure = ""
    tried: list[Values] = []
    for values, is_of_all in _value_sets(catalog, node, parameters):
        if len(found) >= _MOST:
            break
        if values in tried:
            continue
        tried.append(values)
        try:
            query = catalog.render_node(node, values)
        except TemplateError as error:
            failure = failure or str(error)
            continue
        key = (query.sql, *sorted(query.parameters.items()), *sorted(query.settings.items()))
        free = any(is_free_text(each) for each in parameters if each.name in values)
        found.setdefault(key, Trial(values, query, not found, is_of_all, free))
    return Trials(tuple(found.values()), "" if found else failure)


def first_trial(catalog: Catalog, node: CompiledNode) -> Trial | None:
    """The node as it is for who gives no value that is not needed; None where none of our values does."""
    parameters = _parameters(catalog, node)
    values = _needed(catalog, node, parameters, {each.name: sample(each, MADE_UP) for each in parameters})
    try:
        return Trial(values, catalog.render_node(node, values), is_default=True)
    except TemplateError:
        return None


def _parameters(catalog: Catalog, node: CompiledNode) -> tuple[Parameter, ...]:
    """Those of the node and of all that it reads."""
    reached = [catalog.nodes[key] for key in catalog.graph.reachable(node.key).nodes if key in catalog.nodes]
    return merge([use for each in reached for use in each.parameters])


def with_text(catalog: Catalog, node: CompiledNode, trial: Trial, text: str) -> Trial | None:
    """The trial with another text in the place of ours; None where it cannot be rendered."""
    values = {name: _replaced(value, text) for name, value in trial.values.items()}
    try:
        return replace(trial, values=values, query=catalog.render_node(node, values))
    except TemplateError:
        return None


def _replaced(value: str | list[str], text: str) -> str | list[str]:
    if isinstance(value, list):
        return [text if each == MADE_UP else each for each in value]
    return text if value == MADE_UP else value


def _value_sets(
    catalog: Catalog, node: CompiledNode, parameters: tuple[Parameter, ...]
) -> Iterator[tuple[Values, bool]]:
    """Values to render with, and whether they are all at once, those that somebody needs first."""
    samples = {each.name: sample(each, MADE_UP) for each in parameters}
    needed = _needed(catalog, node, parameters, samples)
    wishes = list(branch_wishes(node.template.segments)) if node.template is not None else []
    yield needed, False
    yield from ((_granted(wish, needed, samples), False) for wish in wishes)
    # A branch may need others that nothing but `defined()` asks for.
    yield samples, True
    yield from ((_granted(wish, samples, samples), True) for wish in wishes)


def _needed(catalog: Catalog, node: CompiledNode, parameters: tuple[Parameter, ...], samples: Values) -> Values:
    """Values for those parameters alone without which the node cannot be asked."""
    values: Values = {}
    open_parameters = (each for each in parameters if each.default is None and each.used_in is None)
    for parameter in sorted(open_parameters, key=lambda each: not each.required):
        try:
            catalog.render_node(node, values)
            break
        except TemplateError:
            values[parameter.name] = samples[parameter.name]
    return values


def _granted(wish: Wish, base: Values, samples: Values) -> Values:
    values = dict(base)
    for name, want in wish.items():
        if want is Wanted.ABSENT:
            values.pop(name, None)
        elif name in samples:
            values[name] = samples[name] if isinstance(want, Wanted) else want
    return values
