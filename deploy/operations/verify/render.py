"""Reports for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from deploy.operations.ranges import RangeList
from deploy.operations.verify.report import PartitionReport, verdict_of


def render_text(reports: Sequence[PartitionReport]) -> str:
    """A line for each partition, below it what is wrong or unknown and how it is mended."""
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
    return "\n".join(lines)


def render_json(reports: Sequence[PartitionReport]) -> str:
    """The same as one JSON document: `verdict` and `partitions`."""
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
    return json.dumps({"verdict": verdict_of(reports).name.lower(), "partitions": partitions}, indent=2)


def _listed(ranges: RangeList) -> dict[str, Any]:
    return {
        "offsets": ranges.offsets,
        "ranges": [[entry.first, entry.last] for entry in ranges.ranges],
        "ranges_not_listed": ranges.more,
    }
