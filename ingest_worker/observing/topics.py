"""What becomes of the topics that are read."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter


@dataclass(frozen=True, slots=True)
class TopicCreated(Observation):
    log = Line(logging.INFO, "created topic")
    metrics = Without("it happens at the first start alone")

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class TopicReplaced(Observation):
    """A topic was deleted and made again: it is loaded from its beginning, under its new id."""

    log = Line(logging.WARNING, "topic was made again, loading the new one from its beginning")
    metrics = (Counter("topics_replaced", "Topics that were deleted and made again.", ("group",)).inc(),)

    group: str
    topic: str
    former_id: str
    topic_id: str


@dataclass(frozen=True, slots=True)
class TopicGone(Observation):
    """A topic was deleted: nothing of it is read until it is made again. The others go on."""

    log = Line(logging.ERROR, "topic was deleted, nothing of it is read until it is made again")
    metrics = (Counter("topics_gone", "Topics that were deleted under the worker.", ("group",)).inc(),)

    group: str
    topic: str
