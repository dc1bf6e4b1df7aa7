"""The text of a project file as lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.files.lines.datafile import MAX_FILE_BYTES, Line, lines_of, read_text
from schemas.model import Problem


def test_lines_end_however_they_end_and_a_mark_is_left_out() -> None:
    assert [line.text for line in lines_of("\ufeffa\r\nb\rc\n", "x.pipe")] == ["a", "b", "c", ""]


def test_a_problem_shows_the_line_as_it_is_written_and_no_secret() -> None:
    line = Line("x.pipe", 3, "KAFKA_TOPIC hidden", written="KAFKA_TOPIC {{ … }}", secrets=("hidden",))
    problem = line.problem("`hidden` is wrong", "not hidden", column=2)
    assert (problem.message, problem.hint, problem.source_line) == ("`…` is wrong", "not …", "KAFKA_TOPIC {{ … }}")
    assert str(problem.place) == "x.pipe:3:2"


@pytest.mark.parametrize(
    ("content", "message", "place"),
    [
        (b"ab\nc\xff", "the file is not UTF-8", "x.pipe:2:2"),
        (b"a" * (MAX_FILE_BYTES + 1), "the file is larger than 1,048,576 bytes", "x.pipe:1:1"),
    ],
)
def test_what_is_no_text_of_a_bearable_size_is_a_problem(
    tmp_path: Path, content: bytes, message: str, place: str
) -> None:
    problems: list[Problem] = []
    (tmp_path / "x.pipe").write_bytes(content)
    assert read_text(tmp_path / "x.pipe", "x.pipe", problems) is None
    assert [(problem.message, str(problem.place)) for problem in problems] == [(message, place)]
