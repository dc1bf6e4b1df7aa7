"""The world with views behind its table: two targets, one behind the first of them, and a view that throws until it is
mended.

As ClickHouse does it: a target drops a block that it has, by its token and the views on its way, and hands it on to the
views behind it all the same. A view that throws ends the insert; what was stored and counted before stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from tests.ingest_worker.exactly_once.parts import At, Budget, Insert, Rules
from tests.ingest_worker.exactly_once.tables import Tables
from tests.ingest_worker.exactly_once.world import World

TARGETS = ("rollup", "rollup behind the rollup", "other rollup")
"""In the order in which an insert fills them."""


@dataclass(frozen=True)
class ViewRules:
    """`broken` is the view that throws. The others are what protects."""

    broken: str
    windows: frozenset[str] = frozenset(TARGETS)  # the targets that know tokens
    waits_for_view: bool = True  # a batch that a view throws at is sent again; else it is passed over


@dataclass
class TablesWithViews(Tables):
    rules: ViewRules = field(default_factory=lambda: ViewRules(TARGETS[0]))
    counted: dict[str, list[int]] = field(default_factory=lambda: {target: [] for target in TARGETS})

    def copy(self) -> TablesWithViews:
        counted = {target: list(offsets) for target, offsets in self.counted.items()}
        return replace(self, stored=list(self.stored), rolled=[], tokens=set(self.tokens), counted=counted)

    def key(self) -> object:
        return super().key(), tuple(tuple(sorted(offsets)) for offsets in self.counted.values())

    def store(self, insert: Insert, *, knows_tokens: bool) -> None:
        if insert.at != At.WHOLE:
            super().store(insert, knows_tokens=knows_tokens)
            return
        target = TARGETS[insert.filled]
        place = -1 - insert.filled  # no table partition's
        knows = knows_tokens and target in self.rules.windows
        self._store_once((insert.batch.token, place), self.counted[target], insert.batch.offsets, knows)
        insert.filled += 1
        if insert.filled == len(TARGETS):
            insert.at = At.DONE

    def _both(self) -> Iterator[tuple[str, list[int]]]:
        yield "table", self.stored
        yield from self.counted.items()


@dataclass
class WorldWithViews(World):
    """Its view is broken from the beginning, and may be mended at any moment."""

    tables: TablesWithViews = field(default_factory=TablesWithViews)
    is_mended: bool = False

    STEP: ClassVar[str] = "view is mended"

    @classmethod
    def of(cls, rules: Rules, budget: Budget, view_rules: ViewRules) -> WorldWithViews:
        return cls(rules, budget, tables=TablesWithViews(rules=view_rules))

    def key(self) -> object:
        filled = tuple(sorted((insert.batch.token, insert.owner, insert.filled) for insert in self.inserts))
        return super().key(), filled, self.is_mended

    def steps(self) -> Iterator[str]:
        yield from super().steps()
        if not self.is_mended:
            yield self.STEP

    def take(self, step: str) -> None:
        if step == self.STEP:
            self.is_mended = True
        else:
            super().take(step)

    def _go_on(self, insert: Insert) -> None:
        rules = self.tables.rules
        throws = not self.is_mended and insert.at == At.WHOLE and TARGETS[insert.filled] == rules.broken
        if not throws:
            super()._go_on(insert)
        elif rules.waits_for_view:
            self._end(insert)
        else:
            self.inserts.remove(insert)
            if self._is_current(insert):
                self._answer(self.workers[insert.worker], insert)
