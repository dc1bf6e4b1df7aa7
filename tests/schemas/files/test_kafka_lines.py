"""The KAFKA_ lines as a KafkaSource."""

from __future__ import annotations

from dataclasses import fields

import pytest

from schemas.files.kafka_lines import KAFKA_LINES, kafka_source_of
from schemas.files.lines.datafile import Line
from schemas.files.lines.instructions import Instruction
from schemas.model import KafkaSource, Place, Problem

NEEDED = {"KAFKA_CONNECTION_NAME": "main", "KAFKA_TOPIC": "clicks", "KAFKA_GROUP_ID": "workers"}


def read(values: dict[str, str]) -> tuple[KafkaSource | None, list[Problem]]:
    problems: list[Problem] = []
    lines = {name: Instruction(name, value, Line("x.datasource", 1, name)) for name, value in values.items()}
    return kafka_source_of(lines, problems), problems


def test_every_line_goes_to_a_field_that_there_is_and_every_field_has_a_line() -> None:
    assert {line.field for line in KAFKA_LINES.values()} == {field.name for field in fields(KafkaSource)} - {"place"}


def test_what_is_not_said_is_the_models_own_default() -> None:
    source, problems = read(NEEDED)
    assert (source, problems) == (KafkaSource("main", "clicks", "workers", place=Place("x.datasource")), [])


def test_a_reset_that_is_none_is_an_error_with_those_that_there_are() -> None:
    _, (problem,) = read({**NEEDED, "KAFKA_AUTO_OFFSET_RESET": "newest"})
    assert (problem.severity, problem.message) == ("error", "`newest` is no offset reset")
    assert problem.hint == "it is one of earliest, latest, none"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("KAFKA_STORE_BINARY_HEADERS", "headers are kept with KAFKA_STORE_HEADERS True"),
        ("KAFKA_SECRET", "brokers and logins stand in the `.connection` file or in the environment"),
    ],
)
def test_a_line_that_means_nothing_here_is_a_warning(name: str, hint: str) -> None:
    _, (problem,) = read({**NEEDED, name: "x"})
    assert (problem.severity, problem.message, problem.hint) == ("warning", f"{name} is ignored here", hint)
