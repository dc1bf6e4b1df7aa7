"""What is remembered of the columns that ClickHouse describes, and for how long."""

from __future__ import annotations

from query_api.engine.admission import Admission
from query_api.engine.limits import Limits
from query_api.errors import Unavailable
from query_api.openapi.answer_columns import KNOWN_SECONDS, UNKNOWN_SECONDS, AnswerColumns
from query_api.routes import Columns
from tests.query_api.fakes import FakeExecutor
from tests.query_api.projects import catalog, pipe


class Asked:
    """Columns of one pipe, on a clock of the test's own."""

    def __init__(self, sql: str) -> None:
        self.now = 0.0
        self.executor = FakeExecutor(b'{"name":"n","type":"UInt8"}\n')
        self.catalog = catalog(pipe("p", only=sql))
        admission = Admission(concurrency=1, queue=1, queue_seconds=1)
        self.columns = AnswerColumns(self.catalog, self.executor, admission, Limits(), lambda: self.now)

    async def of_p(self) -> Columns | None:
        return (await self.columns.of(self.catalog.endpoints.values(), "id")).get("p")


async def test_what_clickhouse_said_is_asked_again_when_a_deployment_may_have_changed_it() -> None:
    asked = Asked("SELECT 1 AS n")
    expected = Columns({"n": ("UInt8",)}, are_certain=True, are_all=True)
    assert [await asked.of_p(), await asked.of_p()] == [expected, expected]
    assert [each.query_id for each in asked.executor.questions] == ["id-p-0"]
    asked.now = KNOWN_SECONDS
    await asked.of_p()
    assert len(asked.executor.questions) == 2


async def test_what_clickhouse_could_not_say_is_asked_again_soon() -> None:
    asked = Asked("SELECT 1 AS n")
    asked.executor.error = Unavailable("no")
    assert [await asked.of_p(), await asked.of_p()] == [None, None]
    assert len(asked.executor.questions) == 1
    asked.executor.error, asked.now = None, UNKNOWN_SECONDS
    assert await asked.of_p() is not None


async def test_a_question_of_columns_may_not_take_long() -> None:
    asked = Asked("SELECT 1 AS n")
    await asked.of_p()
    assert asked.executor.questions[0].limits.execution_seconds == 2
