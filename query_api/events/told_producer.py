"""A producer that tells somebody else where the broker stored what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from query_api.events.delivery import Delivered
from query_api.events.producer import EventProducer

Told = Callable[[str, Mapping[int, Sequence[int]]], None]
"""Is given a topic, and the offsets of what it acknowledged by partition; called on the event loop."""


@dataclass(frozen=True, slots=True)
class ToldProducer:
    """The `EventProducer` of which it is made, which calls `told` before whoever produced is answered."""

    producer: EventProducer
    told: Told

    @property
    def trouble(self) -> str | None:
        return self.producer.trouble

    @property
    def is_alive(self) -> bool:
        return self.producer.is_alive

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> Delivered:
        delivered = await self.producer.produce(topic, documents, limit=limit)
        self.told(topic, delivered.offsets)
        return delivered

    async def close(self, seconds: float) -> None:
        await self.producer.close(seconds)
