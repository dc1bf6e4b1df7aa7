"""What a command was called with, and the clients of ClickHouse that it gets by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from clickhouse_connect.driver.client import Client

from deploy.check import CheckedProject, read_project
from deploy.embedded.engine import EmbeddedEngine
from deploy.errors import FolderInUseError
from deploy.run.beside import environment_beside
from deploy.run.environments import Environment
from deploy.settings import RunSettings
from service.clickhouse.connect import connect
from service.logs import configure
from service.settings import load_settings


@dataclass(frozen=True, slots=True)
class Invocation:
    """The environment, with the folder of `--project` in it, and its settings."""

    environment: Environment
    settings: RunSettings

    @classmethod
    def of(cls, project: Path | None) -> Self:
        """That of this process. Raises `SettingsError`."""
        environment = {name: value for name, value in os.environ.items() if value}
        if project is not None:
            environment["PROJECT_DIR"] = str(project)
        return cls(environment, load_settings(RunSettings, environment))

    @classmethod
    def beside_run(cls, project: Path | None) -> Self:
        """As `of`; what a `birdhouse run` on the same folder embeds is reached as if it were servers."""
        called = cls.of(project)
        environment = environment_beside(called.settings, called.environment)
        return cls(environment, load_settings(RunSettings, environment))

    def configure_logs(self) -> None:
        configure(self.settings.log_format, self.settings.log_level)

    def read_project(self) -> CheckedProject:
        """Raises `ProjectError` and `SettingsError`."""
        return read_project(self.settings.project_folder, self.environment)

    @contextmanager
    def client(self) -> Iterator[Client]:
        with self.clients() as connect_client, closing(connect_client()) as client:
            yield client

    @contextmanager
    def clients(self) -> Iterator[Callable[[], Client]]:
        """A function that gives a new client each time, of the server or of the data folder's engine."""
        if not self.settings.is_engine_embedded:
            yield lambda: connect(self.settings)
            return
        engine = EmbeddedEngine(self.settings.data)
        try:
            engine.start()
        except FolderInUseError as error:
            hint = "a `birdhouse run` is asked once it is ready, and another command ends: try again in a moment"
            raise FolderInUseError(error.message, hint) from None
        try:
            yield engine.client
        finally:
            engine.stop()
