"""What a typed parameter takes is what ClickHouse itself takes of that type, and no more, with ClickHouse's value."""

from __future__ import annotations

import json

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deploy.embedded.engine import EmbeddedEngine
from schemas.template.errors import TemplateError
from schemas.template.rendering import Render
from schemas.template.template import Template
from schemas.template.values.typed import FLOAT_TYPES, INTEGER_TYPES

# chDB answers a query that fails on a connection of its own, which takes longer than hypothesis likes.
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
NUMBERS = st.from_regex(
    r"\A[ +-]{0,2}[0-9٣１_]{0,4}([.,][0-9_]{0,3})?([eE][+-]?[0-9]{0,3})?[ \n]?\Z"
) | st.sampled_from(
    ["inf", "-Infinity", "nan", "+NaN", "0x10", "0b1", "1_0", "٣", " 1", "1 ", "1e3", "1e400", "infinit", "١٢", "-0"]
)
DAYS = st.dates().map(str) | st.from_regex(r"\A[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\Z")
CLOCKS = st.from_regex(r"\A[T ][0-2]?[0-9]:[0-9]{1,2}:[0-9]{1,2}([.][0-9]{1,9})?(Z| UTC|[+-][0-9]{2}:?[0-9]{2})?\Z")


def asked(embedded_engine: EmbeddedEngine, expression: str, text: str) -> object:
    """ClickHouse's own reading of a text; its error is what pytest shows."""
    client: Client = embedded_engine.client()
    try:
        answer = client.raw_query(
            f"SELECT toString({expression})", settings={"param_x": text.translate(ESCAPES)}, fmt="JSONCompactEachRow"
        )
        return json.loads(answer)[0]
    finally:
        client.close()


def bound(source: str, text: str) -> tuple[str, str] | None:
    """The placeholder's type and its text, None for what is refused."""
    render = Render()
    try:
        sql = Template(source).render({"x": text}, render)
    except TemplateError:
        return None
    (name,) = render.bindings.parameters
    return sql.removeprefix(f"{{{name}:").removesuffix("}"), render.bindings.parameters[name]


@pytest.mark.parametrize("kind", ["Int8", "UInt8", "Int32", "UInt64", "Int256", *FLOAT_TYPES])
@SLOW
@given(text=NUMBERS)
@example("1_0")
@example("1e400")
@example("7\n")
def test_a_number_is_taken_as_clickhouse_takes_it(embedded_engine: EmbeddedEngine, kind: str, text: str) -> None:
    found = bound(f"{{{{{kind}(x)}}}}", text)
    if found is not None:
        assert found[0] == kind
        assert asked(embedded_engine, f"{{x:{kind}}}", found[1]) == asked(
            embedded_engine, f"to{kind}({{x:String}})", text
        )


@pytest.mark.parametrize("text", ["1", "-1", "007", "+5", "1.5", ".5", "5.", "1e3", "1E-5", "-inf", "nan", "Infinity"])
@pytest.mark.parametrize("kind", FLOAT_TYPES)
def test_every_form_of_a_float_is_taken(embedded_engine: EmbeddedEngine, kind: str, text: str) -> None:
    assert bound(f"{{{{{kind}(x)}}}}", text) is not None


@pytest.mark.parametrize("kind", INTEGER_TYPES)
@pytest.mark.parametrize(
    "text", ["1_0", "٣", "１", " 1", "1 ", "1\n", "0x10", "1e3", "1.0", "inf", "nan", "", "+", "--1"]
)
def test_no_integer_is_read_by_pythons_rules(kind: str, text: str) -> None:
    assert bound(f"{{{{{kind}(x)}}}}", text) is None


@SLOW
@given(text=DAYS)
@example("2026-13-01")
@example("2024-02-29")
def test_a_date_that_is_taken_is_the_same_date_to_clickhouse(embedded_engine: EmbeddedEngine, text: str) -> None:
    if bound("{{Date(x)}}", text) is not None:
        assert asked(embedded_engine, "toDate32({x:String})", text) == text


@SLOW
@given(day=DAYS, clock=CLOCKS)
@example("2026-01-01", " 24:00:00")
@example("2026-01-01", " 10:00:00+05:75")
def test_a_time_that_is_taken_is_read_by_clickhouse_and_none_is_moved(
    embedded_engine: EmbeddedEngine, day: str, clock: str
) -> None:
    for source in ("{{DateTime(x)}}", "{{DateTime64(x)}}"):
        if bound(source, day + clock) is not None:
            read = asked(embedded_engine, "toDateTime64({x:String}, 9, 'UTC')", day + clock)
            has_offset = clock[-3:] != "UTC" and any(sign in clock for sign in "+-")
            year, month, date = (int(part) for part in day.split("-"))
            assert has_offset or str(read).startswith(f"{year:04}-{month:02}-{date:02} ")
