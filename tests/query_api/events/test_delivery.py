"""What becomes of the documents of one request, report by report."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from query_api.errors import BadRequest, RequestError, TooLarge, Unavailable
from query_api.events.delivery import Delivered, Delivery, Outcome, delivery_of

TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT, "timed out")


@dataclass(frozen=True)
class Report:
    """A message as its delivery report has it."""

    number: int
    place: int | None
    milliseconds: int = 5
    document: bytes = b"{}"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int | None:
        return self.place

    def timestamp(self) -> tuple[int, int]:
        return 1, self.milliseconds

    def value(self) -> bytes:
        return self.document


def of(*reports: tuple[KafkaError | None, Report], refused: int = 0) -> Outcome:
    """What a delivery of these reports ends with."""
    loop = asyncio.new_event_loop()
    ended: deque[Delivery] = deque()
    delivery = delivery_of(len(reports) + refused, 9, loop.create_future(), ended)
    for error, report in reports:
        assert not ended
        delivery.report(error, cast("Message", report))
    if refused:
        delivery.refuse(refused, "the queue is full")
    ended.popleft().finish()
    outcome = delivery.done.result()
    loop.close()
    return outcome


def test_offsets_and_the_earliest_time_are_kept() -> None:
    outcome = of((None, Report(0, 7, 9)), (None, Report(1, 3, 4)), (None, Report(0, 8, 6)))
    assert outcome == Outcome(Delivered({0: [7, 8], 1: [3]}, 4), [])


def test_the_last_answer_ends_it_also_when_it_is_a_refusal() -> None:
    outcome = of((None, Report(0, 7)), refused=2)
    assert (outcome.stored.offsets, outcome.error) == ({0: [7]}, "the queue is full")


def test_documents_that_are_too_large_together_are_kept_in_their_order() -> None:
    outcome = of((TOO_LARGE, Report(0, None, document=b"a")), (TOO_LARGE, Report(0, None, document=b"b")))
    assert (outcome.too_large, outcome.error) == ([b"a", b"b"], None)


@pytest.mark.parametrize("others", [(), ((None, Report(0, 8)),)], ids=["one document", "two documents"])
@pytest.mark.parametrize(
    ("error", "report", "expected"),
    [
        (None, Report(1, 7, 9), Outcome(Delivered({1: [7]}, 9), [])),
        (None, Report(1, None), Outcome(Delivered({}, 0), [], "an acknowledgement came without its offset")),
        (TOO_LARGE, Report(1, None, document=b"a"), Outcome(Delivered({}, 0), [b"a"])),
        (TIMED_OUT, Report(1, None), Outcome(Delivered({}, 0), [], TIMED_OUT)),
    ],
)
def test_an_answer_means_the_same_whether_there_are_more(
    others: tuple[tuple[None, Report], ...], error: KafkaError | None, report: Report, expected: Outcome
) -> None:
    outcome = of((error, report), *others)
    stored = expected.stored + (Delivered({0: [8]}, 5) if others else Delivered({}, 0))
    assert {number: list(each) for number, each in outcome.stored.offsets.items()} == stored.offsets
    assert outcome.stored.earliest == stored.earliest
    assert (list(outcome.too_large), outcome.error) == (expected.too_large, expected.error)


def test_one_document_that_is_not_taken_has_ended_at_once() -> None:
    outcome = of(refused=1)
    assert (dict(outcome.stored.offsets), list(outcome.too_large), outcome.error) == ({}, [], "the queue is full")


@pytest.mark.parametrize("documents", [1, 2])
def test_nobody_is_told_who_has_left(documents: int) -> None:
    loop = asyncio.new_event_loop()
    ended: deque[Delivery] = deque()
    delivery = delivery_of(documents, 9, loop.create_future(), ended)
    delivery.done.cancel()
    for place in range(documents):
        delivery.report(None, cast("Message", Report(0, place)))
    ended.popleft().finish()
    assert delivery.done.cancelled()
    loop.close()


def test_an_acknowledgement_without_an_offset_is_none() -> None:
    assert of((None, Report(0, None))).error == "an acknowledgement came without its offset"


@pytest.mark.parametrize(
    ("error", "answer", "words"),
    [
        (KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), TooLarge, "larger than Kafka takes"),
        (KafkaException(KafkaError(KafkaError.INVALID_RECORD)), BadRequest, "without a key"),
        (KafkaError(KafkaError._PURGE_QUEUE), Unavailable, "not acknowledge the events: no rights"),
        (KafkaError(KafkaError._MSG_TIMED_OUT, "timed out"), Unavailable, "not acknowledge the events: timed out"),
    ],
)
def test_a_failure_says_what_helps_and_what_was_stored(error: object, answer: type[RequestError], words: str) -> None:
    failure = Outcome(Delivered({0: [7]}, 5), [], error).failure(3, "no rights")
    assert isinstance(failure, answer)
    assert words in failure.message
    assert "1 of 3 events were stored" in failure.message


def test_deliveries_add_up() -> None:
    assert Delivered({0: [1]}, 5) + Delivered({0: [2], 1: [9]}, 3) == Delivered({0: [1, 2], 1: [9]}, 3)
    assert Delivered({}, 0) + Delivered({0: [1]}, 3) == Delivered({0: [1]}, 3)
