"""The ENGINE lines as an Engine."""

from __future__ import annotations

from dataclasses import fields

import pytest

from schemas.files.engine import ENGINE_LINES, engine_of, without_brackets
from schemas.files.lines.datafile import Line
from schemas.files.lines.instructions import Instruction
from schemas.model import Engine, Problem


def read(**values: str) -> tuple[Engine | None, list[Problem]]:
    problems: list[Problem] = []
    lines = {
        ENGINE_LINES[name].field: Instruction(name, value, Line("x.datasource", number, f"{name} {value}"))
        for number, (name, value) in enumerate(values.items(), 1)
    }
    return engine_of(lines, problems), problems


def test_every_line_goes_to_a_field_that_there_is_and_every_field_has_a_line() -> None:
    assert {line.field for line in ENGINE_LINES.values()} == {field.name for field in fields(Engine)} - {"place"}


def test_what_stands_in_brackets_is_what_a_line_would_say_and_the_line_wins() -> None:
    written = {"ENGINE": "ReplicatedReplacingMergeTree(v, d)", "ENGINE_SORTING_KEY": "(a, b)", "ENGINE_VER": "`w`"}
    engine, problems = read(**written)
    assert problems == []
    assert engine is not None
    assert (engine.name, engine.sorting_key, engine.version, engine.is_deleted) == (
        "ReplacingMergeTree",
        "a, b",
        "w",
        "d",
    )


@pytest.mark.parametrize(
    ("engine", "message", "hint"),
    [
        ("CollapsingMergeTree", "Missing required parameter 'sign'", "ENGINE_SIGN"),
        ("VersionedCollapsingMergeTree(a)", "Missing required parameter 'version'", "ENGINE_VERSION"),
        ("ReplacingMergeTree", "Missing required option 'sorting_key'", "ENGINE_SORTING_KEY"),
    ],
)
def test_an_engine_names_the_line_that_it_needs(engine: str, message: str, hint: str) -> None:
    _, (problem,) = read(ENGINE=engine)
    assert (problem.message, problem.hint) == (message, f"the engine {engine.partition('(')[0]} needs the line {hint}")


def test_an_unknown_engine_is_told_which_there_are_and_not_those_of_classic() -> None:
    engine, (problem,) = read(ENGINE="Wadus")
    assert engine is None
    assert problem.message.startswith("Engine Wadus is not supported")
    assert "Join" not in problem.message


@pytest.mark.parametrize(
    ("text", "without"), [("(a)", "a"), ("(a), (b)", "(a), (b)"), ("((a))", "(a)"), ("f(a)", "f(a)"), ("()", "")]
)
def test_one_pair_of_brackets_around_it_all_is_left_out(text: str, without: str) -> None:
    assert without_brackets(text) == without
