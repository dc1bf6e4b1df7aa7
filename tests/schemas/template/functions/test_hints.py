"""Functions that write nothing."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
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


@pytest.mark.parametrize("call", ["cache_ttl('2m')", "activate('x')", "disable('x')"])
def test_anything_else_is_refused(call: str) -> None:
    with pytest.raises(TemplateRenderError):
        bound("{{" + call + "}}")
