"""Answers over a fake engine whose clock a test moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from query_api.answers.answers import Answers, Given
from query_api.answers.kept import KeptAnswers
from query_api.answers.question import PipeQuestion
from query_api.answers.told import LocalTold
from query_api.engine.admission import Admission
from query_api.engine.limits import Limits
from query_api.observing.observations import Observation
from query_api.web.formats import FORMATS
from schemas.queries.query import Query
from tests.query_api.fakes import FakeExecutor


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Asker:
    """Everything around `answers`."""

    executor: FakeExecutor = field(default_factory=FakeExecutor)
    clock: Clock = field(default_factory=Clock)
    told: LocalTold = field(default_factory=LocalTold)
    observed: list[Observation] = field(default_factory=list)
    concurrency: int = 4
    queue: int = 4
    cache_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        self.admission = Admission(concurrency=self.concurrency, queue=self.queue, queue_seconds=5)
        self.kept = KeptAnswers(self.cache_bytes, self.clock)
        self.answers = Answers(self.executor, Limits(), self.admission, self.kept, self.told, self.observed.append)
        self.version = self.answers.new_version()

    def question(
        self,
        sql: str = "SELECT 1",
        *,
        seconds: int = 0,
        extension: str = "json",
        parameters: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        pipe: str = "top",
    ) -> PipeQuestion:
        query = Query(sql, parameters or {})
        return PipeQuestion(self.version, pipe, query, FORMATS[extension], settings or {}, seconds)

    async def ask(self, question: PipeQuestion | None = None, query_id: str = "q") -> Given:
        return await self.answers.ask(question or self.question(), query_id)


def body_of(given: Given) -> bytes:
    assert isinstance(given.asked.answer.body, bytes)
    return given.asked.answer.body
