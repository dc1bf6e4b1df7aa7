"""An answer that is wanted whole, however it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from query_api.engine.execute import Answer
from query_api.errors import AnswerTooLong


class Chunks:
    """A stream that remembers whether it was closed before its end."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.is_closed = False

    async def stream(self) -> AsyncGenerator[bytes]:
        try:
            for chunk in self._chunks:
                yield chunk
        finally:
            self.is_closed = True


async def test_a_stream_is_read_to_its_end() -> None:
    chunks = Chunks(b"a", b"", b"bc")
    assert await Answer(chunks.stream()).whole() == b"abc"
    assert await Answer(b"abc").whole() == b"abc"
    assert chunks.is_closed


async def test_a_stream_that_is_too_long_is_closed_and_refused() -> None:
    chunks = Chunks(b"ab", b"c", b"never read")
    with pytest.raises(AnswerTooLong, match="more than 2 bytes"):
        await Answer(chunks.stream()).whole(2)
    assert chunks.is_closed
    assert await Answer(Chunks(b"ab").stream()).whole(2) == b"ab"
