"""Texts and numbers that ClickHouse's own functions would write anew or refuse: stored as they were sent."""

from __future__ import annotations

import json

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.sql.text import qualified
from tests.schemas.mapping.mapped import Mapped

FILES = {
    "datasources/texts.datasource": """SCHEMA >
    `v` Nullable(String) `json:$.v`,
    `inner` LowCardinality(Nullable(String)) `json:$.o.v`,
    `deep` String `json:$.o.p.v` DEFAULT 'none',
    `o` Nullable(String) `json:$.o`,
    `odd` Nullable(String) `json:$.['a/b ñ']`,
    `number` Nullable(Float64) `json:$.number`,
    `whole` String `json:$`,
    `when` Nullable(DateTime) `json:$.when`
""",
    "datasources/numbers.datasource": """SCHEMA >
    `id` Int32 `json:$.id`,
    `float` Nullable(Float64) `json:$.float`,
    `floats` Array(Float64) `json:$.floats[:]` DEFAULT [],
    `text` Nullable(String) `json:$.text`,
    `price` Nullable(Decimal(10, 2)) `json:$.price`,
    `noted` Nullable(String) `json:$.noted` DEFAULT 'none',
    `document` JSON `json:$.document` DEFAULT '{}',
    `whole` String `json:$`
""",
    "datasources/fixed.datasource": "SCHEMA >\n    `f` FixedString(4) `json:$.f`\n",
    "datasources/facts.datasource": "SCHEMA >\n    `v` String `json:$.v`,\n    `__key` String,\n    `__value` String\n",
}


TEXTS = (
    *(
        "1.10",
        "-0.0",
        "-0",
        "0",
        "1e5",
        "1E+05",
        "0.1e1",
        "3.0",
        "123456789012345678901",
        "-5",
        "1e400",
        "-1.8e308",
        "1e-400",
    ),
    *("true", "false", "[]", "{}", "[ 1.0 ]", "[1,2]", '{"v":1.50}', '{ "v" : 1 , "big":123456789012345678901 }'),
    *('{"a":"}{\\\\" , "b":["]"]}', '{"a":"\\u00e9\\/ñ"}', '{"x":1,"x":2.0}', '[{"v": 1.10}, 1e400]', "[\n1\n]"),
    *('{"p":{"v":2.50},"v":"in"}', '{"p":{"v":{"v": 1.0}}}', '{"\\u0076":9.0}'),
)
STRINGS = ("", "x", "5", "1.10", "{", '{"v":1.10}', "[1.0]", "-", 'a "v":1.10, b', "é\\", "\n\t", "null", "\\u0076")
BLANKS = st.sampled_from(("", " ", "\n", "\t ", "\r\n"))


def content(text: str) -> str | None:
    """What a String column holds of a JSON text."""
    if text.startswith('"'):
        return str(json.loads(text))
    return None if text == "null" else text


VALUES = st.sampled_from((*TEXTS, "null", *map(json.dumps, STRINGS)))


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, dict[str, str | None]]:
    """A message, and what the columns `v`, `o`, `odd` and `whole` are to hold of it."""
    names = draw(st.permutations(("v", "o", "a/b ñ", "other", "w")))
    keys = {
        "v": draw(st.sampled_from(('"v"', '"v"', '"\\u0076"'))),
        "a/b ñ": draw(st.sampled_from(('"a/b ñ"', '"a\\/b \\u00f1"'))),
    }
    sent, members = {}, []
    for name in names[: draw(st.integers(0, len(names)))]:
        sent[name] = draw(VALUES)
        members.append(
            f"{draw(BLANKS)}{keys.get(name, json.dumps(name))}{draw(BLANKS)}:{draw(BLANKS)}{sent[name]}{draw(BLANKS)}"
        )
    message = f"{draw(BLANKS)}{{{draw(BLANKS)}{','.join(members)}}}"
    row = {column: content(sent.get(name, "null")) for column, name in (("v", "v"), ("o", "o"), ("odd", "a/b ñ"))}
    return message, row | {"whole": message}


@settings(max_examples=25, deadline=None)
@given(sent=st.lists(messages(), min_size=1, max_size=40))
def test_a_text_column_holds_the_text_that_was_sent(
    mapped: Mapped, sent: list[tuple[str, dict[str, str | None]]]
) -> None:
    offsets = mapped.insert("texts", [message.encode() for message, _ in sent])
    assert mapped.reasons("texts", offsets) == {}
    rows = mapped.rows("texts", ["v", "o", "odd", "whole"], offsets)
    assert [rows[offset] for offset in offsets] == [row for _, row in sent]


NESTED: list[tuple[str, dict[str, str | None]]] = [
    ('{"o":{"v":1.10}}', {"inner": "1.10", "deep": "none", "o": '{"v":1.10}'}),
    ('{"v":"x","o":{ "v" : { "v" : 1.0 } , "p":{"v":2.0}}}', {"inner": '{ "v" : 1.0 }', "deep": "2.0"}),
    ('{"o":{"p":{"v":[ 1.0 ]}},"v":2.0}', {"deep": "[ 1.0 ]", "inner": None, "v": "2.0"}),
    ('{"v":1.0,"v":2.0}', {"v": "1.0"}),
    ('{"v":"first","v":2.0}', {"v": "first"}),
    ('{"o":[{"v":1.0}]}', {"o": '[{"v":1.0}]', "inner": None, "deep": "none"}),
    ('{"o":{"v":null,"p":{"v":null}},"v":1.50}', {"inner": None, "deep": "none", "v": "1.50"}),
    ('{"v":1.50,"number":1.50,"when":"2025-05-12T07:04:14Z"}', {"number": "1.5", "when": "2025-05-12 07:04:14"}),
    ('\ufeff{"v":1.50}', {"v": "1.50"}),
    ('{"v":"a\\u0000b","o":1.0}', {"v": "a\0b", "o": "1.0"}),
    ('{"v":' + "[" * 1000 + "1.0" + "]" * 1000 + "}", {"v": "[" * 1000 + "1.0" + "]" * 1000}),
]


