"""What one consumer reads, and under which group."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ingest_worker.takeover.partition import Reset
from service.kafka.topics import TopicFacts


@dataclass(frozen=True, slots=True)
class Subscription:
    """`topics` are those that are subscribed to, None for one that does not exist; `resets` say where a group without
    an offset begins; `config` is librdkafka's; `made_again` names the topics of which the group loaded a former one."""

    group: str
    topics: Mapping[str, TopicFacts | None]
    resets: Mapping[str, Reset]
    config: Mapping[str, Any]
    made_again: Collection[str] = ()
    wants_keys: bool = False
    wants_headers: bool = False

    @property
    def only_topic(self) -> str | None:
        """The topic that all messages are of, where there is but one."""
        return next(iter(self.topics)) if len(self.topics) == 1 else None
