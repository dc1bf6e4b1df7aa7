"""A view that is made, filled and exchanged on a live table: the world of two workers, and a deploy beside them.

ClickHouse as it was seen to be: an insert finds out which views it goes through and where they write when it begins,
and is judged by the door later; what a table knows by its token goes on to the views behind it all the same; tokens
stay with the table that took them, also when it is exchanged. The deploy may die between any two of its statements, and
the next one goes on from what was written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum, auto

from ingest_worker.storing.record import parse_record
from tests.ingest_worker.exactly_once.parts import MESSAGES, At, Insert, Worker, batch_of
from tests.ingest_worker.exactly_once.world import World


@dataclass(frozen=True)
class CutRules:
    """What protects. The tests switch each one off."""

    settles_first: bool = True
    settles_second: bool = True
    waits_before_opening: bool = True
    undoes_what_is_not_noted: bool = True


class Next(IntEnum):
    """What the deploy does next."""

    CLOSE = auto()
    AWAIT = auto()
    SETTLE = auto()
    MAKE = auto()
    CLONE = auto()
    NOTE = auto()
    AWAIT_BEGUN = auto()
    OPEN = auto()
    FILL = auto()
    CLOSE_AGAIN = auto()
    AWAIT_AGAIN = auto()
    SETTLE_AGAIN = auto()
    EXCHANGE = auto()
    AWAIT_LAST = auto()
    OPEN_LAST = auto()
    DONE = auto()


@dataclass
class Seen(Insert):
    """An insert that knows since its begin which table the view's rows go to; -1 without the view."""

    has_begun: bool = False
    writes_to: int = -1
    is_awaited: bool = False


@dataclass(frozen=True)
class Deploy:
    """The deploy, and what it made: `tables` are the view's targets one after the other, the last one is the live."""

    next: Next = Next.CLOSE
    deaths: int = 0  # that may still happen
    is_closed: bool = False
    has_view: bool = False
    is_noted: bool = False
    clone: tuple[int, ...] | None = None
    pieces: tuple[int, ...] = ()
    recorded: frozenset[str] = frozenset()
    tables: tuple[tuple[int, ...], ...] = ((),)
    tokens: frozenset[tuple[str, int]] = frozenset()

    @property
    def live(self) -> int:
        return len(self.tables) - 1


