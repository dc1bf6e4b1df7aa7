"""An exception in a body that began as a success is found wherever the network cuts the body."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from query_api.engine.exception_marker import ExceptionMarker

TAG = "ovapsoxyaqatxaxj"
MESSAGE = b"Code: 395. DB::Exception: boom.\nsecond line. (NAME) (version 26.9.2.1)"
TAIL = b"\r\n__exception__\r\n" + TAG.encode() + b"\r\n" + MESSAGE + b"\n106 " + TAG.encode() + b"\r\n__exception__\r\n"


def read(chunks: list[bytes], tag: str = TAG) -> tuple[bytes, str | None]:
    marker = ExceptionMarker(tag)
    body = b"".join([marker.feed(chunk) for chunk in chunks])
    rest, failure = marker.end()
    return body + rest, failure


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@given(st.binary(max_size=60), st.lists(st.integers(0, 400), max_size=8))
def test_a_whole_body_passes_unchanged_however_it_is_cut(body: bytes, places: list[int]) -> None:
    assert read(cut(body, places)) == (body, None)


@given(
    st.sampled_from([b"", b"rows\r\n", b"\r\n__exception__\r\n", b"\r\r\n"]), st.lists(st.integers(0, 400), max_size=8)
)
def test_the_exception_is_split_from_the_rows_however_it_is_cut(rows: bytes, places: list[int]) -> None:
    assert read(cut(rows + TAIL, places)) == (rows, MESSAGE.decode())


def test_without_a_tag_nothing_is_looked_for() -> None:
    assert read([TAIL], tag="") == (TAIL, None)
