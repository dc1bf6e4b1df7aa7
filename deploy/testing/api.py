"""The API in this process, as cases are asked of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from yarl import URL

from deploy.run.environments import Environment
from deploy.testing.database.engine import Engine
from deploy.testing.executor import CaseExecutor
from deploy.testing.no_broker import NoBroker
from query_api.access.auth import ADMIN, derive_token
from query_api.app import create_app
from query_api.server import Ports, serve
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.cases.clock import AtMoment
from schemas.cases.differences import Answered
from schemas.model import Project
from service.settings import load_settings

# The header that names a request in its answer, and by which its query is known.
_REQUEST_ID = "X-Request-Id"
# The same of the query that gave the answer, where another case asked for it at the same time.
_QUERY_ID = "X-Query-Id"
# The API has time limits of its own.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, and what was asked of ClickHouse for it: None where it did not come to that."""

    answered: Answered
    asked: AtMoment | None
    seconds: float


class CaseApi:
    """Asks the pipes of one project, over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, address: str, executor: CaseExecutor) -> None:
        self._session = session
        self._address = address
        self._executor = executor

    async def ask(self, pipe: str, parameters: str) -> Reply:
        """`parameters` as they stand in a URL."""
        question = f"?{parameters}" if parameters else ""
        # By parts: the pipe's name is to be written as a URL wants it, and the parameters are a URL's already.
        url = URL(self._address) / "v0" / "pipes" / f"{pipe}.ndjson"
        started = time.perf_counter()
        async with self._session.get(URL(f"{url}{question}")) as response:
            body = (await response.read()).decode(errors="replace")
        query_id = response.headers.get(_QUERY_ID, response.headers.get(_REQUEST_ID, ""))
        asked = self._executor.asked.get(query_id)
        return Reply(Answered(response.status, body), asked, time.perf_counter() - started)


@asynccontextmanager
async def case_api(
    engine: Engine, project: Project, environment: Environment, moment: datetime | None
) -> AsyncIterator[CaseApi]:
    """The API over the engine's database. Raises `SettingsError` and `ProjectError`."""
    secret = secrets.token_hex(32)
    settings = load_settings(QueryApiSettings, _environment(environment, secret, engine.database))
    executor, broker = CaseExecutor(engine.execute_in(engine.database), moment), NoBroker()
    app = create_app(
        settings,
        environment=environment,
        project=project,
        servers=Servers(executor, broker, broker, broker),
        observer=lambda _: None,
    )
    listening: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, stop=stop, on_listening=listening.set_result))
    try:
        begun: set[asyncio.Future[Any]] = {serving, listening}
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            await serving
        token = derive_token(secret.encode(), ADMIN)
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}, timeout=timeout) as session:
            yield CaseApi(session, f"http://127.0.0.1:{listening.result().api}", executor)
    finally:
        stop.set()
        await asyncio.gather(serving, return_exceptions=True)


def _environment(environment: Environment, secret: str, database: str) -> Mapping[str, str]:
    """The limits of the API that the environment sets, at an address of its own."""
    limits = {name: value for name, value in environment.items() if name.startswith("BIRDHOUSE_API_MAX_")}
    return {
        **limits,
        "BIRDHOUSE_SECRET": secret,
        "CLICKHOUSE_DATABASE": database,
        "BIRDHOUSE_API_HOST": "127.0.0.1",
        "BIRDHOUSE_API_PORT": "0",
        "BIRDHOUSE_API_ADMIN_HOST": "127.0.0.1",
        "BIRDHOUSE_API_ADMIN_PORT": "0",
        "BIRDHOUSE_API_SHUTDOWN_SECONDS": "1",
        # Each case is asked: what another run or another case was told says nothing of these rows.
        "BIRDHOUSE_API_CACHE_BYTES": "0",
    }
