"""Whatever stands in a node, and whatever a request holds, ends in SQL or in an error of ours."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError
from schemas.template.compiling.samples import samples_of
from schemas.template.errors import TemplateError
from schemas.template.rendering import Render
from schemas.template.template import Template

PIECES = [
    "{{", "}}", "{%", "%}", "{#", "#}", "{{!", "if", "else", "elif", "end", "for", "in", "set", "while", "try",
    "except", "x", "y", "z", "'", "\"", "`", "(", ")", "[", "]", "{", "}", "String", "Int32", "Array",
    "defined", "column", "columns", "sql_and", "symbol", "table", "JSON", "=", "==", "+", "-", "*", "/", "**",
    "%", "not", "and", "or", ",", ".", ":", "1", "2.5", "'a'", "f'{x}'", "f'{'", "\\", "--", "/*", "*/", "$$",
    "split", "get", "join", "None", "True", "is", "|", "~", "!", "@", "é", "SELECT", "FROM", "SAMPLE", "error",
    "range", "break", "raw", "__class__", "lambda", "comment", "max_threads", "day_diff", "default=", "fn=",
    "q", "token", "//", "#", "{{x}}", "{%if(x)%}", "{%end%}", "{{String(x)}}", "{%try%}", "{%except%}", "WITH",
    "AS", "JOIN", "IN", "UNION", "ALL", ";", "FORMAT",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=25).map(" ".join) | st.text(max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
)


@settings(max_examples=500)
@given(source=TEXTS, values=st.dictionaries(st.sampled_from("xyz"), VALUES))
def test_any_text_compiles_and_renders_or_is_refused(source: str, values: dict[str, object]) -> None:
    with suppress(TemplateError):
        template = Template(source)
        assert len(list(samples_of(template.segments))) >= 1
        assert isinstance(template.render(values, Render()), str)


@settings(max_examples=500)
@given(source=TEXTS)
def test_any_text_has_names_or_is_refused(source: str) -> None:
    with suppress(SqlTextError):
        names = names_of(source)
        for table in names.tables:
            assert 0 <= table.start < table.end <= len(source)
        assert source[names.start : names.end].strip()


@given(value=VALUES)
def test_a_plain_value_is_bound_whatever_it_is(value: object) -> None:
    with suppress(TemplateError):
        state = Render()
        sql = Template("{{x}}").render({"x": value}, state)
        assert sql.startswith("{p1:")
        assert list(state.bindings.parameters) == ["p1"]
