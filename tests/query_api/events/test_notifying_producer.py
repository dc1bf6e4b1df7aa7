"""A producer that notifies of what the broker acknowledged."""

from __future__ import annotations

import pytest

from query_api.errors import Unavailable
from query_api.events.delivery import Delivered
from query_api.events.notifying_producer import NotifyingProducer
from tests.query_api.fakes import FakeBroker


async def test_somebody_is_notified_of_what_is_acknowledged() -> None:
    deliveries: list[object] = []
    broker = FakeBroker()
    producer = NotifyingProducer(broker, lambda *delivery: deliveries.append(delivery))
    delivered = await producer.produce("clicks", [b"{}", b"{}"], limit=9)
    assert delivered == Delivered({3: range(0, 2)}, 1_700_000_000_000)
    assert deliveries == [("clicks", {3: range(0, 2)})]
    broker.error = Unavailable("no")
    with pytest.raises(Unavailable):
        await producer.produce("clicks", [b"{}"], limit=9)
    assert len(deliveries) == 1


async def test_whatever_else_is_asked_is_the_producers_to_say() -> None:
    broker = FakeBroker(trouble="none may write", is_alive=False)
    producer = NotifyingProducer(broker, lambda *_: None)
    assert (producer.trouble, producer.is_alive) == ("none may write", False)
    await producer.close(1)
    assert broker.is_closed
