"""What the parent and its processes tell each other: each message a value, on its way a line of JSON."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

# A project of some thousand pipes is named in one message.
_LONGEST_LINE = 16 << 20


@dataclass(frozen=True, slots=True)
class Refused:
    """To the parent: this process cannot start with these settings or this project, nor could another."""

    reason: str


@dataclass(frozen=True, slots=True)
class Serving:
    """To the parent: connections may come. `digest` is that of the project, with the names of what is in it."""

    digest: str
    pipes: Sequence[str]
    data_sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tell:
    """To a process: say how it goes, and put the gauges where the parent reads them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """To the parent: how it goes. `not_ready` says why not, a line each."""

    is_live: bool
    not_ready: Sequence[str]
    queries_running: int
    queries_waiting: int


@dataclass(frozen=True, slots=True)
class Prepare:
    """To a process: read the project's files as they are now, and answer as before."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """To the parent: what was read, as in `Serving`, or the problem that it cannot be answered for."""

    problem: str
    digest: str = ""
    pipes: Sequence[str] = ()
    data_sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Commit:
    """To a process: answer for what was prepared."""


@dataclass(frozen=True, slots=True)
class Drop:
    """To a process: forget what was prepared."""


@dataclass(frozen=True, slots=True)
class Stop:
    """To a process: no more connections come; end what is under way, then yourself."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """To the parent: this process stops without being told to; give it no more connections."""


Message = Refused | Serving | Tell | Facts | Prepare | Prepared | Commit | Drop | Stop | Stopping
_KINDS = {
    kind.__name__: kind for kind in (Refused, Serving, Tell, Facts, Prepare, Prepared, Commit, Drop, Stop, Stopping)
}


class Channel:
    """One end of the pair of sockets between the parent and a process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LONGEST_LINE))

    def send(self, message: Message) -> None:
        """Never fails: that the other side is gone is told by the end of `messages`."""
        line = json.dumps({"kind": type(message).__name__, **asdict(message)})
        with suppress(OSError, RuntimeError):
            self._writer.write(line.encode() + b"\n")

    async def messages(self) -> AsyncIterator[Message]:
        """What the other side says, until it is gone."""
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                if not line.endswith(b"\n"):
                    return  # it was killed in the middle
                fields = json.loads(line)
                yield _KINDS[fields.pop("kind")](**fields)

    async def close(self) -> None:
        """Let go of it once everything is sent."""
        with suppress(OSError):
            self._writer.close()
            await self._writer.wait_closed()
