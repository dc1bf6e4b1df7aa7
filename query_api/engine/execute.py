"""What runs a query: the protocol that every engine answers to, and what an answer is."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from query_api.engine.limits import MAX_VALUE_BYTES, Limits
from query_api.errors import AnswerTooLong, TooLarge
from schemas.queries.query import Query


@dataclass(frozen=True, slots=True)
class Summary:
    """What a query read, as far as the engine told before its answer was complete."""

    rows_read: int = 0
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """ClickHouse's bytes in the format that was asked for.

    `body` is all of them, or (for an answer too large to hold) a generator of them, which must be closed by whoever
    does not read it to its end, and which raises `BrokenAnswer` when the query fails on its way.
    """

    body: bytes | AsyncGenerator[bytes]
    summary: Summary = Summary()

    async def whole(self, most_bytes: int | None = None) -> bytes:
        """All of the body. Raises `AnswerTooLong` for a stream of more than `most_bytes`, and `BrokenAnswer`."""
        if isinstance(self.body, bytes):
            return self.body
        held = bytearray()
        async with aclosing(self.body) as chunks:
            async for chunk in chunks:
                held += chunk
                if most_bytes is not None and len(held) > most_bytes:
                    raise AnswerTooLong(f"the answer has more than {most_bytes} bytes")
        return bytes(held)


class Executor(Protocol):
    """A ClickHouse that answers queries."""

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        """Run one read-only query and give its answer in a ClickHouse `format`.

        `settings` are the caller's, laid over the query's own; the limits win over both
        (`query_api.engine.limits.query_settings`). Being cancelled cancels the query. Raises `RequestError`.
        """
        ...

    async def ping(self) -> None:
        """Raise `Unavailable` with the reason when the engine does not answer."""
        ...

    async def close(self) -> None:
        """Let go of connections; the executor is not used any more."""
        ...


def escape_value(text: str) -> str:
    """A bound value as ClickHouse's HTTP interface reads it: TSV-escaped text."""
    return text.translate(_ESCAPES) if _ESCAPED.search(text) else text


_ESCAPED = re.compile(r"[\\\t\n\r\0]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def transported(query: Query) -> dict[str, str]:
    """The bound values of a query as they have to be sent, over HTTP and to the embedded engine alike."""
    return {name: value if name in query.verbatim else escape_value(value) for name, value in query.parameters.items()}


def checked_values(query: Query) -> dict[str, str]:
    """What `transported` gives. Raises `TooLarge` that names the first value which ClickHouse would refuse for its
    length."""
    values = transported(query)
    for name, value in values.items():
        if len(value) * 4 > MAX_VALUE_BYTES:
            length = len(value.encode("utf-8", "surrogatepass"))
            if length > MAX_VALUE_BYTES:
                raise TooLarge(
                    f"the value bound as `{name}` is {length} bytes long; ClickHouse takes at most `{MAX_VALUE_BYTES}`"
                )
    return values
