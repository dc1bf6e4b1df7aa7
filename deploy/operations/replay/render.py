"""Results for people and for programs, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence

from deploy.operations.replay.request import Request
from deploy.operations.replay.result import PartitionResult

EXIT_PARTLY = 2


def exit_code(results: Sequence[PartitionResult]) -> int:
    """0 when all that was asked for is stored, 2 when there was nothing to look at or something is left, with reason.
    A dry run that finds nothing to do is 0."""
    return EXIT_PARTLY if not results or any(result.is_partial for result in results) else 0


def render_text(results: Sequence[PartitionResult], request: Request) -> str:
    """A line for each partition, below it what was not done."""
    if not results:
        what = (
            "quarantine holds nothing of it" if request.from_quarantine else "the topic holds no message of that time"
        )
        return f"{request.data_source}: nothing to replay, {what}"
    lines = [line for result in results for line in _lines(result, request)]
    if any(result.lost for result in results):
        lines.append("what the broker no longer holds and is not stored cannot be had again from here")
    return "\n".join(lines)


def render_json(results: Sequence[PartitionResult], request: Request) -> str:
    """One JSON document: `data_source`, `is_check` and `partitions`."""
    partitions = [
        {
            "topic": result.topic,
            "topic_id": result.topic_id,
            "partition": result.partition,
            "range": [result.range.first, result.range.last] if result.range else None,
            "present": result.present,
            "missing": result.missing,
            "deleted": result.deleted,
            "completed": result.completed,
            "stored": result.stored,
            "quarantined": result.quarantined,
            "still_wrong": result.still_wrong,
            "lost": result.lost,
            "beyond": [result.beyond.first, result.beyond.last] if result.beyond else None,
            "notes": result.notes,
        }
        for result in results
    ]
    document = {"data_source": request.data_source, "is_check": request.is_check, "partitions": partitions}
    return json.dumps(document, indent=2)


def _lines(result: PartitionResult, request: Request) -> list[str]:
    place = f"{request.data_source}  {result.topic}/{result.partition}  {result.range or 'nothing'}"
    done = _would_do(result, request) if request.is_check else _did(result, request)
    lines = [f"{place}  {done}"]
    if result.completed:
        lines.append(f"    completed {result.completed} messages that a killed replay had sent")
    if result.lost:
        lines.append(f"    lost: {result.lost} offsets are not stored, and the broker begins after them")
    if result.beyond:
        lines.append(f"    not touched: {result.beyond} is not committed yet, the worker stores it")
    return lines + [f"    {note}" for note in result.notes]


def _would_do(result: PartitionResult, request: Request) -> str:
    if request.from_quarantine:
        return f"would move {result.missing}, still wrong {result.still_wrong}"
    if request.replaces:
        return f"would delete {result.deleted} rows and store {result.missing} offsets anew"
    return f"stored {result.present}, not stored {result.missing}"


def _did(result: PartitionResult, request: Request) -> str:
    if request.from_quarantine:
        return f"moved {result.stored + result.completed}, still wrong {result.still_wrong}"
    bad = f" ({result.quarantined} of them in quarantine)" if result.quarantined else ""
    if request.replaces:
        return f"deleted {result.deleted} rows, stored {result.stored}{bad}"
    return f"stored {result.stored}{bad}, already there {result.present}"
