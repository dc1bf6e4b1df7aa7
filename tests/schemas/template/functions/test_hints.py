"""Functions that write nothing."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateCompileError, TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


@pytest.mark.parametrize(("count", "threads"), [(2, "2"), (0, "1"), (1000, "64")])
def test_threads_are_a_setting_within_bounds(count: int, threads: str) -> None:
    state = Render()
    assert Template(f"{{{{max_threads({count})}}}}SELECT 1").render({}, state) == "SELECT 1"
    assert state.settings == {"max_threads": threads}


def test_what_tinybird_takes_is_taken() -> None:
    source = "{{cache_ttl('5m')}}{{activate('analyzer')}}{{disable('analyzer')}}{{backend_hint('x')}}"
    assert bound(source) == [""]


@pytest.mark.parametrize("call", ["cache_ttl('2m')", "cache_ttl(5)", "activate('x')", "disable('x')"])
def test_anything_else_is_refused_before_anybody_asks_and_with_its_place(call: str) -> None:
    with pytest.raises(TemplateCompileError) as refused:
        Template("SELECT 1\n  {% if defined(x) %}{{" + call + "}}{% end %}")
    assert (refused.value.line, refused.value.column) == (2, 22)


@pytest.mark.parametrize("function", ["cache_ttl", "activate", "disable"])
def test_a_word_that_is_a_callers_is_looked_at_when_it_is_there(function: str) -> None:
    with pytest.raises(TemplateRenderError):
        bound("{{" + function + "(String(word))}}", word="x")


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        ("", None),
        ("{{cache_ttl('5s')}}", 5),
        ("{{cache_ttl('1h')}}", 3600),
        ("{{cache_ttl('5m')}}{{cache_ttl('1m')}}", 60),
        ("{% if defined(x) %}{{cache_ttl('5s')}}{% end %}", None),
    ],
)
def test_the_shortest_cache_time_that_a_render_comes_to_counts(calls: str, seconds: int | None) -> None:
    state = Render()
    Template(f"{calls}SELECT 1").render({}, state)
    assert state.cache_seconds == seconds
