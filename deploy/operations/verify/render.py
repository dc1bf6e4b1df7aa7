"""Reports for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from deploy.operations.ranges import RangeList
from deploy.operations.verify.report import PartitionReport, Verdict, verdict_of
from deploy.operations.verify.rollups import RollupReport


def render_text(reports: Sequence[PartitionReport], rollups: Sequence[RollupReport] = ()) -> str:
    """A line for each partition and each target of views, below it what is wrong or unknown and how it is mended."""
    lines = []
    for report in reports:
        held, comparison = report.held, report.comparison
        lines.append(
            f"{report.data_source}  {report.topic}/{held.partition}  from {held.start}  committed"
            f" {'-' if held.committed is None else held.committed}  rows {comparison.rows}"
            f"  distinct {comparison.distinct}  {report.verdict.name.lower()}"
        )
        for name, ranges in (("gap", comparison.gaps), ("double", comparison.doubles), ("unknown", comparison.unknown)):
            if ranges:
                lines.append(f"    {name}: {ranges} ({ranges.offsets} offsets)")
        if report.empty:
            lines.append(f"    no message at {report.empty} offsets")
        if report.former:
            lines.append(f"    {report.former} rows are of an earlier topic of that name")
        lines += [f"    unknown: {reason}" for reason in report.unknown_because]
        if report.mending:
            lines.append(f"    hint: {report.mending}")
    for rollup in rollups:
        lines += _rollup_lines(rollup)
    return "\n".join(lines)


def _rollup_lines(rollup: RollupReport) -> Iterator[str]:
    views = ", ".join(rollup.views)
    counted = "".join(f"  {name} {count}" for name, count in rollup.counted.items())
    yield f"{rollup.target}  views {views}{counted}  {rollup.verdict.name.lower()}"
    for name, expected in rollup.expected.items():
        if rollup.verdict is Verdict.WRONG and expected != rollup.counted[name]:
            what = "missing" if expected > rollup.counted[name] else "too many"
            yield f"    {name}: {abs(expected - rollup.counted[name])} {what}, its sources give {expected}"
    if rollup.fails:
        yield f"    the SELECT of a view fails: {rollup.fails}"
        yield '    hint: docs/operations.md, "A view that fails"'
    yield from (f"    unknown: {reason}" for reason in rollup.unknown_because)


def render_json(reports: Sequence[PartitionReport], rollups: Sequence[RollupReport] = ()) -> str:
    """The same as one JSON document: `verdict`, `partitions` and `views`."""
    partitions = [
        {
            "data_source": report.data_source,
            "topic": report.topic,
            "partition": report.held.partition,
            "low": report.held.low,
            "high": report.held.high,
            "start": report.held.start,
            "committed": report.held.committed,
            "rows": report.comparison.rows,
            "distinct": report.comparison.distinct,
            "gaps": _listed(report.comparison.gaps),
            "doubles": _listed(report.comparison.doubles),
            "unknown": _listed(report.comparison.unknown),
            "empty_offsets": report.empty,
            "rows_of_an_earlier_topic": report.former,
            "unknown_because": report.unknown_because,
            "mended_by": report.mending or None,
            "verdict": report.verdict.name.lower(),
        }
        for report in reports
    ]
    views = [
        {
            "target": rollup.target,
            "views": list(rollup.views),
            "counted": dict(rollup.counted),
            "expected": dict(rollup.expected),
            "fails": rollup.fails or None,
            "unknown_because": rollup.unknown_because,
            "verdict": rollup.verdict.name.lower(),
        }
        for rollup in rollups
    ]
    verdict = verdict_of(reports, rollups).name.lower()
    return json.dumps({"verdict": verdict, "partitions": partitions, "views": views}, indent=2)


def _listed(ranges: RangeList) -> dict[str, Any]:
    return {
        "offsets": ranges.offsets,
        "ranges": [[entry.first, entry.last] for entry in ranges.ranges],
        "ranges_not_listed": ranges.more,
    }
