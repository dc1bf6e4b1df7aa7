"""New expectations in a file's text: everything else stays as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cases.case import CaseFile
from schemas.cases.reading import parse_cases
from schemas.cases.rewriting import Expectation, rewritten
from schemas.model import Place

TWO_ROWS = '{"a":1}\n{"a":2}\n'


def parsed(text: str) -> CaseFile:
    return parse_cases(Path("tests/p.yaml"), text, Place("tests/p.yaml"))


def with_first(text: str, result: str, http_status: int = 200) -> str:
    file = parsed(text)
    return rewritten(file, [Expectation(file.cases[0], http_status, result)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# head\n- name: a  # why\n  expected_result: |\n    {}\n\n# between\n- name: b\n",
            '# head\n- name: a  # why\n  expected_result: |\n    {"a":1}\n    {"a":2}\n\n# between\n- name: b\n',
        ),
        (
            "- name: a\n  expected_result: ''  # none\n  parameters: x=1\n",
            '- name: a\n  expected_result: | # none\n    {"a":1}\n    {"a":2}\n  parameters: x=1\n',
        ),
        (
            "- name: a\n  expected_result: | # rows\n    {}\n",
            '- name: a\n  expected_result: | # rows\n    {"a":1}\n    {"a":2}\n',
        ),
        (
            "-   name: a\n    expected_result:\n    parameters: x=1\n",
            '-   name: a\n    expected_result: |\n      {"a":1}\n      {"a":2}\n    parameters: x=1\n',
        ),
        (
            "- name: a # the first\n- name: b\n",
            '- name: a # the first\n  expected_result: |\n    {"a":1}\n    {"a":2}\n- name: b\n',
        ),
        ("- name: a", '- name: a\n  expected_result: |\n    {"a":1}\n    {"a":2}'),
        ('- {name: a, expected_result: ""}\n', '- {name: a, expected_result: "{\\"a\\":1}\\n{\\"a\\":2}"}\n'),
        ("- {name: a}\n", '- {name: a, expected_result: "{\\"a\\":1}\\n{\\"a\\":2}"}\n'),
        (
            "- name: a\r\n  expected_result: |\r\n    {}\r\n- name: b\r\n",
            '- name: a\r\n  expected_result: |\r\n    {"a":1}\r\n    {"a":2}\r\n- name: b\r\n',
        ),
        (
            "- name: a\n  expected_result: >-\n    {}\n  expected_http_status: 200\n",
            '- name: a\n  expected_result: |\n    {"a":1}\n    {"a":2}\n  expected_http_status: 200\n',
        ),
    ],
)
def test_only_the_value_is_written_anew(before: str, after: str) -> None:
    assert with_first(before, TWO_ROWS) == after
    assert parsed(after).problems == ()
    assert (parsed(after).cases[0].expected_result or "").split() == TWO_ROWS.split()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "- name: a\n  expected_result: ''\n",
            "- name: a\n  expected_result: |\n    boom\n  expected_http_status: 400\n",
        ),
        (
            "- name: a\n  expected_http_status: 200 # fine\n  expected_result: ''\n",
            "- name: a\n  expected_http_status: 400 # fine\n  expected_result: |\n    boom\n",
        ),
        (
            "- name: a\n  expected_http_status:\n  expected_result: ''\n",
            "- name: a\n  expected_http_status: 400\n  expected_result: |\n    boom\n",
        ),
    ],
)
def test_another_status_is_written_where_one_stands_or_behind_the_case(before: str, after: str) -> None:
    assert with_first(before, "boom", 400) == after


def test_an_empty_answer_is_an_empty_text() -> None:
    assert with_first("- name: a\n  expected_result: |\n    {}\n", "") == "- name: a\n  expected_result: ''\n"


def test_each_case_of_a_file_gets_its_own() -> None:
    file = parsed("- name: a\n  expected_result: ''\n- name: b\n- name: a\n  expected_result: x\n")
    text = rewritten(file, [Expectation(case, 200, str(number)) for number, case in enumerate(file.cases)])
    assert [case.expected_result for case in parsed(text).cases] == ["0\n", "1\n", "2\n"]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff\x85"))))
def test_whatever_is_written_is_read_again(lines: list[str]) -> None:
    result = "\n".join(line for line in lines if line.strip())
    text = with_first("- name: a\n  expected_result: 'x' # c\n- name: b\n", result)
    first, second = parsed(text).cases
    assert (first.expected_result or "").rstrip("\n") == result.rstrip("\n")
    assert second.name == "b"
