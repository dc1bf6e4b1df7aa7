"""Projects of different kinds, deployed and asked over HTTP in every format, on a server and on the embedded engine."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from deploy.embedded.executor import EmbeddedExecutor
from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Executor
from query_api.observing.observations import Observation
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.project import load_project
from schemas.tables.views.project import ProjectViews, views_in
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.settings import load_settings
from tests.integration.filled import fill
from tests.query_api.fakes import SECRET, FakeBroker
from tests.schemas.mapping.engines import ENGINES, connector

PROJECTS = sorted(path.parent for path in (Path(__file__).parents[2] / "projects").glob("*/questions.json"))
TOKEN = {"Authorization": f"Bearer {derive_token(SECRET.encode(), 'admin')}"}


@dataclass
class Engine:
    """Where projects are deployed: clients for DDL and rows, and executors for a database."""

    connect: Callable[[], Client]
    execute_in: Callable[[str], Executor]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "server":
        found = request.getfixturevalue("clickhouse")

        def server(database: str) -> Executor:
            return HttpExecutor(ClickHouseServer(found.url, database, found.user, found.password), connections=4)

        return Engine(connector(request), server)
    embedded = request.getfixturevalue("embedded_engine")
    return Engine(embedded.client, lambda database: EmbeddedExecutor(embedded.handle, database=database))


@dataclass(frozen=True)
class Case:
    """A project, and the views that are made before its rows are there: the others are filled from them."""

    folder: Path
    views: ProjectViews

    @classmethod
    def of(cls, folder: Path) -> Iterator[Case]:
        """All views first, and once more with those later that rows can fill, where a project has any."""
        project = load_project(folder, environment={})
        views = views_in(project)
        yield cls(folder, views)
        # What nothing is kept in has no rows to fill a view from, and some are not to be filled.
        empty = {name for name, source in project.data_sources.items() if source.engine.name == "Null"}
        first = tuple(shape for shape in views.shapes if shape.source in empty or not shape.fills)
        if first != views.shapes:
            yield cls(folder, replace(views, shapes=first))

    @property
    def name(self) -> str:
        later = len(views_in(load_project(self.folder, environment={})).shapes) - len(self.views.shapes)
        return f"{self.folder.name}-{later} views after rows" if later else self.folder.name


@pytest.fixture(params=[case for folder in PROJECTS for case in Case.of(folder)], ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


@pytest.fixture
def folder(case: Case) -> Path:
    return case.folder


@pytest.fixture
def deployed(engine: Engine, case: Case) -> Iterator[str]:
    """The database that holds the project's tables and rows."""
    database = f"test_{uuid.uuid4().hex}"
    folder = case.folder
    project = load_project(folder, environment={})
    with closing(engine.connect()) as client:
        apply(client, read_plan(client, project, database, case.views))
        fill(client, database, project, folder)
        apply(client, read_plan(client, project, database))
        yield database
        client.command(f"DROP DATABASE `{database}`")


@pytest.fixture
async def client(
    engine: Engine, folder: Path, deployed: str
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    observed: list[Observation] = []
    broker = FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET, "CLICKHOUSE_DATABASE": deployed}),
        environment={},
        project=load_project(folder, environment={}),
        servers=Servers(engine.execute_in(deployed), broker, broker, broker),
        observer=observed.append,
    )
    server = TestServer(app)
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield client


def as_text(value: Any) -> str:
    """A value as CSV shows it, as far as the projects' answers go."""
    if isinstance(value, list):
        return "[" + ",".join(f"'{each}'" if isinstance(each, str) else str(each) for each in value) + "]"
    return "\\N" if value is None else str(value)


async def test_every_question_is_answered_in_every_format(
    engine: Engine, folder: Path, deployed: str, client: TestClient[web.Request, web.Application], tmp_path: Path
) -> None:
    for question in json.loads((folder / "questions.json").read_text()):

        async def ask(extension: str, question: Any = question) -> tuple[int, bytes]:
            url = f"/v0/pipes/{question['pipe']}.{extension}"
            async with client.get(url, params=question["parameters"], headers=TOKEN) as response:
                return response.status, await response.read()

        if "status" in question:
            status, body = await ask("json")
            assert (status, question["error"] in json.loads(body)["error"]) == (question["status"], True), (
                question,
                body,
            )
            continue
        rows = question["rows"]
        status, body = await ask("json")
        assert status == 200, (question, body)
        answer = json.loads(body)
        assert answer["data"] == rows, question
        names = [column["name"] for column in answer["meta"]]
        assert [json.loads(line) for line in (await ask("ndjson"))[1].splitlines()] == rows
        for extension in ("csv", "csvwithnames"):
            header, *lines = csv.reader(io.StringIO((await ask(extension))[1].decode()))
            assert header == names
            assert lines == [[as_text(row[name]) for name in names] for row in rows]
        status, body = await ask("parquet")
        assert (status, body[:4], body[-4:]) == (200, b"PAR1", b"PAR1")
        assert parquet_columns(body, names)


async def test_every_pipe_answers_the_same_by_every_door(
    engine: Engine, folder: Path, deployed: str, client: TestClient[web.Request, web.Application]
) -> None:
    for question in json.loads((folder / "questions.json").read_text()):
        if "status" in question:
            continue
        name = question["pipe"]
        for path, q in (("/v0/sql", f"SELECT * FROM `{name}`"), (f"/v0/pipes/{name}.json", "SELECT * FROM _")):
            async with client.post(path, data={**question["parameters"], "q": q}, headers=TOKEN) as response:
                body = await response.json()
            assert response.status == 200, (question, q, body)
            # A sub-query's order is nobody's promise.
            assert sorted(map(repr, body["data"])) == sorted(map(repr, question["rows"])), (question, q)


def parquet_columns(body: bytes, names: list[str]) -> bool:
    """Whether the file's footer, whose length its last bytes say, names the columns."""
    length = int.from_bytes(body[-8:-4], "little")
    footer = body[-8 - length : -8]
    return all(name.encode() in footer for name in names)
