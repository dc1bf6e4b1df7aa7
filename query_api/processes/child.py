"""The parent's view of one process: started, listened to, and started again whenever it ends untold."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from prometheus_client.multiprocess import mark_process_dead

import query_api
from query_api.observing.observations import Observer
from query_api.observing.processes import ProcessAnswers, ProcessEnded, ProcessKilled
from query_api.processes.between.channel import (
    Channel,
    Facts,
    Message,
    Prepared,
    Refused,
    Serving,
    Stop,
    Stopping,
    Tell,
)
from query_api.processes.between.given import METRICS_FOLDER, REFUSED, Given
from query_api.processes.between.giving import Giver, Recipient
from service.backoff import Backoff

# A process that answered for so long, in seconds, and ends then is a new trouble, not the old one again.
_STEADY_SECONDS = 30.0
# After its end: what it had said is read within this time.
_LAST_WORDS_SECONDS = 1.0

Answer = TypeVar("Answer", Facts, Prepared)


@dataclass(frozen=True, slots=True)
class Family:
    """What all processes of a parent have in common: how many there are, their folder, what they are started with."""

    count: int
    folder: Path
    environment: Mapping[str, str]
    observe: Observer


class Child:
    """`state` is `answering` while connections may be given; `ends` counts how often it ended in a row, without having
    answered for long; `how` it last did, for people."""

    def __init__(
        self,
        number: int,
        family: Family,
        giver: Giver,
        on_serving: Callable[[Child], None],
        on_refused: Callable[[str], None],
    ) -> None:
        """`on_serving` decides when it takes connections; `on_refused` is told why neither it nor another can start."""
        self.number = number
        self.state: Literal["starting", "answering", "stopping", "ended"] = "ended"
        self.pid = 0
        self.ends = 0
        self.how = ""
        self.serving: Serving | None = None
        self.facts: Facts | None = None
        self.unanswered = 0  # looks of `watch` in a row
        self.started_at = time.monotonic()
        self.was_ready = False
        self.recipient: Recipient | None = None
        self._family, self._observe, self._giver = family, family.observe, giver
        self._on_serving, self._on_refused = on_serving, on_refused
        self._backoff = Backoff(first=0.1, longest=30.0)
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[type[Message], asyncio.Future[Message]] = {}
        self._told_to_stop = asyncio.Event()

    async def live(self) -> None:
        """Start it, and again whenever it ends, until it was told to stop and is gone."""
        while not self._told_to_stop.is_set():
            try:
                how = _how(await self._live_once())
            except OSError as error:
                how = f"cannot be started: {error}"
            if self._told_to_stop.is_set():
                return
            self.ends += 1
            self.how = self.how or how
            seconds = self._backoff.delay(self.ends)
            self._observe(ProcessEnded(self.number, self.pid, self.how, seconds))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_stop.wait(), seconds)

    def take_connections(self) -> None:
        """It answers for the right project: give it connections, unless it is gone by now."""
        if self.recipient is None:
            return
        self.state = "answering"
        self._observe(ProcessAnswers(self.number, self.pid, time.monotonic() - self.started_at))
        self._giver.add(self.recipient)

    async def ask(self, message: Message, kind: type[Answer], seconds: float) -> Answer | None:
        """What it answers, None if it does not in time or is gone."""
        if self._channel is None:
            return None
        answer = self._answers.get(kind)
        if answer is None or answer.done():
            answer = self._answers[kind] = asyncio.get_running_loop().create_future()
            self._channel.send(message)
        await asyncio.wait([answer], timeout=seconds)
        return cast("Answer", answer.result()) if answer.done() and not answer.cancelled() else None

    async def look(self, seconds: float) -> bool:
        """Have it say how it goes, if it is to. Whether it did."""
        return self.state not in ("answering", "stopping") or await self.ask(Tell(), Facts, seconds) is not None

    async def watch(self, seconds: float) -> None:
        """The same, noting whether it still answers, and whether it stays."""
        self.unanswered = 0 if await self.look(seconds) else self.unanswered + 1
        if self.state == "answering" and time.monotonic() - self.started_at > _STEADY_SECONDS:
            self.ends = 0

    def tell(self, message: Message) -> None:
        if self._channel is not None:
            self._channel.send(message)

    def now_answers_for(self, prepared: Prepared) -> None:
        """It was told to answer for what it prepared."""
        self.serving = Serving(prepared.digest, prepared.pipes, prepared.data_sources)

    def stop(self) -> None:
        """Have it end what is under way. One that is still starting has nothing under way."""
        self._told_to_stop.set()
        if self.state == "answering":
            self.state = "stopping"
            self.tell(Stop())
        elif self.state != "stopping":
            self._signal(signal.SIGTERM)

    def end(self, how: str) -> None:
        """Have it end and started again, for that reason."""
        self.how = how
        self._signal(signal.SIGTERM)

    def kill(self, reason: str) -> None:
        if self._process is not None and self._process.returncode is None:
            self._observe(ProcessKilled(self.number, self.pid, reason))
            self.how = self.how or f"killed: {reason}"
            self._signal(signal.SIGKILL)

    async def _live_once(self) -> int:
        """Its exit code; below 0 the signal that it ended by."""
        self.state, self.how = "starting", ""
        self.serving = self.facts = None
        self.was_ready = False
        self.unanswered = 0
        self.started_at = time.monotonic()
        ours, its = socket.socketpair()
        giving, taking = socket.socketpair()
        given = Given(self.number, self._family.count, its.fileno(), taking.fileno(), self._family.folder)
        with its, taking:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *_COMMAND,
                    *given.arguments(),
                    env=dict(self._family.environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(its.fileno(), taking.fileno()),
                )
            except OSError:
                ours.close()
                giving.close()
                self.state = "ended"
                raise
        self.pid = self._process.pid
        self.recipient = Recipient(giving)
        self._channel = await Channel.over(ours)
        listening = asyncio.create_task(self._listen(self._channel))
        if self._told_to_stop.is_set():
            self._signal(signal.SIGTERM)
        code = await self._process.wait()
        await asyncio.wait([listening], timeout=_LAST_WORDS_SECONDS)
        listening.cancel()
        self._over()
        return code

    def _over(self) -> None:
        self.state = "ended"
        if self.recipient is not None:
            self._giver.remove(self.recipient)
        self.recipient = self._channel = self._process = self.facts = None
        for answer in self._answers.values():
            answer.cancel()
        self._answers.clear()
        mark_process_dead(self.number, str(self._family.folder / METRICS_FOLDER))  # type: ignore[no-untyped-call] # it has none

    async def _listen(self, channel: Channel) -> None:
        async for message in channel.messages():
            match message:
                case Refused():
                    self.how = f"cannot start:\n{message.reason}"
                    self._on_refused(message.reason)
                case Serving():
                    self.serving = message
                    self._on_serving(self)
                case Stopping() if self.recipient is not None:
                    self.state = "stopping"
                    self._giver.spare(self.recipient)
                case Facts():
                    self.facts = message
                    self.was_ready = self.was_ready or not message.not_ready
            answer = self._answers.pop(type(message), None)
            if answer is not None and not answer.done():
                answer.set_result(message)
        await channel.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def _how(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return "cannot start" if code == REFUSED else f"exit code {code}"


def _command() -> list[str]:
    # What is imported must be what this process has imported, whatever folder it was started in.
    found_here = Path(query_api.__file__).resolve().parents[1] == Path.cwd()
    return [sys.executable, *([] if found_here else ["-P"]), "-m", "query_api.processes.serving"]


_COMMAND = _command()
