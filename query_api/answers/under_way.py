"""Questions that are being asked, each once, for as many as wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

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


class Instead(Enum):
    """What one who waited is told in place of an answer."""

    STREAM = "it is a stream, which can be read once"
    LEFT = "whoever asked has left: it is yours to ask now"


Work = Callable[["UnderWay"], Awaitable[Asked]]


class UnderWay:
    """One question, asked by the first of those who want it, in its own task: one that nobody shares, as most are,
    costs no task and no turn of the event loop more. Its answer and its error are told to all who wait.

    When the asker leaves, its query ends with it, and the first of those who wait asks anew.
    """

    __slots__ = ("_questions", "_waiting", "key", "query_id", "told")

    def __init__(self, questions: Questions, key: QuestionKey) -> None:
        self._questions = questions
        self.key = key
        self.query_id = ""
        # How often callers had been told that rows are stored when ClickHouse was asked; None before it is.
        self.told: int | None = None
        self._waiting: list[asyncio.Future[Asked | Instead]] = []

    async def ask(self, query_id: str, work: Work) -> Asked:
        """Ask, for all who wait or come to wait. Raises what `work` does."""
        self.query_id, self.told = query_id, None
        try:
            asked = await work(self)
        except asyncio.CancelledError:
            self._pass_on()
            raise
        except BaseException as error:
            for waiter in self._end():
                waiter.set_exception(error)
            raise
        for waiter in self._end():
            waiter.set_result(asked if isinstance(asked.answer.body, bytes) else Instead.STREAM)
        return asked

    async def share(self) -> Asked | Instead:
        """Wait for the answer; whoever is told that the asker has left must `ask`. Raises what the question fails with.

        To be called in the turn of the event loop in which the question was found.
        """
        waiter: asyncio.Future[Asked | Instead] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None and waiter.result() is Instead.LEFT:
                self._pass_on()  # it was told in the same turn in which it left
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            waiter = self._waiting.pop(0)
            if not waiter.done():
                waiter.set_result(Instead.LEFT)
                return
        self._questions.forget(self)

    def _end(self) -> list[asyncio.Future[Asked | Instead]]:
        """Nobody finds it any more. Those who still wait."""
        self._questions.forget(self)
        waiting, self._waiting = self._waiting, []
        return [waiter for waiter in waiting if not waiter.done()]


class Questions:
    """Those under way in this process; for the event loop's thread."""

    def __init__(self) -> None:
        self._by_key: dict[QuestionKey, UnderWay] = {}
        self._of_pipe: dict[str, int] = {}

    def find(self, key: QuestionKey) -> UnderWay | None:
        return self._by_key.get(key)

    def is_asking(self, pipe: str) -> bool:
        """Whether a question of the pipe is under way that others could wait for."""
        return pipe in self._of_pipe

    def begin(self, key: QuestionKey) -> UnderWay:
        """One that is found from now on, in the place of an earlier one."""
        if (earlier := self._by_key.get(key)) is not None:
            self.forget(earlier)
        found = self._by_key[key] = UnderWay(self, key)
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
