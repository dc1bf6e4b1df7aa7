"""What the parts of one consumer share."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_worker.context import Context
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.source.membership import Membership
from ingest_worker.pipeline.source.subscription import Subscription
from ingest_worker.watching.topic_watch import TopicWatch


@dataclass(frozen=True, slots=True)
class Session:
    """From joining the group to leaving it. `watch`, which others run, says when topics are no longer what they were,
    and is asked to look at those of which batches wait to be sent."""

    context: Context
    subscription: Subscription
    assignment: Assignment
    watch: TopicWatch
    membership: Membership
