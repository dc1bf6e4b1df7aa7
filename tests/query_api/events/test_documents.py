"""Bodies of the Events API become documents: every form that clients send, and the edges between them."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.errors import BadRequest, TooLarge, UnsupportedEncoding
from query_api.events.documents import split_documents, whole_lines
from query_api.web.request_body import inflate

PRETTY = json.dumps({"a": {"b": ['}{"', "\\"]}, "c": 1}, indent=2).encode()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=4)


@pytest.mark.parametrize(
    ("body", "documents"),
    [
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}\n{"a":2}', [b'{"a":1}', b'{"a":2}']),
        (b'\r\n{"a":1}\r\n\r\n  \n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}']),
        (b'\xef\xbb\xbf{"a":1}', [b'{"a":1}']),
        (PRETTY, [PRETTY]),
        (PRETTY + b"\n" + PRETTY, [PRETTY, PRETTY]),
        (b'[\n{"a":1},\n{"a":2}\n]', [b'{"a":1}', b'{"a":2}']),
        (b"not json", [b"not json"]),
        (b'{"a":1', [b'{"a":1']),
        (b'{"a":1\n{"a":2}', [b'{"a":1', b'{"a":2}']),
        (b'{"a":"x\n{"a":2}\n', [b'{"a":"x', b'{"a":2}']),
        (b'oops\n{"a":2}', [b"oops", b'{"a":2}']),
        (b'{"a":1}}\n{"a":2}', [b'{"a":1}}', b'{"a":2}']),
        (b'{"a":"\xff"}\n{"a":2}', [b'{"a":"\xff"}', b'{"a":2}']),
        # A comma is missing, but there is no doubt about where the document begins and ends.
        (b'{\n"a": 1\n"b": 2\n}', [b'{\n"a": 1\n"b": 2\n}']),
    ],
)
def test_a_body_without_a_format_is_taken_apart(body: bytes, documents: list[bytes]) -> None:
    assert split_documents(body) == documents


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("form", [None, "json", "ndjson"])
def test_an_empty_body_is_refused(body: bytes, form: str | None) -> None:
    with pytest.raises(BadRequest, match="the body is empty"):
        split_documents(body, form)


@pytest.mark.parametrize("body", [b'{\n"a": 1', b'{\n"a": "x\n}', b'{\n"a": [1\n', b"{\n}}\n{\n}", b"{\n}x{\n}"])
def test_a_broken_document_over_several_lines_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="a bracket or a quote is not closed"):
        split_documents(body)


def test_the_format_decides_when_it_is_given() -> None:
    assert split_documents(b'{"a":\n1}\n', "json") == [b'{"a":\n1}']
    assert split_documents(b'{"a":\n1}\n', "ndjson") == [b'{"a":', b"1}"]
    with pytest.raises(BadRequest, match="cannot be `csv`"):
        split_documents(b"{}", "csv")


@given(st.lists(json_objects, min_size=1, max_size=5))
def test_any_objects_come_back_one_to_a_line(objects: list[dict[str, object]]) -> None:
    lines = [json.dumps(value).encode() for value in objects]
    assert split_documents(b"\n".join(lines)) == lines


@given(st.lists(json_objects, min_size=1, max_size=5))
def test_any_objects_come_back_pretty_printed(objects: list[dict[str, object]]) -> None:
    documents = [json.dumps(value, indent=1).encode() for value in objects]
    assert split_documents(b"\n".join(documents)) == documents


@given(st.binary(max_size=200))
def test_no_bytes_are_lost_or_made_up(body: bytes) -> None:
    try:
        documents = split_documents(body)
    except BadRequest:
        return
    kept = b"".join(documents)
    space = bytes.maketrans(b"", b""), b" \t\r\n"
    assert kept.translate(*space) == body.removeprefix(b"\xef\xbb\xbf").translate(*space)


def test_a_body_of_quotes_takes_linear_time() -> None:
    # Quadratic reading of 300,000 quotes would run into the test's time-out.
    with pytest.raises(BadRequest):
        split_documents(b"{\n" + b'"\\' * 300_000)


def test_gzip_is_inflated_member_by_member() -> None:
    body = gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n')
    assert inflate(body, "gzip", 16) == b'{"a":1}\n{"a":2}\n'
    assert inflate(b"as it is", "", 1) == b"as it is"


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    with pytest.raises(TooLarge, match="`1000` bytes"):
        inflate(gzip.compress(bytes(50_000_000)), "gzip", 1000)
    with pytest.raises(BadRequest, match="more than 64 members"):
        inflate(gzip.compress(b"") * 65, "gzip", 1000)


def test_broken_gzip_is_refused() -> None:
    whole = gzip.compress(b'{"a":1}\n' * 100)
    with pytest.raises(BadRequest, match="cut off"):
        inflate(whole[:-4], "gzip", 10_000)
    with pytest.raises(BadRequest, match="broken"):
        inflate(whole[:-8] + bytes(8), "gzip", 10_000)
    with pytest.raises(BadRequest, match="not gzip"):
        inflate(b"{}", "gzip", 10_000)
    with pytest.raises(UnsupportedEncoding, match="`zstd`"):
        inflate(b"{}", "zstd", 10_000)


@given(st.lists(st.text('{}\n \r"a', max_size=6), max_size=5), st.booleans())
def test_a_body_of_whole_lines_is_split_as_any_other(pieces: list[str], is_forced: bool) -> None:
    # A blank line between makes the body one that is not split at once.
    body = "\n".join(f"{{{piece}}}" for piece in pieces).encode()
    lines = whole_lines(body)
    if lines is not None:
        assert lines == split_documents(body.replace(b"\n", b"\n \n"), "ndjson" if is_forced else None)


def test_only_lines_without_white_space_around_them_are_split_at_once() -> None:
    assert whole_lines(b'{"a":1}\n{"a":2}\n') == [b'{"a":1}', b'{"a":2}']
    for body in (b'{"a":1}\r\n{"a":2}', b'{"a":1}\n\n{"a":2}', b'{\n"a":1}', b'{"a":1}\n[2]', b"\n", b"", b"{\n}"):
        assert whole_lines(body) is None


@pytest.mark.parametrize(
    ("body", "documents"),
    [
        (b'[{"a":1},{"a":2}]', [b'{"a":1}', b'{"a":2}']),
        (b' \n[ {"a" : 1.10 } ,\t{"a":"],["}\r\n]\n', [b'{"a" : 1.10 }', b'{"a":"],["}']),
        (b'\xef\xbb\xbf[{"a":1}]', [b'{"a":1}']),
        (b"[" + PRETTY + b",\n" + PRETTY + b"]", [PRETTY, PRETTY]),
        (b"[]", []),
        (b" [ \n ] ", []),
        # What is no object goes to quarantine as it would alone; an array within the array as one document.
        (b'[1, "x, y", null,true, -2.5e3,{"a":[1,2]},[{"b":1}]]',
         [b"1", b'"x, y"', b"null", b"true", b"-2.5e3", b'{"a":[1,2]}', b'[{"b":1}]']),
        (b'[{"a":tru},{"a":2}]', [b'{"a":tru}', b'{"a":2}']),
        # Lines that are arrays are judged by the same rule.
        (b'[{"a":1},{"a":2}]\n[{"a":3}]\n[]\n', [b'{"a":1}', b'{"a":2}', b'{"a":3}']),
        (b'{"a":1}\n[{"a":2}]', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":1}\noops\n[{"a":2}]', [b'{"a":1}', b"oops", b'{"a":2}']),
        # What begins as an array and is none is one document, which ends in quarantine.
        (b'[{"a":1},]', [b'[{"a":1},]']),
        (b'[{"a":1} {"a":2}]', [b'[{"a":1} {"a":2}]']),
        (b"[,]", [b"[,]"]),
        (b'[{"a":1}', [b'[{"a":1}']),
        (b'[{"a":1}] and more', [b'[{"a":1}] and more']),
        (b'[{"a":1}}', [b'[{"a":1}}']),
        (b'["a', [b'["a']),
    ],
)  # fmt: skip
def test_an_array_stands_for_its_members(body: bytes, documents: list[bytes]) -> None:
    assert split_documents(body) == documents
    if b"\n" not in body.strip():
        assert split_documents(body, "json") == split_documents(body, "ndjson") == documents


def test_lines_that_are_arrays_are_taken_apart_also_when_the_format_says_lines() -> None:
    assert split_documents(b'[{"a":1},{"a":2}]\n{"a":3}\n[', "ndjson") == [b'{"a":1}', b'{"a":2}', b'{"a":3}', b"["]


@pytest.mark.parametrize(
    "body", [b'[\n{"a":1},\n{"a":2}\n', b'[\n{"a":1},\n{"a":"x\n}]', b'[{"a":1},\n{"a":2}\n{"a":3}']
)
def test_an_array_over_several_lines_that_does_not_end_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadRequest, match="a bracket or a quote is not closed"):
        split_documents(body)


@given(st.lists(json_values, max_size=6), st.sampled_from([None, 0, 2]))
def test_any_members_come_back_as_they_were_sent(values: list[object], indent: int | None) -> None:
    texts = [json.dumps(value, indent=indent).encode() for value in values]
    assert split_documents(b"[" + b" ,\n ".join(texts) + b"]", "json") == texts


@given(st.text(alphabet='[]{},:"\\ \n1a', max_size=40))
def test_no_byte_of_what_begins_as_an_array_is_lost(text: str) -> None:
    body = b"[" + text.encode()
    documents = split_documents(body, "json")
    assert all(document and document in body for document in documents)
    shown = b"".join(documents)
    assert len([byte for byte in body if byte not in b"[], \n"]) == len([b for b in shown if b not in b"[], \n"])


def test_a_large_array_takes_time_in_its_length_alone() -> None:
    started = time.process_time()
    split_documents(b"[" * 100_000 + b"]" * 100_000)
    split_documents(b"[" + b"0," * 500_000 + b"0]")
    split_documents(b'["' + b"\\" * 500_000)
    assert time.process_time() - started < 10
