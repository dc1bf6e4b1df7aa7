"""What the environment fills into lines."""

from __future__ import annotations

import pytest

from schemas.files.lines.datafile import Datafile
from schemas.files.lines.includes import source_of

ENVIRONMENT = {"BIRDHOUSE_SECRET_NAME": "value", "BIRDHOUSE_SECRET_EMPTY": "", "BIRDHOUSE_SECRET_MY_KEY": "mine"}


def fill(text: str, file: str = "x.datasource") -> Datafile:
    return source_of(text, file, {**ENVIRONMENT, "STAGE": "live"}, fills_secrets=True)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('a {{ tb_secret("NAME") }} b', "a value b"),
        ("{{tb_secret('NAME')}}/{{ tb_secret( 'OTHER' , 'x' ) }}", "value/x"),
        ('{{- tb_secret("OTHER", default="a, (b)") -}}', "a, (b)"),
        ('[{{ tb_secret("OTHER", "") }}]', "[]"),
        ('[{{ tb_secret("EMPTY", "x") }}]', "[]"),
        ('{{ tb_secret("my-key") }}', "mine"),
        ("${STAGE} $STAGE", "live $STAGE"),
        ("no {{ tag }} of ours", "no {{ tag }} of ours"),
    ],
)
def test_what_is_filled_in(text: str, filled: str) -> None:
    source = fill(text)
    assert source.lines[0].text == filled
    assert source.problems == []


def test_a_call_that_is_not_understood_is_an_error() -> None:
    (problem,) = fill("TAGS {{ tb_secret(NAME) }}").problems
    assert (problem.severity, problem.place.column) == ("error", 9)


def test_a_variable_without_a_value_stays_with_a_warning() -> None:
    source = fill("a ${NOWHERE}")
    assert source.lines[0].text == "a ${NOWHERE}"
    assert [problem.severity for problem in source.problems] == ["warning"]


def test_a_secret_with_several_lines_stays_one_line_of_the_file() -> None:
    source = source_of(
        'A {{ tb_secret("PEM") }}\nB', "x.connection", {"BIRDHOUSE_SECRET_PEM": "one\nTYPE two"}, fills_secrets=True
    )
    assert [(line.number, line.text) for line in source.lines] == [(1, "A one\nTYPE two"), (2, "B")]


def test_a_problem_of_a_filled_line_shows_what_the_file_says() -> None:
    problem = fill('KEY {{ tb_secret("NAME") }}').lines[0].problem("`value` is wrong", "not value")
    assert (problem.message, problem.hint) == ("`…` is wrong", "not …")
    assert problem.source_line == 'KEY {{ tb_secret("NAME") }}'


def test_a_pipe_keeps_its_calls_for_the_template() -> None:
    source = source_of('SELECT {{ tb_secret("NAME") }}', "x.pipe", ENVIRONMENT, fills_secrets=False)
    assert source.lines[0].text == 'SELECT {{ tb_secret("NAME") }}'
