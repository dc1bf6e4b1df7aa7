"""The `birdhouse` command in this process, in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from tests.deploy.cli.invoke import Invoke


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> Invoke:
    def run(*arguments: str, **environment: str) -> Result:
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_URL", "PROJECT_DIR", "BIRDHOUSE_SECRET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("BIRDHOUSE_DATA", str(data_folder))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def broken_project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "datasources").mkdir(parents=True)
    (folder / "datasources" / "a.datasource").write_text("SCHEMA >\n    `x` NoSuchType `json:$.x`\n")
    (folder / "datasources" / "b.datasource").write_text(
        'SCHEMA >\n    `x` String `json:$.x`\n\nENGINE "NoSuchEngine"\nENGINE_SORTING_KEY "x"\n'
    )
    return folder
