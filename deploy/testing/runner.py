"""Asks the cases of a project, several at once, and says how each ended."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.check import CheckedProject
from deploy.run.environments import Environment
from deploy.testing.api import CaseApi, Reply, case_api
from deploy.testing.askable import Askable, askable
from deploy.testing.database.engine import Engine
from deploy.testing.database.prepared import Prepared, project_database
from deploy.testing.reads import Reads
from deploy.testing.reports.results import CaseResult, Outcome, Report
from schemas.cases.case import Case, CaseFile
from schemas.cases.clock import at_moment
from schemas.cases.differences import differences
from schemas.cases.fixtures import FIXTURES
from schemas.cases.row_order import RowOrder, row_order
from schemas.sql.tokens import SqlTextError

_EXACT = RowOrder(None)


@dataclass(frozen=True, slots=True)
class Options:
    """How cases are asked: how many at once, at which moment (None: now), and whether rows must come in the order of
    the file whatever the SQL says."""

    jobs: int = 4
    moment: datetime | None = None
    is_order_exact: bool = False


def run_cases(
    engine: Engine,
    checked: CheckedProject,
    environment: Environment,
    files: Sequence[CaseFile],
    options: Options,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Raises what a deploy raises, and `SettingsError`."""
    asked = askable(checked.project, {file.pipe for file in files})
    with ExitStack() as stack:
        prepared = stack.enter_context(project_database(engine, checked.project, checked.catalog, options.moment, tell))
        run = _Run(checked, asked, prepared, options, Reads(checked.project, checked.catalog, prepared.filled))
        results = asyncio.run(run.ask_all(engine, environment, files))
    problems = (*(problem for file in files for problem in file.problems), *prepared.problems)
    return Report(tuple(results), problems)


@dataclass(frozen=True, slots=True)
class _Run:
    checked: CheckedProject
    asked: Askable
    prepared: Prepared
    options: Options
    reads: Reads

    async def ask_all(self, engine: Engine, environment: Environment, files: Sequence[CaseFile]) -> list[CaseResult]:
        cases = [(file, case) for file in files for case in file.cases]
        turn = asyncio.Semaphore(self.options.jobs)

        async def ask(file: CaseFile, case: Case) -> CaseResult:
            refusal = self._refusal(case)
            if refusal is not None:
                return CaseResult(file, case, Outcome.ERROR, refusal)
            async with turn:
                return self._result(file, case, await self._ask(api, case))

        async with case_api(engine, self.asked.project, environment, self.options.moment) as api:
            return await asyncio.gather(*(ask(file, case) for file, case in cases))

    def _refusal(self, case: Case) -> tuple[str, ...] | None:
        """Why a case cannot be asked at all."""
        pipes = self.checked.project.pipes
        if case.pipe not in pipes:
            close = next(iter(difflib.get_close_matches(case.pipe, pipes, 1)), "")
            hint = f"did you mean `{close}`?" if close else "a file of cases is named after its pipe"
            return f"there is no pipe `{case.pipe}`", f"hint: {hint}"
        if case.pipe in self.asked.refused:
            return (f"the pipe `{case.pipe}` cannot be asked: {self.asked.refused[case.pipe]}",)
        return None

    async def _ask(self, api: CaseApi, case: Case) -> Reply:
        parameters = case.parameters
        if case.pipe in self.asked.copies and "job_timestamp=" not in parameters:
            moment = self.options.moment or datetime.now(UTC)
            parameters += f"{'&' * bool(parameters)}job_timestamp={moment.astimezone(UTC):%Y-%m-%d%%20%H:%M:%S}"
        return await api.ask(case.pipe, parameters)

    def _result(self, file: CaseFile, case: Case, reply: Reply) -> CaseResult:
        def ended(outcome: Outcome, lines: Sequence[str] = (), notes: Sequence[str] = ()) -> CaseResult:
            return CaseResult(file, case, outcome, tuple(lines), tuple(notes), reply.seconds, reply.answered)

        if reply.asked is not None and reply.asked.left:
            called = ", ".join(f"`{call}`" for call in dict.fromkeys(reply.asked.left))
            return ended(Outcome.NOT_TESTABLE, [f"its SQL calls {called}, which has no moment of its own"])
        if case.expected_result is None and not case.expects_error:
            lines = ["it has no `expected_result`"]
            return ended(Outcome.ERROR, lines, ["`--update` writes what is answered now"])
        lines = differences(case, reply.answered, self._order(reply))
        if not lines:
            return ended(Outcome.PASSED)
        origins = self.reads.origins(case.pipe)
        empty = [name for name in origins if name not in self.prepared.filled]
        if empty and len(empty) == len(origins):
            return ended(
                Outcome.ERROR, [_without_fixture(empty), *lines], [f"put rows into {FIXTURES}/{empty[0]}.ndjson"]
            )
        return ended(Outcome.FAILED, lines, [*([_without_fixture(empty)] if empty else []), *self._notes(reply)])

    def _order(self, reply: Reply) -> RowOrder | None:
        if self.options.is_order_exact or reply.asked is None:
            return _EXACT
        try:
            return row_order(reply.asked.sql)
        except SqlTextError:
            return _EXACT

    def _notes(self, reply: Reply) -> list[str]:
        """What an author may not think of."""
        if reply.asked is None or self.options.moment is not None:
            return []
        try:
            called = at_moment(reply.asked.sql, datetime.now(UTC)).asked
        except SqlTextError:
            return []
        return [f"its SQL calls `{called[0]}`: `--now TIME` gives every case the same moment"] if called else []


def _without_fixture(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names)
    return f"{shown}, which it reads, {'has' if len(names) == 1 else 'have'} no fixture"
