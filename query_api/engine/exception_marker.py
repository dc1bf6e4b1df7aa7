"""Finds the exception that ClickHouse writes into a body which began as a success.

Since 25.11 the header `X-ClickHouse-Exception-Tag` announces a random tag; a query that fails on its way ends the body
with `__exception__`, the tag, the message, the message's length, the tag and `__exception__` again, each on a line.
"""

from __future__ import annotations

_WORD = b"\r\n__exception__\r\n"


class ExceptionMarker:
    """Lets bytes through until the marker of one answer; keeps back only what could be its beginning."""

    def __init__(self, tag: str) -> None:
        self._marker = _WORD + tag.encode() if tag else b""
        self._kept = b""
        self._message: bytearray | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that surely belong to the answer, of this chunk and of what was kept back."""
        if not self._marker:
            return chunk
        if self._message is not None:
            self._message += chunk
            return b""
        data = self._kept + chunk
        found = data.find(self._marker)
        if found >= 0:
            self._kept, self._message = b"", bytearray(data[found + len(self._marker) :])
            return data[:found]
        keep = self._beginning_at_end(data)
        self._kept = data[len(data) - keep :]
        return data[: len(data) - keep]

    def end(self) -> tuple[bytes, str | None]:
        """At the end of the body: the last bytes of the answer, and the exception's text if there was one."""
        if self._message is None:
            return self._kept, None
        text = self._message.strip().decode("utf-8", "replace")
        # What follows the text: its length and the tag, and the word again.
        return b"", text.rsplit("\r\n__exception__", 1)[0].rsplit("\n", 1)[0].strip()

    def _beginning_at_end(self, data: bytes) -> int:
        longest = min(len(self._marker) - 1, len(data))
        start = data.find(b"\r", len(data) - longest)
        while start >= 0:
            if self._marker.startswith(data[start:]):
                return len(data) - start
            start = data.find(b"\r", start + 1)
        return 0
