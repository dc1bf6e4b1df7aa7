"""Samples: one JSON object a line, and what is told of any other."""

from __future__ import annotations

import pytest

from schemas.inference import sample as sampling
from schemas.inference.sample import SampleError, read_sample


def test_events_and_their_lines() -> None:
    read = read_sample([b'\xef\xbb\xbf{"a": 1}\r\n', b"\n", b'{"a": 2, "a": 3}'])
    assert read.events == ({"a": 1}, {"a": 2})
    assert read.lines == ('{"a": 1}', '{"a": 2, "a": 3}')
    assert read.is_whole


@pytest.mark.parametrize(
    ("lines", "line", "message", "hint"),
    [
        ([b'{"a": 1}\n', b"\n", b"nothing\n"], 3, "no JSON", "one JSON object a line"),
        ([b"{\n", b'  "a": 1\n', b"}\n"], 1, "no JSON", "jq -c ."),
        ([b'[{"a": 1}]\n'], 1, "no object", "jq -c '.[]'"),
        ([b"1\n"], 1, "no object", "names and values"),
        ([b'{"a": NaN}\n'], 1, "NaN", ""),
        ([b'{"a": 1}\n', b"\xff\n"], 2, "not UTF-8", ""),
        ([], 1, "holds no event", ""),
        ([b"\n", b" \n"], 1, "holds no event", ""),
        ([b'{"a": "\\ud83d"}\n'], 1, "surrogate", ""),
        ([b"[" * 100_000], 1, "no JSON", "jq"),
    ],
)
def test_what_is_no_sample_is_told_with_its_line(lines: list[bytes], line: int, message: str, hint: str) -> None:
    with pytest.raises(SampleError, match=message) as told:
        read_sample(lines)
    assert told.value.line == line
    assert hint in told.value.hint


def test_a_long_file_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_ROWS", 2)
    read = read_sample([b"{}\n", b"{}\n", b"no more is read\n"])
    assert (len(read.events), read.is_whole) == (2, False)
    monkeypatch.setattr(sampling, "MOST_BYTES", 5)
    read = read_sample([b"{}\n", b'{"a": 1}\n'])
    assert (len(read.events), read.is_whole) == (1, False)
    with pytest.raises(SampleError, match="more than 5 bytes"):
        read_sample([b'{"a": 1}\n'])
