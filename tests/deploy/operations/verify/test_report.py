"""`birdhouse verify` without servers: verdicts, what is printed, and what is refused."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.operations.ranges import RangeList, StoredRun, compare
from deploy.operations.verify.render import render_json, render_text
from deploy.operations.verify.report import PartitionReport, Verdict, verdict_of
from deploy.operations.verify.rollups import RollupReport
from ingest_worker.storing.ranges import OffsetRange
from ingest_worker.storing.topic import Held

EXPECTED = OffsetRange(0, 9)


def report(*runs: StoredRun, known_from: int = 0, unknown_because: str = "") -> PartitionReport:
    found = compare(runs, EXPECTED, known_from)
    reasons = [unknown_because] if unknown_because else []
    return PartitionReport("events", "topic", Held(0, 0, 10, 10, 0), found, unknown_because=reasons)


WELL = report(StoredRun(0, 9, 1))
GAP = report(StoredRun(0, 3, 1), StoredRun(6, 9, 1))
DOUBLE = report(StoredRun(0, 3, 1), StoredRun(4, 4, 2), StoredRun(5, 9, 1))
UNKNOWN = report(StoredRun(4, 9, 1), known_from=4, unknown_because="retention")


@pytest.mark.parametrize(
    ("reports", "verdict"),
    [
        ([WELL], Verdict.WELL),
        ([WELL, UNKNOWN], Verdict.UNKNOWN),
        ([UNKNOWN, GAP], Verdict.WRONG),
        ([DOUBLE, UNKNOWN], Verdict.WRONG),
        ([], Verdict.WELL),
    ],
)
def test_what_is_wrong_outweighs_what_is_unknown(reports: list[PartitionReport], verdict: Verdict) -> None:
    assert verdict_of(reports) is verdict


def rollup(counted: int, fails: str = "", unknown_because: str = "") -> RollupReport:
    reasons = [unknown_because] if unknown_because else []
    return RollupReport("per_hour", ("hourly",), {"n": 10}, {"n": counted}, fails, reasons)


@pytest.mark.parametrize(
    ("report", "verdict", "lines"),
    [
        (rollup(10), Verdict.WELL, []),
        (rollup(8), Verdict.WRONG, ["    n: 2 missing, its sources give 10"]),
        (rollup(13), Verdict.WRONG, ["    n: 3 too many, its sources give 10"]),
        (rollup(13, unknown_because="a TTL"), Verdict.UNKNOWN, ["    unknown: a TTL"]),
    ],
)
def test_views_are_told_beside_the_partitions(report: RollupReport, verdict: Verdict, lines: list[str]) -> None:
    count = report.counted["n"]
    text = render_text([WELL], [report]).splitlines()
    assert text[1:] == [f"per_hour  views hourly  n {count}  {verdict.name.lower()}", *lines]
    document = json.loads(render_json([WELL], [report]))
    # Of many views nobody could ever tell: that says nothing of what is stored.
    assert document["verdict"] == ("well" if verdict is Verdict.UNKNOWN else verdict.name.lower())
    assert document["views"][0]["verdict"] == verdict.name.lower()
    assert (document["views"][0]["counted"], document["views"][0]["expected"]) == ({"n": count}, {"n": 10})


def test_a_view_that_fails_is_wrong_and_says_why() -> None:
    failing = RollupReport("per_hour", ("hourly",), fails="Division by zero (at `id`)")
    assert failing.verdict is Verdict.WRONG
    assert "    the SELECT of a view fails: Division by zero (at `id`)" in render_text([], [failing]).splitlines()


def test_text_names_the_ranges() -> None:
    text = render_text([GAP, DOUBLE, UNKNOWN])
    assert "gap: 4-5 (2 offsets)" in text
    assert "double: 4 (1 offsets)" in text
    assert "unknown: 0-3 (4 offsets)" in text


def test_a_gap_comes_with_the_command_that_mends_it() -> None:
    command = "birdhouse replay --data-source events --partition 0 --from-offset 4 --to-offset 5"
    assert f"hint: {command}" in render_text([GAP])
    assert json.loads(render_json([GAP, WELL]))["partitions"][0]["mended_by"] == command
    assert "hint" not in render_text([WELL, DOUBLE, UNKNOWN])


def test_the_command_reaches_over_gaps_that_are_not_listed() -> None:
    found = report(StoredRun(0, 1, 1), StoredRun(3, 3, 1))
    gaps = RangeList(limit=1)
    gaps.add(OffsetRange(2, 2))
    gaps.add_unlisted(3, 4, 90)
    found.comparison.gaps = gaps
    assert (gaps.offsets, gaps.more) == (5, 3)
    assert found.mending.endswith("--from-offset 2 --to-offset 90")


def test_rows_of_an_earlier_topic_are_named() -> None:
    found = report(StoredRun(0, 9, 1))
    found.former = 7
    assert "7 rows are of an earlier topic of that name" in render_text([found])
    assert found.verdict is Verdict.WELL


def test_json_gives_the_same() -> None:
    document = json.loads(render_json([GAP]))
    assert document["verdict"] == "wrong"
    assert document["partitions"][0]["gaps"] == {"offsets": 2, "ranges": [[4, 5]], "ranges_not_listed": 0}


def test_a_time_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(main, ["verify", "--since", "yesterday"])
    assert result.exit_code == 2
    assert "`yesterday` is no time" in result.stderr
