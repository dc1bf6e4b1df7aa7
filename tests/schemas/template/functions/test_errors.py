"""Errors of an author's own."""

from __future__ import annotations

import pytest

from schemas.template.errors import CustomReportedError, ReportedError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


def test_the_text_goes_to_the_caller_as_it_is() -> None:
    with pytest.raises(ReportedError) as caught:
        bound("{{error('no ' + x)}}", x="way")
    assert (str(caught.value), caught.value.status) == ("no way", 400)


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        ("custom_error({'error_id': 'x'})", 400, {"error_id": "x"}),
        ("custom_error('nope', 404)", 404, "nope"),
        ("custom_error('nope', 200)", 400, "nope"),
    ],
)
def test_an_author_may_choose_status_and_body(call: str, status: int, body: object) -> None:
    with pytest.raises(CustomReportedError) as caught:
        bound("{{" + call + "}}")
    assert (caught.value.status, caught.value.body) == (status, body)
