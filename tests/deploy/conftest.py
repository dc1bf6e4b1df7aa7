"""The embedded engine for tests: one a session, because a process has at most one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded_engine import EmbeddedEngine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    with EmbeddedEngine(tmp_path_factory.mktemp("engine")) as engine:
        client = engine.client()
        client.command("CREATE DATABASE IF NOT EXISTS `of tests`")
        client.command("CREATE TABLE `of tests`.kept (x Int8) ENGINE = MergeTree ORDER BY x")
        client.close()
        yield engine


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
