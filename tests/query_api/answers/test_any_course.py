"""Whatever happens in whatever order, nobody is given an answer that its own question did not give within its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from query_api.answers.answers import Answers
from query_api.answers.kept import KeptAnswers
from query_api.answers.question import PipeQuestion
from query_api.answers.told import LocalTold
from query_api.engine.admission import Admission
from query_api.engine.execute import Answer
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused, Unavailable
from query_api.web.formats import FORMATS
from schemas.queries.query import Query
from tests.query_api.answers.asker import Clock

# Questions whose answers are kept for a long time, for a short one, and not at all.
TIMES = {"SELECT 1": 10, "SELECT 2": 1, "SELECT 3": 0}

STEPS = st.one_of(
    # `begin`: and have it begun before the next step.
    st.tuples(st.just("begin"), st.sampled_from(sorted(TIMES))),
    st.tuples(st.sampled_from(["begin", "ask"]), st.sampled_from(sorted(TIMES))),
    st.tuples(st.sampled_from(["answer", "refuse", "stream"]), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 9.5])),
    st.tuples(st.sampled_from(["store", "swap", "turn"]), st.just(0)),
)


@dataclass
class Call:
    """What ClickHouse was asked: for whom, when, and how it ended."""

    number: int
    query_id: str
    sql: str
    begun: float
    told: int
    outcome: asyncio.Future[str]
    ended: int | None = None
    was_cancelled: bool = False

    @property
    def is_open(self) -> bool:
        return not self.outcome.done()


@dataclass
class Request:
    """One caller: what it wanted, at which step, and what it knew then."""

    sql: str
    version: int
    step: int
    at: float
    told: int
    task: asyncio.Task[str] | None = None
    has_left: bool = False


@dataclass
class Course:
    """A course of steps over the answers, and the model that judges it."""

    clock: Clock = field(default_factory=Clock)
    told: LocalTold = field(default_factory=LocalTold)
    calls: list[Call] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    step: int = 0

    def __post_init__(self) -> None:
        self.admission = Admission(concurrency=2, queue=3, queue_seconds=60)
        kept = KeptAnswers(100_000, self.clock)
        self.answers = Answers(self, Limits(), self.admission, kept, self.told, lambda _: None)
        self.version = self.answers.new_version()

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        call = Call(len(self.calls), query_id, query.sql, self.clock(), self.told.now(), outcome)
        self.calls.append(call)
        try:
            how = await outcome
        except asyncio.CancelledError:
            call.was_cancelled = True
            raise
        finally:
            call.ended = self.step
        if how == "refuse":
            raise QueryRefused(str(call.number), 1)
        body = str(call.number).encode()
        return Answer(_stream(body) if how == "stream" else body)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    async def run(self, steps: list[tuple[str, object]]) -> None:
        for step in steps:
            self.step += 1
            await self._take(*step)
            self._check_calls()
        # Everything comes to its end.
        while any(each.task is not None and not each.task.done() for each in self.requests):
            self.step += 1
            for call in self.calls:
                if call.is_open:
                    call.outcome.set_result("answer")
            await asyncio.sleep(0)
        assert (self.admission.running, self.admission.waiting) == (0, 0)
        for request in self.requests:
            self._check(request)

    async def _take(self, step: str, of: object) -> None:
        match step, of:
            case (("ask" | "begin"), str(sql)):
                request = Request(sql, self.version, self.step, self.clock(), self.told.now())
                request.task = asyncio.create_task(self._ask(request, str(len(self.requests))))
                self.requests.append(request)
                await _turn(4 if step == "begin" else 1)
            case "leave", int(number):
                waiting = [each for each in self.requests if each.task is not None and not each.task.done()]
                if waiting:
                    leaving = waiting[number % len(waiting)]
                    leaving.has_left = True
                    assert leaving.task is not None
                    leaving.task.cancel()
            case "wait", float(seconds):
                self.clock.now += seconds
            case "store", _:
                self.told.advance()
            case "swap", _:
                self.version = self.answers.new_version()
            case "turn", _:
                await _turn(4)
            case how, int(number):
                waited_for = [call for call in self.calls if call.is_open]
                if waited_for:
                    waited_for[number % len(waited_for)].outcome.set_result(how)

    async def _ask(self, request: Request, query_id: str) -> str:
        query = Query(request.sql)
        question = PipeQuestion(request.version, "p", query, FORMATS["json"], {}, TIMES[request.sql])
        found = await self.answers.ask(question, query_id)
        try:
            return (await found.asked.answer.whole()).decode()
        finally:
            found.asked.let_go()

    def _check_calls(self) -> None:
        assert sum(call.is_open for call in self.calls) <= 2

    def _check(self, request: Request) -> None:
        assert request.task is not None
        if request.has_left:
            return
        assert not request.task.cancelled()
        error = request.task.exception()
        if isinstance(error, Unavailable):
            return  # there was no room
        call = self.calls[int(str(error) if error is not None else request.task.result())]
        asked_by = self.requests[int(call.query_id)]
        assert (call.sql, asked_by.version) == (request.sql, request.version)
        assert not call.was_cancelled
        assert call.ended is not None
        was_under_way = call.ended >= request.step
        if error is not None:
            assert isinstance(error, QueryRefused)
            assert was_under_way
        elif TIMES[request.sql]:
            assert was_under_way or request.at < call.begun + TIMES[request.sql]
        else:
            assert was_under_way
            assert call.told >= request.told


async def _turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def _stream(body: bytes) -> AsyncGenerator[bytes]:
    yield body


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_nobody_is_given_what_its_own_question_did_not_give(steps: list[tuple[str, object]]) -> None:
    asyncio.run(Course().run(steps))
