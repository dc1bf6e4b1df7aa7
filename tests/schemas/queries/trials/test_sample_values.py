"""A value that a parameter takes."""

from __future__ import annotations

import pytest

from schemas.queries.trials.sample_values import sample
from schemas.template.parameters import Parameter


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Parameter("x", "Int32", default=7, example=8), "8"),
        (Parameter("x", "Int32", enum=(3, 4)), "3"),
        (Parameter("x", "Int32", default=7), "7"),
        (Parameter("x", "Int32"), "1"),
        (Parameter("x", "Array(Date)"), "2025-01-01"),
        (Parameter("x", "DateTime64(3)"), "2025-01-01 00:00:00.000"),
        (Parameter("x", None, default=""), "a"),
        (Parameter("x", "Array(String)", default=["b", "c"]), ["b", "c"]),
    ],
)
def test_a_sample_is_what_the_author_said_or_a_value_of_the_type(parameter: Parameter, value: object) -> None:
    assert sample(parameter) == value
