"""Every command beside a `birdhouse run` on the same folder: it works by the admin port, or says what to do."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from schemas.project import EXAMPLE_PROJECT
from tests.integration.operations.replayed import until
from tests.integration.running.runs import Running, birdhouse, needs_embedded, post, post_events, running

NOTE = "SCHEMA >\n    `note` String `json:$.note`\n"
pytestmark = [needs_embedded, pytest.mark.timeout(300)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for kind in ("datasources", "pipes"):
        shutil.copytree(EXAMPLE_PROJECT / kind, folder / kind)
    return folder


@pytest.fixture
def run(tmp_path: Path, project: Path) -> Iterator[Running]:
    with running(tmp_path / "data", tmp_path / "run", PROJECT_DIR=str(project)) as run:
        run.wait_for("is ready")
        yield run


def engine(tmp_path: Path) -> str:
    found = json.loads((tmp_path / "data" / "run.json").read_text())["engine"]
    assert isinstance(found, str)
    return found


def ask(tmp_path: Path, sql: str, headers: Mapping[str, str]) -> tuple[int, str]:
    request = urllib.request.Request(engine(tmp_path), sql.encode(), dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_what_is_stored_is_verified_mended_and_explained_while_it_runs(
    tmp_path: Path, project: Path, run: Running
) -> None:
    here = {"PROJECT_DIR": str(project)}

    def command(*arguments: str) -> str:
        done = birdhouse(tmp_path / "data", *arguments, **here)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    post_events(run, 1_000)
    taken = post(run, b'{"event_id": 5}', wait=True)
    assert (taken["successful_rows"], taken["quarantined_rows"]) == (0, 1)

    def verified() -> tuple[int, int, int]:
        """Rows, distinct offsets, and partitions that are well."""
        found = json.loads(birdhouse(tmp_path / "data", "verify", "--format", "json", **here).stdout)["partitions"]
        return (
            sum(part["rows"] for part in found),
            sum(part["distinct"] for part in found),
            sum(part["verdict"] == "well" for part in found),
        )

    until(lambda: verified() == (1_001, 1_001, 6))
    command("verify")
    admin = {"Authorization": f"Bearer {run.token}"}
    assert ask(tmp_path, "DELETE FROM birdhouse.events WHERE event_id < 'ev_2'", admin)[0] == 200
    lost = 1_000 - int(ask(tmp_path, "SELECT count() FROM birdhouse.events", admin)[1])
    assert lost > 100
    damaged = birdhouse(tmp_path / "data", "verify", "--format", "json", **here)
    gaps = [part["gaps"]["offsets"] for part in json.loads(damaged.stdout)["partitions"]]
    assert (damaged.returncode, sum(gaps)) == (1, lost)
    replayed = json.loads(command("replay", "--data-source", "events", "--since", "2020-01-01", "--format", "json"))
    assert sum(part["stored"] for part in replayed["partitions"]) == lost
    assert verified() == (1_001, 1_001, 6)
    again = json.loads(
        command("replay", "--data-source", "events", "--since", "2020-01-01", "--replace", "--yes", "--format", "json")
    )
    assert [sum(part[name] for part in again["partitions"]) for name in ("stored", "quarantined")] == [1_001, 1]
    assert verified() == (1_001, 1_001, 6)
    moved = birdhouse(tmp_path / "data", "replay", "--data-source", "events", "--quarantine", **here)
    assert "moved 0, still wrong 1" in moved.stdout
    assert "\nevents: " in command("explain", "event_stats")
    assert "committed" in command("offsets", "--data-source", "events")
    assert command("tokens", "admin").strip() == run.token
    assert "no errors" in birdhouse(tmp_path / "data", "check", **here).stderr
    assert run.stop() == 0, run.errors
    assert run.token not in run.errors
    assert not (tmp_path / "data" / "run.json").exists()
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".insert")] == []


def test_a_deployment_beside_it_is_made_and_says_that_the_rest_takes_a_start(
    tmp_path: Path, project: Path, run: Running
) -> None:
    (project / "datasources" / "notes.datasource").write_text(NOTE)
    planned = birdhouse(tmp_path / "data", "deploy", "--check", PROJECT_DIR=str(project))
    assert (planned.returncode, "notes: create the table" in planned.stdout) == (2, True)
    deployed = birdhouse(tmp_path / "data", "deploy", PROJECT_DIR=str(project))
    assert deployed.returncode == 0, deployed.stderr
    assert "start it again, or with --watch" in deployed.stderr
    assert birdhouse(tmp_path / "data", "deploy", "--check", PROJECT_DIR=str(project)).returncode == 0
    taken = post(run, b"{}", wait=True)
    assert (taken["successful_rows"], taken["quarantined_rows"]) == (0, 1)


def test_offsets_of_the_embedded_broker_are_not_set_and_it_says_what_does(
    tmp_path: Path, project: Path, run: Running
) -> None:
    arguments = ("offsets", "--data-source", "events", "--to", "earliest", "--yes")
    refused = birdhouse(tmp_path / "data", *arguments, PROJECT_DIR=str(project))
    assert refused.returncode == 1
    assert "the embedded broker ends with the worker that reads it" in refused.stderr
    assert "hint: `birdhouse replay" in refused.stderr


def test_nobody_without_the_admin_token_reaches_the_engine(tmp_path: Path, run: Running) -> None:
    sql = "SELECT 'let in'"
    wrong = run.token[:-1] + ("A" if run.token[-1] != "A" else "B")
    for token in ("", "x", wrong, "é"):
        basic = base64.b64encode(f"admin:{token}".encode()).decode()
        # The last one is sent as a byte that is no UTF-8.
        for headers in ({"Authorization": f"Basic {basic}"}, {"X-ClickHouse-Key": token}, {}):
            status, body = ask(tmp_path, sql, headers)
            assert (status, "let in" in body, run.token in body) == (401, False, False)
    right = base64.b64encode(f"admin:{run.token}".encode()).decode()
    for headers in (
        {"Authorization": f"Basic {right}"},
        {"Authorization": f"Bearer {run.token}"},
        {"X-ClickHouse-Key": run.token},
    ):
        assert ask(tmp_path, sql, headers) == (200, "let in\n")
    status, body = ask(tmp_path, "SELECT * FROM nowhere", {"X-ClickHouse-Key": run.token})
    assert (status, body.startswith("Code: 60. ")) == (500, True)
