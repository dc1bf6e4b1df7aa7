"""INCLUDE lines to the lines of other files."""

from __future__ import annotations

from pathlib import Path

from schemas.files.lines.datafile import Datafile
from schemas.files.lines.includes import read_source


def read(folder: Path, text: str, included: dict[str, str], **environment: str) -> Datafile:
    for name, content in {"datasources/x.datasource": text, **included}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return read_source(folder / "datasources/x.datasource", folder, environment, fills_secrets=True)


def texts(source: Datafile) -> list[str]:
    return [line.text for line in source.lines if line.text]


def test_an_include_stands_for_the_lines_of_its_file(tmp_path: Path) -> None:
    text = 'FIRST\nINCLUDE "../includes/kafka.incl" "TOPIC=web" "GROUP=g 1"\nLAST\n'
    source = read(tmp_path, text, {"includes/kafka.incl": "KAFKA_TOPIC $TOPIC\nKAFKA_GROUP_ID ${GROUP}\n"})
    assert texts(source) == ["FIRST", "KAFKA_TOPIC web", "KAFKA_GROUP_ID g 1", "LAST"]
    assert str(source.lines[1].place()) == "includes/kafka.incl:1:1"
    assert source.text == text


def test_the_name_of_the_file_may_hold_variables(tmp_path: Path) -> None:
    source = read(tmp_path, "INCLUDE ../kafka_$STAGE.incl\n", {"kafka_dev.incl": "FOUND\n"}, STAGE="dev")
    assert texts(source) == ["FOUND"]


def test_a_file_that_is_not_there_or_outside_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "outside.incl").write_text("secret\n")
    for target in ("gone.incl", "../../outside.incl", str(tmp_path / "outside.incl"), "a\0b.incl"):
        source = read(tmp_path / "project", f"INCLUDE {target}\n", {})
        assert texts(source) == []
        (problem,) = source.problems
        assert problem.message.endswith("is not there")


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    source = read(tmp_path, "INCLUDE ../a.incl\n", {"a.incl": "A\nINCLUDE a.incl\n"})
    assert len(texts(source)) == 5
    assert source.has_errors


def test_includes_that_multiply_end(tmp_path: Path) -> None:
    source = read(tmp_path, "INCLUDE ../a.incl\n", {"a.incl": "INCLUDE b.incl\n" * 100, "b.incl": "x\n" * 50_000})
    assert sum(len(line.text) for line in source.lines) < 4 << 20
    assert source.has_errors


def test_a_column_may_be_called_include(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "SELECT\ninclude ,\nb\n", {})) == ["SELECT", "include ,", "b"]
