"""What ClickHouse holds in the world: a table of two partitions, a rollup behind it, and tokens of their inserts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.ingest_worker.exactly_once.parts import MESSAGES, TABLE_PARTITIONS, At, Insert


@dataclass
class Tables:
    stored: list[int] = field(default_factory=list)  # offsets in the table, with every copy
    rolled: list[int] = field(default_factory=list)  # offsets that the rollup has counted
    tokens: set[tuple[str, int]] = field(default_factory=set)  # per table partition, and for the rollup

    def copy(self) -> Tables:
        return Tables(list(self.stored), list(self.rolled), set(self.tokens))

    def key(self) -> object:
        return tuple(sorted(self.stored)), tuple(sorted(self.rolled)), frozenset(self.tokens)

    def doubled(self) -> str:
        """What is stored or counted more than once; empty when nothing is."""
        for name, offsets in self._both():
            doubled = [offset for offset, copies in Counter(offsets).items() if copies > 1]
            if doubled:
                return f"the {name} holds {doubled} more than once"
        return ""

    def lacking(self) -> str:
        """What is not stored or not counted; empty when everything is."""
        everything = set(range(MESSAGES))
        for name, offsets in self._both():
            if set(offsets) != everything:
                return f"the {name} never gets {sorted(everything - set(offsets))}"
        return ""

    def store(self, insert: Insert, *, knows_tokens: bool) -> None:
        """The next part of an insert becomes durable, unless a part with the same token is there already."""
        insert.at = At(insert.at + 1)
        if insert.at in (At.HALF, At.WHOLE):
            place = insert.at - At.HALF
            offsets = [offset for offset in insert.batch.offsets if offset % TABLE_PARTITIONS == place]
            self._store_once((insert.batch.token, place), self.stored, offsets, knows_tokens)
        elif insert.at == At.DONE:
            self._store_once((insert.batch.token, TABLE_PARTITIONS), self.rolled, insert.batch.offsets, knows_tokens)

    def _store_once(self, named: tuple[str, int], table: list[int], offsets: Iterable[int], knows_tokens: bool) -> None:
        if named not in self.tokens:
            table += offsets
        if knows_tokens:
            self.tokens.add(named)

    def _both(self) -> Iterator[tuple[str, list[int]]]:
        yield "table", self.stored
        yield "rollup", self.rolled
