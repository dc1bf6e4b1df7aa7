"""The example project's own cases, and the command as somebody types it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from deploy.check import read_project
from deploy.testing.database.engine import Engine
from deploy.testing.reports.results import Outcome
from deploy.testing.runner import Options, run_cases
from deploy.testing.selection import selected
from schemas.project import EXAMPLE_PROJECT
from tests.integration.running.runs import birdhouse, needs_embedded


def test_the_example_passes_its_cases(engine: Engine) -> None:
    checked = read_project(EXAMPLE_PROJECT, {})
    files = selected(EXAMPLE_PROJECT, [])
    report = run_cases(engine, checked, {}, files, Options())
    assert {result.case.name: result.lines for result in report.results if result.outcome is not Outcome.PASSED} == {}
    assert report.problems == ()
    assert {file.pipe for file in files} == set(checked.catalog.endpoints)


@needs_embedded
def test_the_command(tmp_path: Path) -> None:
    data = tmp_path / "data"
    passed = birdhouse(data, "test", "--junit", str(tmp_path / "report.xml"), "user_activity")
    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (0, "4 of 4 cases passed"), passed.stderr
    assert ElementTree.parse(tmp_path / "report.xml").getroot().attrib["tests"] == "4"
    assert not data.exists()

    project = tmp_path / "project"
    (project / "tests").mkdir(parents=True)
    (project / "one.pipe").write_text("NODE n\nSQL >\n    SELECT 1 AS one\nTYPE endpoint\n")
    (project / "tests" / "one.yaml").write_text("- name: c\n  expected_result: |\n    {}\n")
    failed = birdhouse(data, "test", "--project", str(project))
    assert (failed.returncode, failed.stdout.splitlines()[-1]) == (1, "0 of 1 cases passed, 1 failed")
    assert "the column `one` is not expected" in failed.stdout

    updated = birdhouse(data, "test", "--project", str(project), "--update")
    assert (updated.returncode, updated.stdout.splitlines()[-1]) == (0, "0 of 1 cases passed, 1 updated")
    assert '    {"one":1}\n' in (project / "tests" / "one.yaml").read_text()

    unwritable = birdhouse(data, "test", "--project", str(project), "--junit", str(project / "one.pipe" / "report.xml"))
    assert (unwritable.returncode, unwritable.stderr.count("\n")) == (2, 1)
    assert "one.pipe" in unwritable.stderr

    nothing = birdhouse(data, "test", "--project", str(project), "two")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "no case is meant by `two`" in nothing.stderr
    unset = birdhouse(data, "test", "--project", str(project), "--server")
    assert (unset.returncode, "CLICKHOUSE_URL" in unset.stderr) == (2, True)
