"""What a round came to, and the table of all rounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One round. `lost` and `doubled` count produced ids; `verdict` is what `birdhouse verify` said."""

    fault: str
    seed: int
    produced: int
    lost: int
    doubled: int
    verdict: str
    recovery_seconds: float


RESULTS: list[Result] = []


def table(results: Iterable[Result]) -> str:
    """Markdown, a line for each fault, in the order in which they were first seen."""
    faults: dict[str, list[Result]] = {}
    for result in results:
        faults.setdefault(result.fault, []).append(result)
    lines = ["| fault | rounds | seeds | events | lost | doubled | verify | slowest recovery |", "|" + "---|" * 8]
    for fault, rounds in faults.items():
        seeds = f"{rounds[0].seed}–{rounds[-1].seed}"
        said = ", ".join(sorted({entry.verdict for entry in rounds}))
        sums = [sum(getattr(entry, field) for entry in rounds) for field in ("produced", "lost", "doubled")]
        slowest = max(entry.recovery_seconds for entry in rounds)
        lines.append(f"| {fault} | {len(rounds)} | {seeds} | {' | '.join(map(str, sums))} | {said} | {slowest:.1f} s |")
    return "\n".join(lines)
