"""What stands for Kafka where a test has none: nothing can be sent, and nothing is missed."""

# ruff: noqa: ARG002 -- the API's protocols say what is given
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from query_api.errors import Unavailable


class NoBroker:
    """Producer, topics and committed offsets of the API's servers."""

    trouble: str | None = None
    is_alive = True

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> NoReturn:
        raise _refusal()

    async def limits(self, topic: str, *, is_fresh: bool = False) -> NoReturn:
        raise _refusal()

    async def read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        return {}

    async def refresh(self) -> None:
        return None

    async def close(self, seconds: float) -> None:
        return None


def _refusal() -> Unavailable:
    return Unavailable("a test has no Kafka: put events into a fixture")
