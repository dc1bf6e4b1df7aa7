"""Any text at all gives a model or problems, never anything else, with work in proportion to its length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.checks.data_sources import check_data_source
from schemas.files.connection import read_connection
from schemas.files.datasource import read_data_source
from schemas.files.lines.includes import source_of
from schemas.files.pipe import read_pipe
from schemas.model import Problem
from schemas.report import render
from tests.work import lines_run

# Many examples: a first answer does without them.
pytestmark = pytest.mark.slow

DATA_SOURCE = """# what happens
TOKEN "app" APPEND
DESCRIPTION >
    Words
SCHEMA >
    `id` UInt64 `json:$.id`,
    tags Array(LowCardinality(String)) `json:$.tags[:].name`, -- why
    at DateTime64(3, 'UTC') DEFAULT now64(3) `json:$.at` CODEC(Delta, ZSTD(1)),
    `m` Map(String, Tuple(a Int8, b Enum8('x' = 1))) `json:$.m` DEFAULT map()
INDEXES >
    INDEX one lower(id) TYPE bloom_filter(0.01) GRANULARITY 4
ENGINE "ReplacingMergeTree"
ENGINE_SORTING_KEY "id, toDate(at)"
ENGINE_VER at
KAFKA_CONNECTION_NAME {{ tb_secret("NAME", "main") }}
KAFKA_TOPIC ${TOPIC}
KAFKA_GROUP_ID g
"""
PIPE = """TOKEN "dash" READ
NODE one
DESCRIPTION >
    Words
SQL >
    %
    SELECT * FROM events WHERE a = {{String(a, 'b')}} {% if defined(c) %} AND type = 1 {% end %}
TYPE endpoint
NODE two
SQL >
SELECT
type
FROM one
"""
CONNECTION = 'TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {{ tb_secret("SERVERS") }}\nKAFKA_SSL_CA_PEM >\n    line\n    line\n'
LINES = ("SCHEMA >", "NODE n", "SQL >", "TYPE ", "ENGINE ", "INDEXES >", "ENGINE_SORTING_KEY ", "TOKEN t READ", "\n\n")
PARTS = (
    "DEFAULT ",
    "CODEC(",
    "INDEX ",
    "`json:$.",
    "[:]",
    "Array(",
    "Tuple(",
    "a String",
    "GRANULARITY 1",
    "TYPE minmax",
)
MARKS = (
    "{{ tb_secret(",
    "${A}",
    "'",
    '"',
    "`",
    "--",
    "/*",
    "*/",
    "#",
    ",",
    "\n",
    "\t",
    " ",
    "\r\n",
    "(",
    ")",
    "\\",
    "\0",
    "%",
)
WORDS = st.sampled_from((*LINES, *PARTS, *MARKS, "\ufeff"))
TEXTS = st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=3)), max_size=40).map("".join))


def read(text: str) -> list[Problem]:
    """Read a text as each of the kinds; what is wrong with all of them."""
    found: list[Problem] = []
    for kind, fills_secrets in (("x.datasource", True), ("x.pipe", False), ("x.connection", True)):
        source = source_of(text, kind, {"TOPIC": "web"}, fills_secrets=fills_secrets)
        if kind == "x.datasource":
            data_source = read_data_source(source, "x")
            found += check_data_source(data_source, {}) if data_source is not None else []
            assert data_source is not None or source.has_errors
        elif kind == "x.pipe":
            assert read_pipe(source, "x", publishes_last_node=True) is not None or source.has_errors
        else:
            assert read_connection(source, "x") is not None or source.has_errors
        found += source.problems
    return found


@settings(deadline=None)
@given(TEXTS)
def test_any_text_gives_a_model_or_problems(text: str) -> None:
    for problem in read(text):
        assert problem.message
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert problem.place.line <= text.count("\n") + text.count("\r") + 1
    render(read(text))


@settings(deadline=None)
@given(st.sampled_from([DATA_SOURCE, PIPE, CONNECTION]), st.data())
def test_a_damaged_file_gives_a_model_or_problems(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + data.draw(st.one_of(st.just(""), WORDS, st.text(max_size=5))) + text[end:]
    read(text)


@pytest.mark.parametrize(
    "unit",
    [
        "a String,\n",
        "a String DEFAULT ",
        "a Array(",
        "INDEX a b TYPE c ",
        "INDEX a b TYPE c,\n",
        "a Array(b,\n",
        "a String DEFAULT 'b,\n",
        "a Strin,\n",
        "INDEX ",
        "CODEC(",
        "a CODEC ",
        "`json:",
        "'",
        '"\\"',
        "/*",
        "--",
        "# ",
        ") ",
        "( ",
        "[",
        "a,",
        "a\n",
        "\n",
        " ",
        "DEFAULT\n\n",
        "+\n",
        "{{tb_secret('",
        "${A",
        "type\n",
        "TYPE\n",
        "SOME_WORD x\n",
        "`a` String `json:$.a[:].b`,",
        "a String `json:$.['",
        "Tuple(a Int8, ",
    ],
)
@pytest.mark.parametrize(
    "head", ["SCHEMA >\n    ", "NODE n\nSQL >\n    ", "INDEXES >\n    ", "ENGINE ", "", "DESCRIPTION >\n"]
)
def test_work_grows_with_the_text(head: str, unit: str) -> None:
    # mypy does not infer a lambda's defaults.
    once, twice = (lines_run(lambda size=size: read(head + unit * size)) for size in (300, 600))  # type: ignore[misc]
    assert twice < once * 2.3 + 2_000
