"""Files of cases: what they mean, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.cases.case import CaseFile
from schemas.cases.reading import case_files, parse_cases, read_cases
from schemas.model import Place


def parsed(text: str) -> CaseFile:
    return parse_cases(Path("tests/p.yaml"), text, Place("tests/p.yaml"))


def test_a_case_is_what_it_says() -> None:
    [case] = parsed(
        "- name: by user\n"
        "  description: one user's\n"
        "  parameters: user_id=u%201&limit=5\n"
        "  expected_result: |\n"
        '    {"n":1}\n'
        '    {"n":2}\n'
        "  expected_http_status: 200\n"
    ).cases
    assert (case.pipe, case.name, case.description) == ("p", "by user", "one user's")
    assert case.parameters == "user_id=u%201&limit=5"
    assert case.expected_result == '{"n":1}\n{"n":2}\n'
    assert (case.expected_http_status, str(case.place)) == (200, "tests/p.yaml:1:3")


def test_what_is_left_out() -> None:
    [bare, empty, quoted] = parsed(
        "- name: a\n- name: b\n  parameters:\n  expected_result:\n"
        "- name: c\n  parameters: '?x=1'\n  expected_result: ''\n"
    ).cases
    assert (bare.parameters, bare.expected_result, bare.expected_http_status) == ("", None, 200)
    assert (empty.parameters, empty.expected_result) == ("", None)
    assert (quoted.parameters, quoted.expected_result) == ("x=1", "")


def test_texts_stay_texts_whatever_they_look_like() -> None:
    [case] = parsed("- name: 2024-01-01\n  parameters: 12:30\n  expected_result: no\n").cases
    assert (case.name, case.parameters, case.expected_result) == ("2024-01-01", "12:30", "no")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]"])
def test_a_file_may_have_no_case(text: str) -> None:
    assert parsed(text).cases == ()
    assert parsed(text).problems == ()


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("- name: a\n  parameters: [x\n", 3, "no YAML", ""),
        ("name: a\n", 1, "no list of cases", "expected_result"),
        ("- a\n", 1, "a case has names and values", "expected_result"),
        ("- description: a\n", 1, "no `name`", ""),
        ("- name: a\n  parameters: {x: 1}\n", 2, "`parameters` is a text", "a=1&b=2"),
        ("- name: a\n  expected_http_status: fine\n", 2, "`fine` is no status", "400"),
        ("- name: a\n  expected_http_status: 4000\n", 2, "`4000` is no status", "400"),
        ("- name: a\n  name: b\n", 2, "two `name`", ""),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, message: str, hint: str) -> None:
    file = parsed(text)
    [problem] = file.problems
    assert (problem.severity, problem.place.line) == ("error", line)
    assert message in problem.message
    assert hint in problem.hint
    assert file.cases == ()


def test_what_means_nothing_is_told_and_the_case_counts() -> None:
    file = parsed("- name: a\n  expected_resutl: x\n  owner: me\n")
    assert [(problem.severity, problem.place.line) for problem in file.problems] == [("warning", 2), ("warning", 3)]
    assert "did you mean `expected_result`?" in file.problems[0].hint
    assert [case.name for case in file.cases] == ["a"]


def test_two_cases_of_a_name_are_told() -> None:
    file = parsed("- name: a\n- name: a\n")
    assert (len(file.cases), [problem.place.line for problem in file.problems]) == (2, [2])


def test_a_mistake_leaves_the_other_cases() -> None:
    file = parsed("- name: a\n- nothing\n- name: c\n")
    assert [case.name for case in file.cases] == ["a", "c"]


def test_a_quality_test_of_classic_is_told() -> None:
    file = parsed("- no_negative_age:\n    max_bytes_read: null\n    sql: SELECT 1\n")
    [problem] = file.problems
    assert (problem.severity, "Classic" in problem.message) == ("warning", True)


def test_the_files_of_a_project(tmp_path: Path) -> None:
    for name in ("tests/b.yaml", "tests/a.yml", "tests/more/c.yaml", "tests/.hidden/d.yaml", "tests/e.test", "f.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("- name: x\n")
    found = [path.relative_to(tmp_path).as_posix() for path in case_files(tmp_path)]
    assert found == ["tests/a.yml", "tests/b.yaml", "tests/more/c.yaml"]
    assert case_files(tmp_path / "nowhere") == []
    file = read_cases(tmp_path / "tests/more/c.yaml", tmp_path)
    assert (file.pipe, str(file.cases[0].place)) == ("c", "tests/more/c.yaml:1:3")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.yaml").write_bytes(b"\xff\xfe\x00")
    [problem] = read_cases(tmp_path / "tests" / "a.yaml", tmp_path).problems
    assert "UTF-8" in problem.message