def test_texts_at_every_depth_are_the_ones_that_were_sent(mapped: Mapped) -> None:
    offsets = mapped.insert("texts", [message.encode() for message, _ in NESTED])
    assert mapped.reasons("texts", offsets) == {}
    for offset, (message, expected) in zip(offsets, NESTED, strict=True):
        assert mapped.rows("texts", list(expected), range(offset, offset + 1)) == {offset: expected}, message


def test_a_text_that_has_no_room_as_it_was_sent_is_quarantined(mapped: Mapped) -> None:
    offsets = mapped.insert("fixed", [b'{"f":1.10}', b'{"f":1.1000}', b'{"f":"1.10"}', b'{"f":12}'])
    assert [row["f"] for row in mapped.rows("fixed", ["f"], offsets).values()] == ["1.10", "1.10", "12"]
    assert "is not FixedString(4)" in mapped.reasons("fixed", offsets)[offsets[1]]["f"]


def test_declared_facts_hold_the_message_as_it_came(mapped: Mapped) -> None:
    sent = ['{"v": 1.10}', '{"v":"x","other":1e400}', '{"v": 1e400}']
    offsets = mapped.insert("facts", [message.encode() for message in sent], key="k")
    rows = mapped.rows("facts", ["v", "__key", "__value"], offsets)
    assert [tuple(row.values()) for row in rows.values()] == [
        *(("1.10", "k", sent[0]), ("x", "k", sent[1]), ("1e400", "k", sent[2])),
    ]


@pytest.mark.parametrize("view", ["store_again", "explain_again"])
def test_without_a_view_of_the_second_look_nothing_is_taken_for_stored(mapped: Mapped, view: str) -> None:
    """The row goes to one table more on its way, so that the number of tables does not show what is missing."""
    name = qualified(mapped.database, f"facts_{view}")
    statement = mapped.query(f"SHOW CREATE TABLE {name}")[0][0]
    mapped.client.command(f"DROP VIEW {name} SYNC")
    try:
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
            mapped.insert("facts", [b'{"v": 1.10}'])
        offsets = mapped.insert("facts", [b'{"v":"x"}'])
        assert len(mapped.rows("facts", ["v"], offsets)) == 1
    finally:
        mapped.client.command(statement)


# -- numbers that are out of the range of a Float64 -------------------------------------------------------------

HUGE = ("1e400", "-1e400", "1E+400", "1.8e308", "0.1e310", "1" + "0" * 400 + ".5", "123e99999999999999999999")


@pytest.mark.parametrize("huge", HUGE)
def test_a_number_out_of_range_is_a_value_as_any_other(mapped: Mapped, huge: str) -> None:
    stored = [
        f'{{"id":1,"other":{huge}}}',
        f'{{"id":2,"text":{huge},"float":1.5}}',
        f'{{"id":3,"text":{{"a": {huge}}},"noted":null}}',
        f'{{"id":4,"other":[{{"x":[{huge}]}}],"text":"{huge}, {huge}"}}',
        f'{{"id":5,"document":{{"a":{huge}}}}}',
    ]
    refused = {"float": huge, "floats": f"[1,{huge}]", "id": huge, "price": huge}
    wrong = [f'{{"id":6,"{column}":{value}}}'.replace('"id":6,"id"', '"id"') for column, value in refused.items()]
    invalid = [
        f'{{"id":1,"x":{text}}}'
        for text in (f"{huge}x", f"+{huge}", f"0{huge.strip('-')}", f"{huge},", f'NaN,"y":{huge}')
    ]
    sent = [*stored, *wrong, *invalid, f"[{huge}]", huge]
    offsets = mapped.insert("numbers", [message.encode() for message in sent])
    rows = mapped.rows("numbers", ["id", "float", "text", "noted", "document", "whole"], offsets)
    assert [row["whole"] for row in rows.values()] == stored
    assert [row["text"] for row in rows.values()] == [None, huge, f'{{"a": {huge}}}', f"{huge}, {huge}", None]
    assert [row["noted"] for row in rows.values()] == ["none", "none", None, "none", "none"]
    assert [(row["float"], row["document"]) for row in rows.values()][1::3] == [
        ("1.5", "{}"),
        (None, f'{{"a":"{huge}"}}'),
    ]
    reasons = list(mapped.reasons("numbers", offsets).values())
    assert [list(reason) for reason in reasons] == [[column] for column in refused] + [["__value"]] * 7
    assert all(huge[:90] in reason[column] for reason, column in zip(reasons, refused, strict=False))
    assert [reason["__value"][:28] for reason in reasons[4:]] == ["the message is not valid JSO"] * 5 + [
        "the message is a JSON array,",
        "the message is a JSON string",
    ]
    raw = f"SELECT __value FROM {{table}} WHERE __offset BETWEEN {offsets[0]} AND {offsets[-1]} ORDER BY __offset"
    assert [row[0] for row in mapped.query(raw, "numbers_quarantine")] == sent[len(stored) :]
