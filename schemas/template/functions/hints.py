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
# Tinybird's words for how long an answer may be kept, in seconds.
_CACHE_SECONDS = {"5s": 5, "1m": 60, "5m": 300, "30m": 1_800, "1h": 3_600}
_ORDERED_AGGREGATION = "optimize_aggregation_in_order"
_ACTIVATED = ("analyzer", "parallel_replicas", _ORDERED_AGGREGATION)


@template_function(writes_sql=False)
def max_threads(render: Render, count: object) -> object:
    number = parsing.parse_plain_integer(count, "Int")
    render.settings["max_threads"] = str(min(max(number, 1), _MAX_THREADS))
    return Fragment(())


def _cache_seconds(expression: object) -> int:
    if not isinstance(expression, str) or expression not in _CACHE_SECONDS:
        accepted = tuple(_CACHE_SECONDS)
        raise TemplateRenderError(f"Invalid TTL cache expression, valid expressions are {accepted}")
    return _CACHE_SECONDS[expression]


@template_function(writes_sql=False, expect=_cache_seconds)
def cache_ttl(render: Render, expression: object) -> object:
    render.keep_for(_cache_seconds(expression))
    return Fragment(())


def _activated(feature: object) -> None:
    if feature not in _ACTIVATED:
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'activate' argument")


@template_function(writes_sql=False, expect=_activated)
def activate(render: Render, feature: object) -> object:
    _activated(feature)
    if feature == _ORDERED_AGGREGATION:
        render.settings[_ORDERED_AGGREGATION] = "1"
    return Fragment(())


def _disabled(feature: object) -> None:
    if feature != "analyzer":
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'disable' argument")


@template_function(writes_sql=False, expect=_disabled)
def disable(render: Render, feature: object) -> object:
    _disabled(feature)
    return Fragment(())


@template_function(writes_sql=False)
def backend_hint(render: Render, hint: object) -> object:
    return Fragment(())
