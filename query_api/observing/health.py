"""Keeps asking whether ClickHouse and Kafka answer, so that `/readyz` can say so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from query_api.errors import Unavailable
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observer
from query_api.observing.servers import Server, ServerFound, ServerLost
from service.backoff import Backoff

# Between two questions to a server that answers, in seconds.
CHECK_SECONDS = 5.0
# Longer than any check's own time-out: a look that does not even end is an answer too.
_PATIENCE_SECONDS = 8.0

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Watched:
    """One server: where it is, for the log, and a question that raises `Unavailable` with the reason."""

    address: str
    check: Check


class Health:
    """One loop for each server."""

    def __init__(
        self,
        servers: Mapping[Server, Watched],
        observe: Observer,
        *,
        interval: float = CHECK_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        self._servers = servers
        self._observe = observe
        self._interval = interval
        self._backoff = backoff or Backoff(first=0.2, longest=CHECK_SECONDS)
        self._reasons: dict[Server, str] = dict.fromkeys(servers, "no answer yet")
        self._answered = {server: asyncio.Event() for server in servers}
        self._tasks: list[asyncio.Task[None]] = []
        self.is_stopping = False
        # What of the project is not in ClickHouse, and what helps; set by whoever compares.
        self.schema: list[str] = []

    def reasons(self) -> list[str]:
        """Why the service is not ready, a line each; empty when it is."""
        stopping = ["stopping"] if self.is_stopping else []
        schema = [f"schema: {each}" for each in self.schema]
        lost = self._reasons.items()
        servers = [reason if reason.startswith(server) else f"{server}: {reason}" for server, reason in lost]
        return stopping + schema + servers

    async def first_answer(self, server: Server) -> None:
        """Wait until a server has answered for the first time."""
        await self._answered[server].wait()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._watch(server, watched)) for server, watched in self._servers.items()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_alive(self) -> bool:
        """Whether every server that is to be asked still is."""
        return self.is_stopping or not any(task.done() for task in self._tasks)

    async def _watch(self, server: Server, watched: Watched) -> None:
        failures = 0
        while True:
            reason = await self._look(watched.check, server)
            if reason is not None:
                failures += 1
                self._lost(server, watched.address, reason, is_first=failures == 1)
                await asyncio.sleep(self._backoff.delay(failures))
                continue
            if self._reasons.pop(server, None) is not None:
                self._observe(ServerFound(server))
            failures = 0
            self._answered[server].set()
            await asyncio.sleep(self._interval)

    async def _look(self, check: Check, server: Server) -> str | None:
        """Why a server is not there, None when it is. Whatever a check does, the next one is made."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await check()
        except Unavailable as error:
            return error.message
        except TimeoutError:
            return f"no answer within {_PATIENCE_SECONDS:g} s"
        except Exception as error:
            self._observe(BackgroundFailed(f"looking at {server}", error))
            return "the last look at it failed unexpectedly, the log has it"
        return None

    def _lost(self, server: Server, address: str, reason: str, *, is_first: bool) -> None:
        if is_first or self._reasons.get(server) != reason:
            self._observe(ServerLost(server, address, reason))
        self._reasons[server] = reason
