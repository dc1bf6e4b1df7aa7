"""`birdhouse init`: what it writes passes its own cases, and every event of the sample fits."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.beginning import begin
from deploy.check import read_project
from deploy.errors import InitError
from deploy.testing.database.engine import Engine
from deploy.testing.database.prepared import project_database
from deploy.testing.reports.results import Outcome
from deploy.testing.runner import Options, run_cases
from deploy.testing.selection import selected
from schemas.sql.text import qualified
from tests.integration.running.runs import birdhouse, needs_embedded

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "shop": [
        {
            "order": {"id": number, "total": number * 1.5, "paid": number % 2 == 0, "note": None},
            "status": ["open", "it's paid", '50% "off" & so'][number % 3],
            "at": f"2026-01-{1 + number % 28:02}T10:00:00.{number:03}Z",
            "items": [{"sku": f"s{number}", "n": number}] * (number % 3),
            "tags": ["a", "b"][: number % 3],
            "day": "2026-01-01",
        }
        for number in range(60)
    ],
    "messy": [
        {"a": 1, "b-c": "x", "big": 2**64 - 1, "huge": 2**127, "u": "0b5d7a1c-3f1e-4a57-9d0e-2c8f6b7a9e10"},
        {"a": None, "b-c": "x", "big": 0, "huge": -5, "more": {"deep": [1.5, 2]}, "mixed": [1, "x", {"y": None}]},
        {"a": -7, "b-c": "ü\u2028\n--", "big": 3, "huge": 0, "more": {}, "mixed": "text", "endless": 10**400},
        {"a": 0, "b-c": "", "big": 3, "huge": 1, "more": None, "float": 1e300, "old": "1899-12-31", "it's": 1},
        {"a": 0, "b-c": "x", "big": 3, "huge": 1, "float": -1, "t": "2026-02-30 10:00:00", "c__error": True},
        {"a": 0, "b-c": "x", "big": 3, "huge": 1, "float": 2**70, "list": [None, 1], "lists": [[1], []]},
    ],
    "one": [{"n": 1}],
    "numbers": [{"at": "2026-01-01 10:00:00", "n": number} for number in range(5)],
}


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.ndjson"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in SAMPLES[request.param]))
    return path


def test_a_begun_project_passes_and_every_event_fits(engine: Engine, sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    begun = begin(folder, sample)
    checked = read_project(folder, {})
    assert checked.warnings == ()
    with project_database(engine, checked.project, checked.catalog, None, print) as prepared:
        assert [problem.message for problem in prepared.problems] == []
        with closing(engine.connect()) as client:
            found = client.query(f"SELECT count() FROM {qualified(engine.database, begun.data_source)}").result_rows
    assert found == [(len(SAMPLES[sample.stem]),)]
    report = run_cases(engine, checked, {}, selected(folder, []), Options())
    assert {result.case.name: result.lines for result in report.results if result.outcome is not Outcome.PASSED} == {}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    begin(folder, None)
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert len(before) == 4
    with pytest.raises(InitError, match="is there already, so nothing was written"):
        begin(folder, None)
    assert {path: path.read_text() for path in folder.rglob("*") if path.is_file()} == before


def test_no_name_is_taken_twice(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "events.pipe").write_text("NODE n\nSQL >\n    SELECT 1\n")
    with pytest.raises(InitError, match=r"other/events\.pipe. is there already"):
        begin(tmp_path, None)
    with pytest.raises(InitError, match="is no folder"):
        begin(tmp_path / "other" / "events.pipe", None)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["events.pipe"]


@needs_embedded
def test_the_commands_that_somebody_types(tmp_path: Path) -> None:
    sample = tmp_path / "orders.ndjson"
    sample.write_text('{"kind": "a", "at": "2026-01-01 10:00:00"}\n{"kind": "a", "at": "2026-01-01 10:00:01"}\n')
    folder = tmp_path / "mine"
    begun = birdhouse(tmp_path / "data", "init", "--from", str(sample), str(folder))
    assert (begun.returncode, "birdhouse test --project" in begun.stderr) == (0, True), begun.stderr
    assert birdhouse(tmp_path / "data", "check", "--strict", "--project", str(folder)).returncode == 0
    tested = birdhouse(tmp_path / "data", "test", "--project", str(folder))
    assert (tested.returncode, tested.stdout.splitlines()[-1]) == (0, "3 of 3 cases passed"), tested.stderr

    sample.write_text('{"kind": "a"}\nnothing\n')
    wrong = birdhouse(tmp_path / "data", "init", "--from", str(sample), str(tmp_path / "other"))
    assert (wrong.returncode, "orders.ndjson:2: the line is no JSON" in wrong.stderr) == (1, True)
    sample.write_text("{}\n")
    empty = birdhouse(tmp_path / "data", "init", "--from", str(sample), str(tmp_path / "other"))
    assert (empty.returncode, "hold no value" in empty.stderr) == (1, True)
    assert not (tmp_path / "other").exists()
