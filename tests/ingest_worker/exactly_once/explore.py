"""Every order of steps from one world on, up to its budget of mishaps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.ingest_worker.exactly_once.world import MESSAGES, Stage, World


@dataclass(frozen=True)
class Violation:
    """What was wrong, and the steps that led there."""

    what: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Explored:
    worlds: int
    ends: int
    violation: Violation | None


def explore(world: World, most_worlds: int) -> Explored:
    """Depth first; stops at the first violation. Raises `AssertionError` when there are more worlds than said: a
    search that was cut short proves nothing."""
    seen = {world.key()}
    pending: list[tuple[World, tuple[str, ...]]] = [(world, ())]
    ends = 0
    while pending:
        here, way = pending.pop()
        steps = list(here.steps())
        wrong = _wrong(here) or ("" if steps else _unfinished(here))
        if wrong:
            return Explored(len(seen), ends, Violation(wrong, way))
        ends += not steps
        for step in steps:
            next_world = here.copy()
            next_world.take(step)
            key = next_world.key()
            if key not in seen:
                seen.add(key)
                assert len(seen) <= most_worlds, "more worlds than expected: make the world smaller"
                pending.append((next_world, (*way, step)))
    return Explored(len(seen), ends, None)


def _wrong(world: World) -> str:
    """What must hold at every moment."""
    for name, offsets in (("table", world.stored), ("rollup", world.rolled)):
        doubled = [offset for offset, copies in Counter(offsets).items() if copies > 1]
        if doubled:
            return f"the {name} holds {doubled} more than once"
    missing = set(range(world.committed[0])) - set(world.stored)
    return f"{sorted(missing)} are committed and not stored" if missing else ""


def _unfinished(world: World) -> str:
    """What must hold when nothing more can happen."""
    everything = set(range(MESSAGES))
    for name, offsets in (("table", world.stored), ("rollup", world.rolled)):
        if set(offsets) != everything:
            return f"the {name} never gets {sorted(everything - set(offsets))}"
    if world.committed[0] != MESSAGES:
        return f"the group stays at {world.committed[0]}"
    owner = world.workers[world.member]
    return "" if owner.stage is Stage.OPEN else "nobody owns the partition"
