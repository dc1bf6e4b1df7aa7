"""A template's text as SQL and tags."""

from __future__ import annotations

import pytest

from schemas.template.compiling.tags import MAX_DEPTH, place_of, split
from schemas.template.errors import TemplateCompileError


def test_a_template_is_sql_and_tags_in_their_order() -> None:
    segments = split("a{{ b }}{% if c %}{% else %}{% end %}{# d #}{{!e}}")
    assert [(each.kind, each.keyword, each.text, each.block) for each in segments] == [
        ("text", "", "a", ""),
        ("expression", "", "b", ""),
        ("open", "if", "c", ""),
        ("middle", "else", "", "if"),
        ("close", "end", "", "if"),
        ("text", "", "{{", ""),
        ("text", "", "e}}", ""),
    ]


@pytest.mark.parametrize(
    ("source", "text"), [("{{ '}}' }}", "'}}'"), ("{{ {'a': {}} }}", "{'a': {}}"), ("{{ '} }}", "'}")]
)
def test_a_tag_ends_outside_of_its_strings_and_brackets(source: str, text: str) -> None:
    assert [each.text for each in split(source)] == [text]


@pytest.mark.parametrize(
    "source",
    ["{% raw %}", "{% end %}", "{% if x %}", "{{ }}", "{{ a", "{% else %}", "{% if x %}{% end %}" * 2 + "{% try"],
)
def test_a_tag_that_cannot_stand_there_is_refused(source: str) -> None:
    with pytest.raises(TemplateCompileError):
        split(source)


def test_blocks_stand_only_so_deep() -> None:
    split("{% if x %}" * MAX_DEPTH + "{% end %}" * MAX_DEPTH)
    with pytest.raises(TemplateCompileError, match="blocks stand more than 16 deep"):
        split("{% if x %}" * (MAX_DEPTH + 1) + "{% end %}" * (MAX_DEPTH + 1))


def test_an_offset_is_a_line_and_a_column() -> None:
    assert (place_of("a\nbc", 3), place_of("a\nbc", 0)) == ((2, 2), (1, 1))
