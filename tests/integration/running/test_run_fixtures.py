"""`birdhouse run --fixtures`: a newcomer sees rows at once, and sees each of them once."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.integration.running.runs import Running, birdhouse, needs_embedded, running


def counts(run: Running) -> dict[str, int]:
    request = urllib.request.Request(
        f"{run.url}/v0/pipes/event_stats.json", headers={"Authorization": f"Bearer {run.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return {row["event_type"]: row["event_count"] for row in json.load(response)["data"]}


@needs_embedded
def test_fixtures_are_there_at_once_and_loaded_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, tmp_path / "first", "--fixtures") as run:
        run.wait_for("Birdhouse is ready")
        assert "fixtures/events.ndjson is loaded: 24 rows of `events`" in run.errors
        first = counts(run)
        assert sum(first.values()) == 24
        verified = birdhouse(data, "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert run.stop() == 0
    with running(data, tmp_path / "second", "--fixtures") as run:
        run.wait_for("Birdhouse is ready")
        assert "fixtures/events.ndjson is not loaded: `events` has rows already" in run.errors
        assert counts(run) == first
        assert run.stop() == 0


@needs_embedded
def test_what_cannot_be_loaded_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "fixtures").mkdir(parents=True)
    (project / "users.datasource").write_text("SCHEMA >\n    `id` UInt32\n")
    (project / "gone.datasource").write_text('SCHEMA >\n    `id` UInt32\n\nENGINE "Null"\n')
    (project / "teams.datasource").write_text("SCHEMA >\n    `id` UInt32\n")
    (project / "fixtures" / "users.csv").write_text("id\nx\n")
    (project / "fixtures" / "gone.csv").write_text("id\n1\n")
    (project / "fixtures" / "teams.sql").write_text("SELECT 7 AS id")
    with running(tmp_path / "data", tmp_path / "run", "--fixtures", "--project", str(project)) as run:
        run.wait_for("Birdhouse is ready")
        assert "fixtures/users.csv cannot be loaded" in run.errors
        assert "fixtures/gone.csv is not loaded: `gone` keeps no rows" in run.errors
        assert "fixtures/teams.sql is loaded: 1 rows of `teams`" in run.errors
        assert run.stop() == 0
