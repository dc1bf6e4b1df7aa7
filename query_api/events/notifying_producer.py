"""A producer that notifies somebody else of where the broker stored what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from query_api.events.delivery import Delivered
from query_api.events.producer import EventProducer

OnDelivered = Callable[[str, Mapping[int, Sequence[int]]], None]
"""Is given a topic, and the offsets of what it acknowledged by partition; called on the event loop."""


@dataclass(frozen=True, slots=True)
class NotifyingProducer:
    """The `EventProducer` of which it is made, which calls `on_delivered` before whoever produced is answered."""

    producer: EventProducer
    on_delivered: OnDelivered

    @property
    def trouble(self) -> str | None:
        return self.producer.trouble

    @property
    def is_alive(self) -> bool:
        return self.producer.is_alive

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> Delivered:
        delivered = await self.producer.produce(topic, documents, limit=limit)
        self.on_delivered(topic, delivered.offsets)
        return delivered

    async def close(self, seconds: float) -> None:
        await self.producer.close(seconds)
