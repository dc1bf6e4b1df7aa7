"""Questions that are being asked, each once, for as many as wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

from query_api.answers.kept import KeptAnswer
from query_api.answers.question import QuestionKey
from query_api.engine.admission import Admission
from query_api.engine.execute import Answer


@dataclass(slots=True)
class Asked:
    """An answer, and the form in which it is shared for a time, if it is. A stream has its question's `slot` until it
    is let go.

    Not frozen: one is made for every question, and a frozen one takes three times as long.
    """

    answer: Answer
    kept: KeptAnswer | None = None
    slot: Admission | None = None

    def let_go(self) -> None:
        """To be called once by whoever has taken the answer to its end."""
        if self.slot is not None:
            self.slot.give_back()

    async def discard(self) -> None:
        """To be called for an answer that nobody takes."""
        try:
            if not isinstance(self.answer.body, bytes):
                await self.answer.body.aclose()
        finally:
            self.let_go()


class Share(NamedTuple):
    """What one who waited is told: the answer, and whether it is the first that is told so."""

    asked: Asked
    is_first: bool


Work = Callable[["UnderWay"], Coroutine[Any, Any, Asked]]


class UnderWay:
    """One question. It ends when the last who waits has left; its answer and its error are told to all who wait.

    A stream can be read once: it is the first one's, and the others are told None.
    """

    __slots__ = ("_questions", "_task", "_waiting", "key", "query_id", "told")

    def __init__(self, questions: Questions, key: QuestionKey, query_id: str, work: Work) -> None:
        self._questions = questions
        self.key = key
        self.query_id = query_id
        # How often callers had been told that rows are stored when ClickHouse was asked; None before it is.
        self.told: int | None = None
        self._waiting: list[asyncio.Future[Share | None]] = []
        self._task = asyncio.get_running_loop().create_task(work(self))
        self._task.add_done_callback(self._end)

    async def share(self) -> Share | None:
        """Wait for the answer. Raises what the question fails with.

        To be called in the turn of the event loop in which the question was found or begun.
        """
        waiter: asyncio.Future[Share | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            await self._leave(waiter)
            raise

    async def _leave(self, waiter: asyncio.Future[Share | None]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            if not self._waiting:
                self._questions.forget(self)
                self._task.cancel()
        elif not waiter.cancelled() and waiter.exception() is None:
            # It was told in the same turn in which it left.
            share = waiter.result()
            if share is not None and share.is_first:
                await share.asked.discard()

    async def end(self) -> None:
        """Leave whoever still waits without an answer."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _end(self, task: asyncio.Task[Asked]) -> None:
        self._questions.forget(self)
        self._questions.running.discard(self)
        waiting = [each for each in self._waiting if not each.done()]
        self._waiting.clear()
        if task.cancelled():
            for waiter in waiting:
                waiter.cancel()
        elif (error := task.exception()) is not None:
            for waiter in waiting:
                waiter.set_exception(error)
        elif waiting:
            asked = task.result()
            waiting[0].set_result(Share(asked, is_first=True))
            others = Share(asked, is_first=False) if isinstance(asked.answer.body, bytes) else None
            for waiter in waiting[1:]:
                waiter.set_result(others)
        else:
            self._questions.discard(task.result())


class Questions:
    """Those under way in this process; for the event loop's thread."""

    def __init__(self) -> None:
        self._by_key: dict[QuestionKey, UnderWay] = {}
        self._of_pipe: dict[str, int] = {}
        # Also those that nobody finds any more: the event loop itself would forget their tasks.
        self.running: set[UnderWay] = set()
        self._discarding: set[asyncio.Task[None]] = set()

    def find(self, key: QuestionKey) -> UnderWay | None:
        return self._by_key.get(key)

    def is_asking(self, pipe: str) -> bool:
        """Whether a question of the pipe is under way that others could wait for."""
        return pipe in self._of_pipe

    def begin(self, key: QuestionKey, query_id: str, work: Work) -> UnderWay:
        """One that is found from now on, in the place of an earlier one."""
        if (earlier := self._by_key.get(key)) is not None:
            self.forget(earlier)
        found = self._by_key[key] = UnderWay(self, key, query_id, work)
        self.running.add(found)
        self._of_pipe[key.pipe] = self._of_pipe.get(key.pipe, 0) + 1
        return found

    def forget(self, question: UnderWay) -> None:
        """Nobody finds it any more."""
        if self._by_key.get(question.key) is question:
            del self._by_key[question.key]
            pipe = question.key.pipe
            others = self._of_pipe.pop(pipe) - 1
            if others:
                self._of_pipe[pipe] = others

    def discard(self, asked: Asked) -> None:
        """Close an answer that nobody takes."""
        task = asyncio.get_running_loop().create_task(asked.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    async def close(self) -> None:
        """End what is still under way."""
        await asyncio.gather(*(question.end() for question in self.running))
        await asyncio.gather(*self._discarding, return_exceptions=True)
