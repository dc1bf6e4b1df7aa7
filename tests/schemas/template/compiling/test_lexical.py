"""What a tag stands in."""

from __future__ import annotations

import pytest

from schemas.template.compiling.lexical import tag_contexts
from schemas.template.compiling.tags import split
from schemas.template.errors import TemplateCompileError


def contexts(source: str) -> list[str]:
    return list(tag_contexts(source, split(source)).values())


@pytest.mark.parametrize(
    "sql", ["-- {{x}}", "/* /* */ {{x}}", "# {{x}}", "// {{x}}", "{% if a %}-- {% else %}# {% end %}{{x}}"]
)
def test_a_tag_in_a_comment_is_left_out(sql: str) -> None:
    assert contexts(sql) == ["discarded"]


@pytest.mark.parametrize("sql", ["'--' {{x}}", "#{{x}}", "/* */ {{x}}", "'a''b' {{x}}", "$a$ ' $a$ {{x}}"])
def test_a_tag_in_plain_sql_is_bound(sql: str) -> None:
    assert contexts(sql) == []


def test_sample_takes_a_constant() -> None:
    assert contexts("SAMPLE {{x}} SAMPLE 1 / {{x}} SAMPLE 1 {{x}}") == ["constant", "constant"]


@pytest.mark.parametrize("sql", ["'{{x}}'", "`{{x}}`", "$$ {{x}} $$", "'{% if a %}' {{x}}{% else %}{% end %}"])
def test_a_tag_within_quotes_is_refused(sql: str) -> None:
    with pytest.raises(TemplateCompileError, match="a tag cannot stand within"):
        contexts(sql)
