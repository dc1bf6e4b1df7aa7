"""What a DateTime becomes where it is compared with a column, by the form of its text and what the column holds."""

from __future__ import annotations

import pytest

from schemas.template.rendering import Render
from schemas.template.template import Template
from schemas.template.values.moments import ColumnKind

KINDS: dict[str, ColumnKind] = {"d": "date", "s": "second", "f": "fraction", "z": "zoned", "t": "text"}
UTC = "DateTime('UTC')"


def bound(source: str, text: str) -> list[tuple[str, str]]:
    """The type and the text of every placeholder, in the order of the SQL."""
    state = Render(column_kinds=KINDS)
    sql = Template(source).render({"x": text}, state)
    placeholders = [piece.split("}")[0].split(":", 1) for piece in sql.split("{")[1:]]
    return [(kind, state.bindings.parameters[name]) for name, kind in placeholders]


WHOLE = "2024-01-31 10:00:00"
FORMS = [
    # text as sent, then its binding against a date, seconds, fractions, a column with a zone, text, an unknown column
    (WHOLE, ("DateTime", WHOLE), WHOLE, WHOLE, WHOLE, WHOLE, WHOLE),
    ("2024-01-31T10:00:00", ("DateTime", WHOLE), *["2024-01-31T10:00:00"] * 5),
    ("2024-01-31T10:00:00Z", *[(UTC, WHOLE)] * 4, "2024-01-31T10:00:00Z", (UTC, WHOLE)),
    ("2024-01-31 12:30:00+02:30", *[(UTC, WHOLE)] * 4, "2024-01-31 12:30:00+02:30", (UTC, WHOLE)),
    ("2024-01-31 09:00:00-01", *[(UTC, WHOLE)] * 4, "2024-01-31 09:00:00-01", (UTC, WHOLE)),
    ("2024-01-31 10:00:00.000", ("DateTime", WHOLE), WHOLE, WHOLE, WHOLE, "2024-01-31 10:00:00.000", WHOLE),
    (
        "2024-01-31 10:00:00,50",
        *[("DateTime64(1)", "2024-01-31 10:00:00.5")] * 2,
        *["2024-01-31 10:00:00.50"] * 4,
    ),
    (
        "2024-01-31T10:00:00.123Z",
        *[("DateTime64(3,'UTC')", "2024-01-31 10:00:00.123")] * 4,
        "2024-01-31T10:00:00.123Z",
        ("DateTime64(3,'UTC')", "2024-01-31 10:00:00.123"),
    ),
    (
        "1965-01-01T00:00:00Z",
        *[("DateTime64(0,'UTC')", "1965-01-01 00:00:00")] * 4,
        "1965-01-01T00:00:00Z",
        ("DateTime64(0,'UTC')", "1965-01-01 00:00:00"),
    ),
    ("31-01-2024 10:00:00", ("DateTime", WHOLE), WHOLE, WHOLE, WHOLE, "31-01-2024 10:00:00", WHOLE),
    (
        "1965-01-01 00:00:00",
        *[("DateTime64(0)", "1965-01-01 00:00:00")] * 2,
        *["1965-01-01 00:00:00"] * 4,
    ),
]


@pytest.mark.parametrize(("text", "expected"), [(text, expected) for text, *expected in FORMS], ids=lambda value: value)
def test_a_time_is_bound_for_the_column_it_is_compared_with(text: str, expected: list[str | tuple[str, str]]) -> None:
    wanted = [("String", each) if isinstance(each, str) else each for each in expected]
    source = " AND ".join(f"{column} >= {{{{DateTime(x)}}}}" for column in "dsfztu")
    assert bound(source, text) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "s = {{DateTime(x)}}",
        "t.`s`!={{DateTime(x)}}",
        '"s" < ({{DateTime(x)}})',
        "{{DateTime(x)}} <= s AND",
        "{{sql_and(s__gte=DateTime(x))}}",
        "toStartOfHour(t) >= {{DateTime(x)}}",
        "s >= {% if defined(x) %}{{DateTime(x)}}{% else %}now(){% end %}",
        "{% set y = DateTime(x) %}s > {{y}}",
        "s >= {{DateTime(x, '2024-01-01 00:00:00', description='from', required=True)}}",
        "s BETWEEN {{DateTime(x)}} AND {{DateTime(x)}}",
        "s NOT BETWEEN toDateTime('2020-01-01 00:00:00') AND {{DateTime(x)}}",
        "s NOT IN ({{DateTime(x)}}, now(), {{DateTime(x)}})",
    ],
)
def test_every_comparison_is_seen(source: str) -> None:
    assert set(bound(source, "2024-01-31T10:00:00Z")) == {(UTC, WHOLE)}


def test_the_members_of_an_array_are_compared_alike() -> None:
    source = "s IN {{Array(x, 'DateTime')}}"
    assert bound(source, "2024-01-31T10:00:00Z") == [(f"Array({UTC})", f"['{WHOLE}']")]
    assert bound(source, f"2024-01-31T10:00:00Z,{WHOLE}") == [("Array(String)", f"['2024-01-31T10:00:00Z','{WHOLE}']")]


@pytest.mark.parametrize(
    "source",
    [
        "{{DateTime(x)}}",
        "toDateTime({{DateTime(x)}})",
        "s >= toDateTime({{DateTime(x)}})",
        "toString(s) >= {{DateTime(x)}}",
        "'s' = {{DateTime(x)}}",
        "{{DateTime(x)}} <= toString(s)",
        "s >= {{String(x)}}",
        "s >= {{x}}{% if 0 %}{{DateTime(x)}}{% end %}",
        "s BETWEEN 1 AND 2 AND f({{DateTime(x)}})",
        "s >= {{DateTime(x) + ''}}",
    ],
)
def test_elsewhere_the_text_stays_as_it_was_sent(source: str) -> None:
    assert bound(source, "2024-01-31T10:00:00Z")[0] == ("String", "2024-01-31T10:00:00Z")
