"""The parent: it holds the ports, keeps its processes running, swaps the project in all of them, and ends with them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from query_api.observing.lifetime import Listening, Stopping
from query_api.observing.log import log_observation
from query_api.observing.metrics import ParentMetrics
from query_api.observing.observations import to_all
from query_api.observing.processes import ProjectNotSwapped, ProjectSwapped
from query_api.processes.admin import Overview, admin_runner
from query_api.processes.between.channel import Commit, Drop, Prepare, Prepared
from query_api.processes.between.given import MEMORY_FILE, METRICS_FOLDER
from query_api.processes.between.giving import Giver, listen
from query_api.processes.child import Child, Family
from query_api.processes.errors import GaveUpError, RefusedStartError
from query_api.processes.hangup import on_hangup
from query_api.processes.sharing.private_folder import private_folder
from query_api.processes.sharing.shared_memory import SharedMemory
from query_api.processes.sharing.shared_stream import shared_stream
from query_api.settings import QueryApiSettings
from service import logs

# Between two looks at the processes, and what each has to answer one, in seconds.
_LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 1.0
# Looks in a row that a process does not answer before it is killed: nothing that one does on its event loop takes half
# a minute. Looks are counted, not seconds, which pass too while all of them are stopped.
_MOST_UNANSWERED = 6
# To read and compile a project of many thousand pipes on a busy machine.
_START_SECONDS = 300.0
# A project of many thousand pipes is read and compiled within this time, beside requests.
_PREPARE_SECONDS = 120.0
# Ends in a row of every process, after which starting them again is no help.
_MOST_ENDS = 5
# What a process may take beyond the time for its requests and that for its producer.
_END_SECONDS = 2.0

logger = logging.getLogger(__name__)


async def run_parent(settings: QueryApiSettings, count: int, environment: Mapping[str, str] = os.environ) -> int:
    """Serve with `count` processes until SIGTERM or SIGINT; SIGHUP has them read the project anew.

    The exit code: 1 when processes had to be killed at the end. Raises OSError for a port that cannot be had,
    `RefusedStartError` and `GaveUpError`.
    """
    with private_folder() as folder:
        logs.configure(settings.log_format, settings.log_level, stream=shared_stream(sys.stderr, folder))
        (folder / METRICS_FOLDER).mkdir()
        memory = SharedMemory.create(folder / MEMORY_FILE)
        try:
            return await _Parent(settings, count, environment, folder).run()
        finally:
            memory.close()


class _Parent:
    def __init__(self, settings: QueryApiSettings, count: int, environment: Mapping[str, str], folder: Path) -> None:
        self._settings, self._count, self._environment, self._folder = settings, count, environment, folder
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(folder / METRICS_FOLDER))  # type: ignore[no-untyped-call] # it has none
        self._observe = to_all(log_observation, ParentMetrics(registry).observe)
        self._registry = registry
        self._stop, self._kill = asyncio.Event(), asyncio.Event()
        self._failure: Exception | None = None
        self._has_answered = False
        self._digest = ""
        self._swapping = asyncio.Lock()
        self._reconciling: set[asyncio.Task[None]] = set()
        self._children: list[Child] = []
        self._overview = Overview(self._children, self._look)

    async def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        listening = listen(self._settings.host, self._settings.port)
        giver = Giver(listening)
        admin = admin_runner(self._registry, self._overview)
        try:
            admin_port = await admin.start(self._settings.admin_host, self._settings.admin_port)
            self._observe(Listening(self._settings.host, _port(listening), admin_port))
            return await self._run_children(giver)
        finally:
            giver.close()
            giver.abandon()
            await admin.runner.cleanup()

    async def _run_children(self, giver: Giver) -> int:
        family = Family(self._count, self._folder, self._environment, self._observe)
        self._children += [
            Child(number, family, giver, self._on_serving, self._on_refused) for number in range(self._count)
        ]
        lives = [asyncio.create_task(child.live()) for child in self._children]
        watching = asyncio.create_task(self._watch())
        with on_hangup(self._swap, self._stop):
            await self._stop.wait()
        self._overview.is_stopping = True
        if self._failure is None:
            self._observe(Stopping(self._settings.shutdown_seconds))
        watching.cancel()
        for task in self._reconciling:
            task.cancel()
        giver.close()
        for child in self._children:
            child.stop()
        all_ended = await self._until_ended(lives)
        if self._failure is not None:
            raise self._failure
        return 0 if all_ended else 1

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._kill.set()
        self._stop.set()

    async def _until_ended(self, lives: Sequence[asyncio.Task[None]]) -> bool:
        """Wait for the processes' ends, killing what is left at the deadline or the second signal. Says whether none
        was."""
        ending = asyncio.create_task(_all_done(lives))
        killing = asyncio.create_task(self._kill.wait())
        seconds = 2 * self._settings.shutdown_seconds + _END_SECONDS
        await asyncio.wait({ending, killing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        is_ended = ending.done()
        if not is_ended:
            reason = "a second signal" if self._kill.is_set() else f"it did not end within {seconds:g} s"
            for child in self._children:
                child.kill(reason)
        killing.cancel()
        await ending
        return is_ended

    # Watching.

    async def _watch(self) -> None:
        while True:
            try:
                await asyncio.gather(*(child.watch(_ANSWER_SECONDS) for child in self._children))
                self._end_what_is_stuck()
            except Exception:
                logger.exception("the processes could not be looked at, they are again")
            await asyncio.sleep(_LOOK_SECONDS)

    def _end_what_is_stuck(self) -> None:
        for child in self._children:
            if child.unanswered >= _MOST_UNANSWERED:
                child.kill("it does not answer any more")
            elif child.state == "starting" and time.monotonic() - child.started_at > _START_SECONDS:
                child.kill(f"it did not begin to answer within {_START_SECONDS:g} s")
        if all(child.ends >= _MOST_ENDS for child in self._children):
            self._end_with(GaveUpError(f"every process ended {_MOST_ENDS} times in a row: {self._children[0].how}"))

    async def _look(self) -> None:
        """Have every process that answers say how it goes."""
        await asyncio.gather(*(child.look(_ANSWER_SECONDS) for child in self._children))

    def _on_refused(self, reason: str) -> None:
        if not self._has_answered:
            self._end_with(RefusedStartError(reason))

    def _end_with(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._stop.set()

    # The project.

    def _on_serving(self, child: Child) -> None:
        assert child.serving is not None, "it says so"
        if not self._digest:
            self._digest = child.serving.digest
        if child.serving.digest == self._digest:
            self._give_to(child)
            return
        # The files were changed since the others read them.
        task = asyncio.create_task(self._reconcile(child))
        self._reconciling.add(task)
        task.add_done_callback(self._reconciling.discard)

    def _give_to(self, child: Child) -> None:
        self._has_answered = True
        child.take_connections()

    async def _reconcile(self, child: Child) -> None:
        async with self._swapping:
            problem = await self._swap_all([*self._answering(), child])
        if problem:
            child.end(f"its project is not that of the others, who cannot swap to it: {problem}")
        else:
            self._give_to(child)

    async def _swap(self) -> None:
        async with self._swapping:
            problem = await self._swap_all(self._answering())
        if problem:
            self._observe(ProjectNotSwapped(problem))

    async def _swap_all(self, children: Sequence[Child]) -> str:
        """Have these processes answer for the files as they are now: all of them, or none. What is in the way."""
        if not children:
            return "no process answers yet"
        # Half of them at a time: the cores are those of requests too.
        turns = asyncio.Semaphore(max(1, len(children) // 2))

        async def prepared_by(child: Child) -> Prepared | None:
            async with turns:
                return await child.ask(Prepare(), Prepared, _PREPARE_SECONDS)

        answers = await asyncio.gather(*map(prepared_by, children))
        problems = dict.fromkeys(
            f"process {child.number} gave no answer" if answer is None else answer.problem
            for child, answer in zip(children, answers, strict=True)
        )
        prepared = [answer for answer in answers if answer is not None]
        if not any(problems) and len({answer.digest for answer in prepared}) > 1:
            problems = {"its files were changed while they were read\nhint: send SIGHUP again": None}
        if any(problems):
            for child in children:
                child.tell(Drop())
            return "\n\n".join(filter(None, problems))
        for child, answer in zip(children, prepared, strict=True):
            child.tell(Commit())
            child.now_answers_for(answer)
        self._digest = prepared[0].digest
        self._observe(ProjectSwapped(self._digest, len(prepared[0].pipes)))
        return ""

    def _answering(self) -> list[Child]:
        return [child for child in self._children if child.state == "answering"]


async def _all_done(lives: Sequence[asyncio.Task[None]]) -> bool:
    await asyncio.gather(*lives, return_exceptions=True)
    return True


def _port(listening: Sequence[socket.socket]) -> int:
    return int(listening[0].getsockname()[1])
