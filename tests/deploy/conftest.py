"""What tests of `birdhouse run` and of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded.engine import EmbeddedEngine


@pytest.fixture(scope="session")
def engine(embedded_engine: EmbeddedEngine) -> EmbeddedEngine:
    """The embedded engine with a table that no test drops."""
    client = embedded_engine.client()
    client.command("CREATE DATABASE IF NOT EXISTS `of tests`")
    client.command("CREATE TABLE `of tests`.kept (x Int8) ENGINE = MergeTree ORDER BY x")
    client.close()
    return embedded_engine


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
