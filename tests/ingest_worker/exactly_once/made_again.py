"""One partition of a topic that is deleted and made again: what its worker reads, asks, records and sends.

The decisions are the worker's own (`PartitionQueue`, `Record`, `recorded_start`). Around them stand a broker that knows
the topic by its name alone, as Kafka's consumer does, and answers a question for its id at a moment of its own; and a
ClickHouse whose inserts arrive late. Fence and scan are taken as done in one step: `world.py` has every order of those.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace

from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.batch import Batch, Limits, Origin
from ingest_worker.storing.fence.recovery import recorded_start
from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Record, ResumePoint, parse_record

LENGTHS = {"X": 2, "Y": 3}
"""How many messages the topic holds under each id: the new one is soon longer than the old position."""
LIMITS = Limits(rows=2, payload_bytes=1000, seconds=1.0)


@dataclass(frozen=True)
class Rules:
    """What protects, and what the broker does. The tests switch each protection off."""

    asks: bool = True
    asks_after_reading: bool = True  # an answer counts from when it was asked for, not from when it comes
    compares_record: bool = True  # an offset whose record is of another topic is none
    forgets_offsets: bool = True  # the broker drops the group's offsets with the topic


@dataclass(frozen=True)
class Budget:
    made_again: int = 1
    crashes: int = 1


@dataclass(frozen=True)
class Insert:
    life: int
    batch: Batch


@dataclass(frozen=True)
class Question:
    asked_at: int
    answer: str = ""


@dataclass
class MadeAgain:
    """The whole world: one worker, whose lives follow each other."""

    rules: Rules
    budget: Budget
    now: int = 0
    topic: str = "X"  # the id that the name stands for
    committed: tuple[int, str] | None = None
    life: int = 0
    believed: str = ""  # the id that this life began with
    queue: PartitionQueue | None = None
    next_offset: int = 0
    own_commit: tuple[int, str] | None = None
    question: Question | None = None
    read: dict[tuple[int, int], str] = field(default_factory=dict)  # by life and offset, what it really was of
    inserts: list[Insert] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    stored: list[tuple[str, str, int]] = field(default_factory=list)  # under which id, really of which, offset

    def copy(self) -> MadeAgain:
        return replace(
            self,
            queue=pickle.loads(pickle.dumps(self.queue, protocol=5)),
            read=dict(self.read),
            inserts=list(self.inserts),
            stored=list(self.stored),
            tokens=set(self.tokens),
        )

    def key(self) -> object:
        """Equal for worlds that cannot be told apart from here on: of moments only their order counts."""
        queue, question = self.queue, self.question
        held = queue and (
            queue.mark.position,
            tuple(queue.present.firsts),
            tuple((tuple(part.offsets), part.cut) for part in queue.waiting),
            tuple(queue.plan),
            tuple(batch.token for batch in queue.sealed),
            tuple(at <= queue.confirmed_at for at in queue.sealed_at),
            question and tuple(at <= question.asked_at for at in queue.sealed_at),
            queue.sending and queue.sending.token,
            queue.on_record,
        )
        inserts = sorted((self.life - insert.life, insert.batch.token) for insert in self.inserts)
        read = tuple((offset, topic) for (life, offset), topic in self.read.items() if life == self.life)
        asked = question and question.answer
        state = (self.topic, self.committed, self.believed, self.next_offset, self.own_commit, asked)
        return (
            astuple(self.budget),
            state,
            held,
            tuple(inserts),
            read,
            tuple(sorted(self.stored)),
            frozenset(self.tokens),
        )

    # What may happen next.

    def steps(self) -> Iterator[str]:
        if self.budget.made_again:
            yield "topic_is_made_again"
        yield from (f"insert_lands {number}" for number in range(len(self.inserts)))
        if not self.believed:
            yield "describes"
        elif self.queue is None:
            yield "joins"
        else:
            yield from self._steps_of(self.queue)
        if self.believed and self.budget.crashes:
            yield "crashes"

    def _steps_of(self, queue: PartitionQueue) -> Iterator[str]:
        if self.next_offset < LENGTHS[self.topic]:
            yield "reads"
        if queue.may_seal:
            yield "records"
        if self._commit_of(queue) != self.own_commit:
            yield "commits"
        if self.rules.asks and self.question is None and (queue.is_unconfirmed or self.topic != self.believed):
            yield "asks"
        if self.question is not None:
            yield "hears" if self.question.answer else "broker_answers"

    def take(self, step: str) -> None:
        name, _, number = step.partition(" ")
        self.now += 1
        getattr(self, f"_{name}")(*([int(number)] if number else []))

    def _topic_is_made_again(self) -> None:
        self.budget = replace(self.budget, made_again=self.budget.made_again - 1)
        self.topic = "Y"
        if self.rules.forgets_offsets:
            self.committed = None

    def _crashes(self) -> None:
        self.budget = replace(self.budget, crashes=self.budget.crashes - 1)
        self._leave()

    def _leave(self) -> None:
        self.believed, self.queue, self.question, self.own_commit = "", None, None, None

    def _describes(self) -> None:
        self.life += 1
        self.believed = self.topic

    def _joins(self) -> None:
        """Begin where the group's offset says, and leave out what is stored. No insert of a former life lands later."""
        self.own_commit = self.committed
        position, record = 0, None
        if self.committed is not None:
            position, record = self.committed[0], parse_record(self.committed[1], self.committed[0])
            if self.rules.compares_record and record is not None and record.topic_id != self.believed:
                position, record, self.own_commit = 0, None, None
        start = recorded_start("events", position, record)
        seen = [(offset, offset) for under, _, offset in self.stored if under == self.believed]
        origin = Origin("events", "topic", self.believed, 0)
        self.queue = PartitionQueue.starting(
            origin, self.life, ResumePoint(start.position, start.cuts, OffsetRanges.of(seen))
        )
        self.next_offset = position

    def _reads(self) -> None:
        assert self.queue is not None
        self.read[self.life, self.next_offset] = self.topic
        self.queue.add(Run("topic", 0, [b"v"], [self.next_offset], [1_000], payload_bytes=1), LIMITS, now=0.0)
        self.next_offset += 1

    def _records(self) -> None:
        assert self.queue is not None
        self.queue.seal(self.now)
        if not self.rules.asks:
            self.queue.confirmed_at = self.now
        self._commits()

    def _commits(self) -> None:
        assert self.queue is not None
        self.committed = self.own_commit = self._commit_of(self.queue)
        self.queue.on_record = frozenset(self.queue.cuts)
        self._send()

    def _asks(self) -> None:
        self.question = Question(self.now)

    def _broker_answers(self) -> None:
        assert self.question is not None
        self.question = replace(self.question, answer=self.topic)

    def _hears(self) -> None:
        assert self.question is not None
        assert self.queue is not None
        if self.question.answer != self.believed:
            self._leave()
            return
        self.queue.confirmed_at = self.question.asked_at if self.rules.asks_after_reading else self.now
        self.question = None
        self._send()

    def _send(self) -> None:
        if self.queue is not None and self.queue.next_to_send is not None:
            self.inserts.append(Insert(self.life, self.queue.send()))

    def _insert_lands(self, number: int) -> None:
        insert = self.inserts.pop(number)
        if insert.life != self.life:
            return  # the fence, which a life writes before it looks at what is stored
        under = insert.batch.origin.topic_id
        if insert.batch.token not in self.tokens:
            self.tokens.add(insert.batch.token)
            self.stored += [(under, self.read[insert.life, offset], offset) for offset in insert.batch.offsets]
        if self.queue is not None and self.queue.sending is not None:
            self.queue.stored(self.queue.sending)
            self._send()

    def _commit_of(self, queue: PartitionQueue) -> tuple[int, str]:
        return queue.record.position, Record(self.believed, {"events": queue.record}).encode(queue.record.position)

    # What must hold.

    def wrong(self) -> str:
        """At every moment."""
        for under, really, offset in self.stored:
            if under != really:
                return f"offset {offset} of {really} is stored under {under}"
        if len(set(self.stored)) < len(self.stored):
            return "something is stored twice"
        return ""

    def unfinished(self) -> str:
        """When nothing more can happen."""
        missing = [
            offset for offset in range(LENGTHS[self.topic]) if (self.topic, self.topic, offset) not in self.stored
        ]
        if missing:
            return f"{missing} of {self.topic} are never stored"
        record = parse_record(self.committed[1], self.committed[0]) if self.committed is not None else None
        is_done = record is not None and (record.topic_id, self.committed) == (self.topic, self.own_commit)
        return "" if is_done and self.next_offset == LENGTHS[self.topic] else "the group does not end with this topic"
