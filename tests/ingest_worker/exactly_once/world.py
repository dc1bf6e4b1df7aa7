"""One partition, two workers, a broker and ClickHouse, as small as they can be and still go wrong in every way.

The decisions are the worker's own (`PartitionQueue`, `Record`, `recorded_start`, `recovered`, `next_step`); around them
stand a broker that knows one generation, and a ClickHouse whose inserts arrive late, land table partition by table
partition, and stop anywhere. Each step is one that the real parts could take next, whatever the others do meanwhile.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from typing import Self

from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.fence.recovery import (
    PATIENCE_SECONDS,
    AwaitStep,
    Fenced,
    Quiet,
    next_step,
    recorded_start,
    recovered,
)
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Record, parse_record
from tests.ingest_worker.exactly_once.parts import (
    FED,
    LIMITS,
    MESSAGES,
    ORIGIN,
    At,
    Budget,
    Insert,
    Rules,
    Stage,
    Worker,
    batch_of,
    run_of,
    worker_key,
)
from tests.ingest_worker.exactly_once.tables import Tables


@dataclass
class World:
    rules: Rules
    budget: Budget
    workers: dict[str, Worker] = field(default_factory=lambda: {"A": Worker(), "B": Worker()})
    member: str = ""  # whose the partition is as far as the group is concerned
    committed: tuple[int, str] = (0, "")  # the group's offset and its metadata
    fence: int = 0
    owners: int = 0
    inserts: list[Insert] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)

    def copy(self) -> Self:
        return replace(
            self,
            workers={name: replace(worker) for name, worker in self.workers.items()},
            inserts=[replace(insert) for insert in self.inserts],
            tables=self.tables.copy(),
        )

    def key(self) -> object:
        """Equal for worlds that cannot be told apart from here on."""
        owners = sorted(
            {self.fence, *(worker.owner for worker in self.workers.values()), *(i.owner for i in self.inserts)}
        )
        rank = {owner: number for number, owner in enumerate(owners)}
        return (
            astuple(self.budget),
            self.member,
            self.committed,
            rank[self.fence],
            tuple((rank[worker.owner], worker_key(worker)) for worker in self.workers.values()),
            tuple(sorted((self._is_current(i), i.worker, rank[i.owner], i.batch.token, i.at) for i in self.inserts)),
            self.tables.key(),
        )

    def wrong(self) -> str:
        """What must hold at every moment: what does not; empty when all does."""
        if doubled := self.tables.doubled():
            return doubled
        missing = set(range(self.committed[0])) - set(self.tables.stored)
        return f"{sorted(missing)} are committed and not stored" if missing else ""

    def unfinished(self) -> str:
        """What must hold when nothing more can happen."""
        if lacking := self.tables.lacking():
            return lacking
        if self.committed[0] != MESSAGES:
            return f"the group stays at {self.committed[0]}"
        return "" if self.workers[self.member].stage is Stage.OPEN else "nobody owns the partition"

    # What may happen next.

    def steps(self) -> Iterator[str]:
        """The names of all steps that can be taken now."""
        if self.budget.moves or not self._has_owner():
            yield from (f"move to {name}" for name in self.workers if name != self.member or not self._has_owner())
        if self.budget.forgotten and self._tokens_to_forget():
            yield "table forgets tokens"
        if (
            self.budget.resets
            and not self._has_owner()
            and not self.inserts
            and sorted(self.tables.stored) == sorted(self.tables.rolled)
        ):
            yield "group is reset"
        for name, worker in self.workers.items():
            yield from (f"{name} {what}" for what in self._steps_of(name, worker))
        for number, insert in enumerate(self.inserts):
            yield f"insert {number} goes on"
            if self.budget.failures and insert.at >= At.ADMITTED:
                yield f"insert {number} fails"
            if self.budget.failures and insert.at == At.WHOLE:
                yield f"insert {number} loses its answer"

    def _has_owner(self) -> bool:
        return bool(self.member) and self.workers[self.member].stage != Stage.OUT

    def _steps_of(self, name: str, worker: Worker) -> Iterator[str]:
        if self.budget.crashes and worker.stage != Stage.OUT:
            yield "crashes"
        match worker.stage:
            case Stage.ASSIGNED:
                yield "fences"
            case Stage.FENCED:
                yield "awaits"
            case Stage.QUIET:
                yield "opens"
            case Stage.OPEN:
                yield from self._steps_of_queue(worker)

    def _steps_of_queue(self, worker: Worker) -> Iterator[str]:
        queue = worker.queue
        assert queue is not None
        if queue.may_seal:
            yield "records"
        if self._commit_of(worker) != worker.committed:
            yield "commits"

    # Taking a step.

    def take(self, step: str) -> None:
        subject, _, rest = step.partition(" ")
        if subject == "move":
            self._move(rest.removeprefix("to "))
        elif rest == "forgets tokens":
            self.budget = replace(self.budget, forgotten=self.budget.forgotten - 1)
            self.tables.tokens -= self._tokens_to_forget()
        elif rest == "is reset":
            self.budget = replace(self.budget, resets=self.budget.resets - 1)
            self.committed = (0, "")
        elif subject == "insert":
            number, _, what = rest.partition(" ")
            insert = self.inserts[int(number)]
            self._own_queue(insert.worker)
            self._insert_step(insert, what)
        else:
            self._own_queue(subject)
            getattr(self, f"_{rest}")(subject, self.workers[subject])

    def _tokens_to_forget(self) -> set[tuple[str, int]]:
        """All but those of batches on record, which a takeover completes before so many inserts have come."""
        record = parse_record(self.committed[1], self.committed[0])
        cuts = record.progress["events"].cuts if record is not None else ()
        kept = {batch_of(cut).token for cut in cuts}
        return {(token, place) for token, place in self.tables.tokens if token not in kept}

    def _own_queue(self, name: str) -> None:
        """Lanes are shared with the world that this one was copied from, but for the one that the step changes."""
        worker = self.workers[name]
        worker.queue = pickle.loads(pickle.dumps(worker.queue, protocol=5))

    def _move(self, name: str) -> None:
        """The group gives the partition to a worker. A former owner learns of it by a refusal, or never."""
        if self._has_owner():
            self.budget = replace(self.budget, moves=self.budget.moves - 1)
        self.member = name
        position, metadata = self.committed
        record = parse_record(metadata, position) if self.rules.record else None
        worker = self.workers[name]
        self.workers[name] = Worker(
            life=worker.life,
            stage=Stage.ASSIGNED,
            start=recorded_start("events", position, record),
            next_offset=position,
            committed=self.committed,
        )

    def _crashes(self, name: str, worker: Worker) -> None:
        self.budget = replace(self.budget, crashes=self.budget.crashes - 1)
        self.workers[name] = Worker(life=worker.life + 1)

    def _fences(self, name: str, worker: Worker) -> None:
        self.owners += 1
        worker.owner = self.fence = self.owners
        worker.stage = Stage.FENCED

    def _awaits(self, name: str, worker: Worker) -> None:
        running = [insert for insert in self.inserts if insert.at >= At.ADMITTED]
        if self.rules.waits and next_step(len(running), PATIENCE_SECONDS) is AwaitStep.KILL:
            for insert in running:
                self._end(insert)
        worker.stage = Stage.QUIET

    def _opens(self, name: str, worker: Worker) -> None:
        """Scan and resume. After `awaits` nothing that the scan would see can change; without it, it may."""
        sees = self.rules.scan and self.rules.keeps_offsets
        seen = {offset for offset in self.tables.stored if offset >= worker.start.position} if sees else set()
        present = {FED: OffsetRanges.of((offset, offset) for offset in seen)}
        found = recovered(Quiet(Fenced(worker.owner)), {FED: worker.start}, present)
        worker.queue = PartitionQueue.starting(ORIGIN, found.owner, found.starts[FED])
        worker.queue.confirmed_at = 0.0  # the topic stays what it is: `made_again.py` has the other case
        worker.stage = Stage.OPEN
        # What is read and not sealed is nobody else's business, so that reading at once leaves no order out.
        for offset in range(worker.next_offset, MESSAGES):
            worker.queue.add(run_of(offset), LIMITS[name], now=0.0)
        self._send(name, worker)

    def _records(self, name: str, worker: Worker) -> None:
        """Cut the next batch and commit with it on record: nobody else could see the one without the other."""
        assert worker.queue is not None
        batch = worker.queue.seal(0.0)
        if not self.rules.commits_after_insert:
            worker.queue.mark.stored(batch.first_offset, batch.last_offset)
        self._commits(name, worker)

    def _commits(self, name: str, worker: Worker) -> None:
        if self.member != name and self.rules.group_refuses_former_members:
            self._leave(worker)
            return
        queue = worker.queue
        assert queue is not None
        self.committed = worker.committed = self._commit_of(worker)
        queue.on_record = frozenset(queue.cuts)
        self._send(name, worker)

    def _send(self, name: str, worker: Worker) -> None:
        """An inserter takes what is due at once; how long it takes on its way is the insert's matter."""
        queue = worker.queue
        if queue is not None and queue.next_to_send is not None:
            self.inserts.append(Insert(name, worker.life, worker.owner, queue.send()))

    def _insert_step(self, insert: Insert, what: str) -> None:
        if what == "goes on":
            self._go_on(insert)
            return
        self.budget = replace(self.budget, failures=self.budget.failures - 1)
        if what == "loses its answer":
            self.tables.store(insert, knows_tokens=self.rules.token)
        self._end(insert)

    def _go_on(self, insert: Insert) -> None:
        worker = self.workers[insert.worker]
        if insert.at == At.SENT and self.rules.fence and self.fence != insert.owner:
            self.inserts.remove(insert)
            if self._is_current(insert):
                self._leave(worker)
            return
        self.tables.store(insert, knows_tokens=self.rules.token)
        if insert.at == At.DONE:
            self.inserts.remove(insert)
            if self._is_current(insert):
                self._answer(worker, insert)

    def _answer(self, worker: Worker, insert: Insert) -> None:
        assert worker.queue is not None
        if self.rules.commits_after_insert:
            worker.queue.stored(insert.batch)
        else:
            worker.queue.sending = None
            worker.queue.cuts.popleft()
        self._send(insert.worker, worker)

    def _end(self, insert: Insert) -> None:
        """An insert ends without an answer, wherever it is. Its worker, if it is still there, sends it again."""
        self.inserts.remove(insert)
        if self._is_current(insert):
            self.inserts.append(replace(insert, at=At.SENT, filled=0))

    def _leave(self, worker: Worker) -> None:
        worker.stage, worker.queue, worker.owner = Stage.OUT, None, 0

    def _is_current(self, insert: Insert) -> bool:
        worker = self.workers[insert.worker]
        is_same = worker.life == insert.life and worker.owner == insert.owner
        return is_same and worker.queue is not None and worker.queue.sending is not None

    def _commit_of(self, worker: Worker) -> tuple[int, str]:
        assert worker.queue is not None
        record = worker.queue.record
        metadata = Record("id", {"events": record}).encode(record.position) if self.rules.record else ""
        return record.position, metadata
