"""The time between two dates."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


@pytest.mark.parametrize(
    ("call", "difference"),
    [
        ("day_diff('2024-01-31', '2024-02-02')", "2"),
        ("date_diff_in_days('2024-02-02', '2024-01-31')", "2"),
        ("date_diff_in_hours('2024-01-31 10:00:00', '2024-01-31 12:59:59')", "2"),
        ("date_diff_in_minutes('31/01', '01/02', '%d/%m')", "1440"),
        ("date_diff_in_seconds('2024-01-31', '2024-02-01', '%Y-%m-%d')", "86400"),
        ("date_diff_in_days('2024-01-31', '2024-02-01 00:00:00', '%Y-%m-%d', '%Y-%m-%d %H:%M:%S')", "1"),
    ],
)
def test_whole_units_are_counted(call: str, difference: str) -> None:
    assert bound("{{" + call + "}}") == ["{p1:Int64}", difference]


def test_another_form_is_an_error_unless_the_author_asks_for_nothing() -> None:
    with pytest.raises(TemplateRenderError, match="'x' does not match %Y-%m-%d"):
        bound("{{day_diff('x', '2024-02-02')}}")
    assert bound("{% if day_diff('x', 'y', none_if_error=True) is None %}none{% end %}") == ["none"]
