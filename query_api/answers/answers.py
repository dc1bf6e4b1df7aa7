"""Answers pipes' questions: from what is kept, by a question under way, or by asking ClickHouse."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Literal, NamedTuple

from query_api.answers.kept import LARGEST_BYTES, KeptAnswer, KeptAnswers
from query_api.answers.question import PipeQuestion, QuestionKey
from query_api.answers.told import Told
from query_api.answers.under_way import Asked, Instead, Questions, UnderWay
from query_api.engine.admission import Admission
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.observing.answers import AnswersEvicted
from query_api.observing.observations import Observer

Origin = Literal["hit", "joined", "asked"]


class Given(NamedTuple):
    """An answer, which must be let go in the end, where it came from, and the id of its query."""

    asked: Asked
    origin: Origin
    query_id: str


class Answers:
    """For all pipes of one process; outlives the versions of the project."""

    def __init__(
        self,
        executor: Executor,
        limits: Limits,
        admission: Admission,
        kept: KeptAnswers,
        told: Told,
        observe: Observer,
    ) -> None:
        """`told` counts the callers who were told that their rows are stored."""
        self._executor = executor
        self._limits = limits
        self._admission = admission
        self._told = told
        self._observe = observe
        self._questions = Questions()
        self._versions = count(1)
        self.kept = kept

    def new_version(self) -> int:
        """A number for another version of the project, to which no answer and no question of another one belongs. It
        need not come to answer: what the one before keeps is kept on, for as long as that answers and for its time.
        May be called from any thread."""
        return next(self._versions)

    def is_asking(self, pipe: str) -> bool:
        """Whether there is a question of the pipe whose answer another one may share."""
        return self._questions.is_asking(pipe)

    async def ask(self, question: PipeQuestion, query_id: str) -> Given:
        """Raises `RequestError`. To be asked without a slot: it is the question that needs one."""
        key = question.key()
        digest = key.digest() if question.cache_seconds else b""
        if digest and (kept := self.kept.find(digest)) is not None:
            return Given(Asked(Answer(kept.body), kept), "hit", kept.query_id)
        under_way = self._joinable(key)
        if under_way is not None:
            asked = await under_way.share()
            if isinstance(asked, Asked):
                return Given(asked, "joined", under_way.query_id)
            if asked is Instead.STREAM:
                return Given(await self._run_alone(question, query_id), "asked", query_id)
        else:
            self._admission.expect_room()
            under_way = self._questions.begin(key)
        return Given(await under_way.ask(query_id, partial(self._run, question, digest)), "asked", query_id)

    def _joinable(self, key: QuestionKey) -> UnderWay | None:
        """A question under way that has this answer. Without a cache time an answer has all rows of which anybody was
        told before it was wanted: ClickHouse must not have been asked before that."""
        found = self._questions.find(key)
        if found is None or key.cache_seconds or found.told is None or found.told == self._told.now():
            return found
        return None

    async def _run(self, question: PipeQuestion, digest: bytes, under_way: UnderWay) -> Asked:
        await self._admission.take()
        under_way.told = self._told.now()
        begun = self.kept.clock()
        asked = await self._asked(question, under_way.query_id)
        if digest:
            asked.kept = self._keep(asked.answer, question, under_way, digest, begun)
        return asked

    async def _run_alone(self, question: PipeQuestion, query_id: str) -> Asked:
        """For one of several who wanted an answer that turned out to be a stream."""
        await self._admission.take()
        return await self._asked(question, query_id)

    async def _asked(self, question: PipeQuestion, query_id: str) -> Asked:
        """With a slot, which is given back here but for a stream."""
        try:
            answer = await self._executor.execute(
                question.query,
                format=question.answer_format.name,
                query_id=query_id,
                limits=self._limits,
                settings=question.settings,
            )
        except BaseException:
            self._admission.give_back()
            raise
        if not isinstance(answer.body, bytes):
            return Asked(answer, slot=self._admission)
        self._admission.give_back()
        return Asked(answer)

    def _keep(
        self, answer: Answer, question: PipeQuestion, under_way: UnderWay, digest: bytes, begun: float
    ) -> KeptAnswer | None:
        if not isinstance(answer.body, bytes) or len(answer.body) > LARGEST_BYTES:
            return None
        kept = KeptAnswer(
            digest,
            answer.body,
            question.answer_format.content_type,
            under_way.query_id,
            begun=begun,
            seconds=question.cache_seconds,
        )
        if evicted := self.kept.keep(kept):
            self._observe(AnswersEvicted(evicted))
        return kept
