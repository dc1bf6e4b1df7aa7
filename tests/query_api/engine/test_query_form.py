"""Queries travel as multipart forms: nothing in the URL, every value escaped."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.engine.execute import checked_values, escape_value
from query_api.engine.limits import MAX_VALUE_BYTES
from query_api.engine.query_form import query_form
from query_api.errors import TooLarge
from schemas.queries.query import Query

_UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "0": "\0"}
texts = st.text(st.characters(exclude_categories=["Cs"]))


def unescape(text: str) -> str:
    characters = iter(text)
    return "".join(_UNESCAPED[next(characters)] if character == "\\" else character for character in characters)


def fields(content_type: str, body: bytes) -> dict[str, bytes]:
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    return {name(part): payload(part) for part in parts if isinstance(part, Message)}


def name(part: Message) -> str:
    found = part.get_param("name", header="Content-Disposition")
    assert isinstance(found, str)
    return found


def payload(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def test_sql_and_values_are_fields() -> None:
    query = Query("SELECT {a:String}, {b:Int32}", {"a": "x\ty\\", "b": "5"})
    assert fields(*query_form(query)) == {
        "query": b"SELECT {a:String}, {b:Int32}",
        "param_a": rb"x\ty\\",
        "param_b": b"5",
    }


@given(texts)
def test_escaping_can_be_undone_and_leaves_no_line_break(text: str) -> None:
    escaped = escape_value(text)
    assert unescape(escaped) == text
    assert not set(escaped) & set("\t\n\r\0")


@pytest.mark.parametrize(("character", "bytes_each"), [("x", 1), ("\n", 2), ("é", 2), ("🦉", 4)])
def test_a_value_may_be_as_long_as_clickhouse_takes(character: str, bytes_each: int) -> None:
    longest = character * (MAX_VALUE_BYTES // bytes_each)
    checked_values(Query("", {"p1": longest}))
    with pytest.raises(TooLarge, match=r"`p1` is \d+ bytes long; ClickHouse takes at most `131072`"):
        checked_values(Query("", {"p0": "", "p1": longest + character}))


def test_a_query_that_clickhouse_would_not_read_is_refused() -> None:
    with pytest.raises(TooLarge, match="the query is longer"):
        query_form(Query("SELECT 1 --" + "x" * MAX_VALUE_BYTES))
