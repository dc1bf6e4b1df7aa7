"""The functions that ask for a setting and write nothing into the SQL."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from schemas.template.errors import (
    TemplateRenderError,
)
from schemas.template.functions.registry import template_function
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.typed import Fragment

_MAX_THREADS = 64


@template_function(writes_sql=False)
def max_threads(render: Render, count: object) -> object:
    number = parsing.parse_plain_integer(count, "Int")
    render.settings["max_threads"] = str(min(max(number, 1), _MAX_THREADS))
    return Fragment(())


@template_function(writes_sql=False)
def cache_ttl(render: Render, expression: object) -> object:
    accepted = ("5s", "1m", "5m", "30m", "1h")
    if expression not in accepted:
        raise TemplateRenderError(f"Invalid TTL cache expression, valid expressions are {accepted}")
    return Fragment(())


@template_function(writes_sql=False)
def activate(render: Render, feature: object) -> object:
    if feature not in ("analyzer", "parallel_replicas", "optimize_aggregation_in_order"):
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'activate' argument")
    if feature == "optimize_aggregation_in_order":
        render.settings["optimize_aggregation_in_order"] = "1"
    return Fragment(())


@template_function(writes_sql=False)
def disable(render: Render, feature: object) -> object:
    if feature != "analyzer":
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'disable' argument")
    return Fragment(())


@template_function(writes_sql=False)
def backend_hint(render: Render, hint: object) -> object:
    return Fragment(())
