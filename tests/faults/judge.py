"""What a round came to; the file in which all rounds are kept, and the tables made of it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PAGE_MARK = "<!-- table -->"
RESULTS: list[Result] = []
# Without these no event is lost or doubled, but something stands still, a caller sees an error, or a value is lost.
OF_LIVENESS = frozenset(
    {
        "backoff",
        "own thread",
        "large answers",
        "grace",
        "going on",
        "short session",
        "column guard",
        "looks",
        "renewal",
    }
)
LATE_SECONDS = 20.0  # twice what a recovery may take


@dataclass(frozen=True, slots=True)
class Result:
    """One round. `lost` and `doubled` count produced ids, `rolled` how far a rollup's count is off; `verdict` is what
    `birdhouse verify` said, `well` also where it had to say something else; `failed` what else did not hold or did not
    come true in time. `without` names the protections that were switched off."""

    fault: str
    seed: int
    code: str
    produced: int = 0
    lost: int = 0
    doubled: int = 0
    rolled: int = 0
    verdict: str = ""
    recovery_seconds: float = 0.0
    failed: str = ""
    without: Sequence[str] = field(default_factory=tuple)

    @property
    def is_well(self) -> bool:
        return not self.lost and not self.doubled and not self.rolled and not self.failed and self.verdict == "well"

    @property
    def is_found(self) -> bool:
        """Whether the judge saw what a missing protection leads to; a round that was merely slow does not count."""
        if OF_LIVENESS.intersection(self.without):
            return bool(self.failed) or self.recovery_seconds > LATE_SECONDS
        return bool(self.lost or self.doubled or self.rolled)


def keep(path: Path, result: Result) -> None:
    """Add a line to the file of all rounds; several processes may do so at once."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(result), separators=(",", ":")) + "\n")


def kept(path: Path) -> list[Result]:
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def tables(results: Iterable[Result]) -> str:
    """Markdown: all rounds of each fault, and below them the rounds with protections switched off."""
    results = list(results)
    text = rounds_table([entry for entry in results if not entry.without])
    if bites := [entry for entry in results if entry.without]:
        text += "\n\n## With protections switched off\n\n" + bites_table(bites)
    return text


def rounds_table(results: Sequence[Result]) -> str:
    lines = [
        "| fault | rounds | events | lost | doubled | rollup off | not `well` | failed | recovery: median | slowest |",
        "|" + "---|" * 10,
    ]
    for fault, rounds in sorted(_by(results, lambda entry: entry.fault).items()):
        sums = [
            sum(abs(getattr(entry, name)) for entry in rounds) for name in ("produced", "lost", "doubled", "rolled")
        ]
        unwell = sum(1 for entry in rounds if entry.verdict and entry.verdict != "well")
        failed = sum(1 for entry in rounds if entry.failed)
        times = [entry.recovery_seconds for entry in rounds if entry.verdict] or [0.0]
        cells = [fault, len(rounds), *sums, unwell, failed, f"{statistics.median(times):.1f} s", f"{max(times):.1f} s"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def bites_table(results: Sequence[Result]) -> str:
    lines = [
        "| fault | without | rounds | found in | lost | doubled | rollup off | otherwise | slowest |",
        "|" + "---|" * 9,
    ]
    groups = _by(results, lambda entry: f"{entry.fault} | {', '.join(entry.without)}")
    for pair, rounds in sorted(groups.items()):
        sums = [sum(abs(getattr(entry, name)) for entry in rounds) for name in ("lost", "doubled", "rolled")]
        found = sum(1 for entry in rounds if entry.is_found)
        cells = [pair, len(rounds), found, *sums, sum(1 for entry in rounds if entry.failed)]
        cells.append(f"{max(entry.recovery_seconds for entry in rounds):.1f} s")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _by(results: Iterable[Result], key: Callable[[Result], str]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups


def write_page(page: Path, results: Iterable[Result]) -> None:
    """Put the tables at the page's end."""
    head = page.read_text().partition(PAGE_MARK)[0]
    page.write_text(f"{head}{PAGE_MARK}\n{tables(results)}\n")