@dataclass
class CutWorld(World):
    """The world with a deploy in it."""

    cut_rules: CutRules = field(default_factory=CutRules)
    deploy: Deploy = field(default_factory=Deploy)

    def key(self) -> object:
        inserts = tuple(
            sorted(
                (each.batch.token, each.at, each.has_begun, each.writes_to, each.is_awaited) for each in self._seen()
            )
        )
        return super().key(), self.deploy, inserts

    def wrong(self) -> str:
        doubled = [n for n, copies in Counter(self.deploy.tables[-1]).items() if copies > 1]
        return super().wrong() or (f"the view counted {doubled} more than once" if doubled else "")

    def unfinished(self) -> str:
        missing = sorted(set(range(MESSAGES)) - set(self.deploy.tables[-1]))
        if self.deploy.next is not Next.DONE:
            return f"the deploy stays at {self.deploy.next.name}"
        return super().unfinished() or (f"the view never counts {missing}" if missing else "")

    def steps(self) -> Iterator[str]:
        yield from super().steps()
        if self.deploy.next is Next.DONE:
            return
        if self._may_go_on():
            yield "deploy goes on"
        if self.deploy.deaths:
            yield "deploy dies"

    def take(self, step: str) -> None:
        if step == "deploy goes on":
            self._deploy()
        elif step == "deploy dies":
            self._die()
        else:
            super().take(step)

    # Inserts, which begin before they are judged.

    def _seen(self) -> list[Seen]:
        return [insert for insert in self.inserts if isinstance(insert, Seen)]

    def _send(self, name: str, worker: Worker) -> None:
        queue = worker.queue
        if queue is not None and queue.next_to_send is not None:
            self.inserts.append(Seen(name, worker.life, worker.owner, queue.send()))

    def _go_on(self, insert: Insert) -> None:
        assert isinstance(insert, Seen)
        if insert.at == At.SENT and not insert.has_begun:
            insert.has_begun = True
            insert.writes_to = self.deploy.live if self.deploy.has_view else -1
            return
        if insert.at == At.SENT and self.deploy.is_closed and self.fence == insert.owner:
            self._end(insert)
            return
        if insert.at == At.WHOLE:
            self._count(insert)
        super()._go_on(insert)

    def _insert_step(self, insert: Insert, what: str) -> None:
        if what == "loses its answer":
            assert isinstance(insert, Seen)
            self._count(insert)
        super()._insert_step(insert, what)

    def _end(self, insert: Insert) -> None:
        assert isinstance(insert, Seen)
        insert.has_begun, insert.writes_to, insert.is_awaited = False, -1, False
        super()._end(insert)

    def _count(self, insert: Seen) -> None:
        """The view gets the rows, whatever the table in front of it knew already."""
        table, token = insert.writes_to, (insert.batch.token, insert.writes_to)
        if table < 0 or token in self.deploy.tokens:
            return
        tables = list(self.deploy.tables)
        tables[table] = (*tables[table], *insert.batch.offsets)
        self.deploy = replace(self.deploy, tables=tuple(tables), tokens=self.deploy.tokens | {token})

    # The deploy.

    def _may_go_on(self) -> bool:
        waits = self.deploy.next in (Next.AWAIT, Next.AWAIT_AGAIN, Next.AWAIT_BEGUN, Next.AWAIT_LAST)
        return not waits or not any(insert.is_awaited for insert in self._seen())

    def _deploy(self) -> None:
        deploy, rules = self.deploy, self.cut_rules
        match deploy.next:
            case Next.CLOSE | Next.CLOSE_AGAIN:
                self._close()
            case Next.SETTLE if rules.settles_first and self._half_stored():
                self.deploy = replace(deploy, is_closed=False, next=Next.CLOSE)
            case Next.SETTLE_AGAIN if rules.settles_second and self._half_stored():
                self.deploy = replace(deploy, is_closed=False, next=Next.CLOSE_AGAIN)
            case Next.MAKE:
                self._go(has_view=True)
            case Next.CLONE:
                self._go(clone=tuple(sorted(self.tables.stored)))
            case Next.NOTE:
                self._note()
            case Next.OPEN | Next.OPEN_LAST:
                self._go(is_closed=False)
            case Next.FILL:
                self._go(pieces=deploy.clone or ())
            case Next.EXCHANGE:
                self._go(tables=(*deploy.tables, (*deploy.pieces, *deploy.tables[-1])))
                self._await_those_that_run(rules.waits_before_opening)
            case _:
                self._go()

    def _go(self, **changes: object) -> None:
        self.deploy = replace(self.deploy, next=Next(self.deploy.next + 1), **changes)  # type: ignore[arg-type]  # fields

    def _close(self) -> None:
        record = parse_record(self.committed[1], self.committed[0])
        cuts = record.progress["events"].cuts if record is not None else ()
        self._go(is_closed=True, recorded=frozenset(batch_of(cut).token for cut in cuts))
        self._await_those_that_run(True)

    def _note(self) -> None:
        self._go(is_noted=True)
        self._await_those_that_run(self.cut_rules.waits_before_opening)

    def _await_those_that_run(self, waits: bool) -> None:
        for insert in self._seen():
            insert.is_awaited = waits and (insert.has_begun or insert.at > At.SENT)

    def _half_stored(self) -> bool:
        record = parse_record(self.committed[1], self.committed[0])
        cuts = record.progress["events"].cuts if record is not None else ()
        stored = set(self.tables.stored)
        left = [batch for batch in map(batch_of, cuts) if batch.token in self.deploy.recorded]
        return any(not self.rules.keeps_offsets or stored & set(batch.offsets) for batch in left)

    def _die(self) -> None:
        """The next deploy begins: it undoes a cut that is not written down, behind a closed door, and goes on from one
        that is. What was exchanged is known by the table itself."""
        deploy = replace(self.deploy, deaths=self.deploy.deaths - 1)
        is_exchanged = len(deploy.tables) > 1
        if is_exchanged:
            self.deploy = replace(deploy, next=Next.AWAIT_LAST, is_closed=True)
            self._await_those_that_run(True)
        elif deploy.is_noted:
            self.deploy = replace(deploy, next=Next.AWAIT_BEGUN, is_closed=True)
            self._await_those_that_run(True)
        elif not self.cut_rules.undoes_what_is_not_noted:
            self.deploy = replace(deploy, next=Next.AWAIT_BEGUN, is_noted=True, clone=tuple(sorted(self.tables.stored)))
        else:
            self.deploy = replace(deploy, next=Next.CLOSE, has_view=False, clone=None)
