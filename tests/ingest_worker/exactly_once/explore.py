"""Every order of steps from one world on, up to its budget of mishaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self


class World(Protocol):
    """What can be searched: `wrong` says what does not hold now, `unfinished` what does not although nothing more can
    happen; both are empty when all is well. Worlds with equal keys go on alike."""

    def key(self) -> object: ...

    def copy(self) -> Self: ...

    def steps(self) -> Iterator[str]: ...

    def take(self, step: str) -> None: ...

    def wrong(self) -> str: ...

    def unfinished(self) -> str: ...


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
        wrong = here.wrong() or ("" if steps else here.unfinished())
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
