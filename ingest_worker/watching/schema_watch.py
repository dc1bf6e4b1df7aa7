"""Whether ClickHouse holds what the project says, looked at every minute and after inserts that fail.

A worker whose schema differs is not ready, with the reasons. A data source of which inserts would lose something (a
column or a view is gone, a type is another, tables no longer know a batch that is sent again) is held: nothing of it is
inserted, its messages stay in Kafka, until it is mended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from ingest_worker.context import Context
from ingest_worker.observing.inserts import InsertFailed
from ingest_worker.observing.observations import Observation, report_failure
from ingest_worker.observing.schema import SchemaDiffers, SchemaMatches
from ingest_worker.storing.delivery import Decision
from ingest_worker.storing.sink import short_message
from schemas.model import Project
from schemas.tables.change import Change
from schemas.tables.views.project import NO_VIEWS, views_in
from service.deployment.apply import apply
from service.deployment.cut.change import reopen
from service.deployment.door import Door
from service.deployment.lock import lock
from service.deployment.plan import Plan, read_plan

LOOK_SECONDS = 60.0
MENDED_SECONDS = 2.0
"""Between two looks while something differs: what was mended is seen this fast."""

# After an insert that failed, and that often at most.
_ALARM_SECONDS = 2.0
_MANY_ATTEMPTS = 4
_MOST_REASONS = 10

logger = logging.getLogger(__name__)

Hold = Callable[[str, str | None], None]
"""Tells a data source's inserters why they must not insert, or with None that they may."""


class SchemaWatch:
    """Runs on a thread of its own, from which `hold` is called.

    Landing tables that a deploy left closed when it died are opened, and with `may_apply` its work is ended, as far as
    that only adds.
    """

    def __init__(
        self,
        context: Context,
        project: Project,
        hold: Hold,
        *,
        may_apply: bool = False,
    ) -> None:
        self._connect = context.connect
        self._project = project
        # Those of the project that was looked at last, since it takes a while to compile one.
        self._views_of: Project | None = None
        self._views = NO_VIEWS
        self._database = context.database
        self._observe = context.observe
        self._hold = hold
        self._may_apply = may_apply
        self._clock = clock = context.clock
        self._now = context.now
        self._wake = threading.Event()
        self._is_stopped = False
        self._differences: tuple[str, ...] = ()
        self._held: set[str] = set()
        self._refusal = ""
        self._looked_at = clock()
        self._was_good_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="schema", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._is_stopped or self._thread.is_alive()

    def stop(self) -> None:
        self._is_stopped = True
        self._wake.set()

    def follow(self, project: Project) -> None:
        """Compare with this project from now on."""
        self._project, self._refusal = project, ""
        self._wake.set()

    def refused(self, reason: str) -> None:
        """ClickHouse did not take the project's schema: said beside the differences, as long as there are any."""
        self._refusal = reason

    def differences(self) -> tuple[str, ...]:
        """Why the schema is not the project's, for people; none when it is."""
        return self._differences

    def observe(self, observation: Observation) -> None:
        """To be told of what the worker observes: an insert that somebody must mend is a reason to look."""
        if not isinstance(observation, InsertFailed) or self._clock() - self._looked_at < _ALARM_SECONDS:
            return
        # A door that stays closed, and whatever else does not pass, too.
        if observation.decision == Decision.ALARM.value or observation.attempt >= _MANY_ATTEMPTS:
            self._wake.set()

    def look(self) -> float:
        """Compare once; gives the seconds until the next look."""
        self._looked_at = self._clock()
        project = self._project
        if self._views_of is not project:
            self._views, self._views_of = views_in(project), project
        views = self._views
        try:
            with closing(self._connect()) as client:
                plan = read_plan(client, project, self._database, views)
                if plan.is_locked and not plan.is_empty:
                    return MENDED_SECONDS / 4  # what a deploy is at is no difference yet
                if plan.closed:
                    self._open(client, plan)
                    plan = read_plan(client, project, self._database, views)
        except Exception as error:
            # A server that is away is said by whoever needs it; nothing is known of its schema meanwhile.
            logger.debug("the schema could not be compared", extra={"fields": {"error": short_message(error)}})
            return MENDED_SECONDS
        self._judge(plan)
        return LOOK_SECONDS if plan.is_empty else MENDED_SECONDS

    def _open(self, client: Client, plan: Plan) -> None:
        """Open what a deploy that died left closed, where nothing is lost by it. Views are made and filled by deploys
        alone: they ask the group's records, which nobody does here."""
        if plan.views.is_empty and (plan.only_opens or (self._may_apply and plan.only_adds and not plan.has_leftovers)):
            apply(client, plan)
        elif all(change.opens for change in plan.changes):
            with lock(client, self._database, time.sleep) as held:
                reopen(Door(client, self._database, held, logger.warning), plan.closed)

    def _run(self) -> None:
        while not self._is_stopped:
            try:
                seconds = self.look()
            except Exception as error:
                seconds = MENDED_SECONDS
                report_failure("schema", error, self._observe, seconds)
            self._wake.wait(seconds)
            self._wake.clear()

    def _judge(self, plan: Plan) -> None:
        losing = {name: change for change in plan.differences if change.loses for name in _held_by(change)}
        for name in losing.keys() | self._held:
            # `deploy` is what mends it, unless the change says itself what does.
            change = losing.get(name)
            why = None
            if change is not None:
                hint = change.hint or "run `birdhouse deploy`"
                why = f"nothing is inserted, as it would lose something: `{change.name}`: {change.description} ({hint})"
            self._hold(name, why)
        self._held = set(losing)
        before, self._differences = self._differences, tuple(_reasons(plan, self._refusal))
        if self._differences and self._differences != before:
            self._observe(SchemaDiffers(plan.database, plan.render(), self._hint(losing)))
        elif before and not self._differences:
            self._observe(SchemaMatches(plan.database))
        if plan.is_empty:
            self._was_good_at = datetime.fromtimestamp(self._now(), UTC)

    def _hint(self, losing: Iterable[str]) -> str:
        hint = "run `birdhouse deploy`"
        names = sorted(losing)
        if not names or self._was_good_at is None:
            return hint
        since = f"{self._was_good_at:%Y-%m-%dT%H:%M:%S}"
        commands = ", ".join(f"`birdhouse replay --data-source {name} --since {since} --replace`" for name in names)
        return f"{hint}; what was inserted since {since} may have lost something, which {commands} stores anew"


def _held_by(change: Change) -> Iterable[str]:
    """The data sources into which nothing is inserted until the change is made."""
    return dict.fromkeys(filter(None, (change.data_source, *change.held)))


def _reasons(plan: Plan, refusal: str) -> Iterable[str]:
    if plan.creates_database:
        yield f"schema: there is no database `{plan.database}`: run `birdhouse deploy`"
    for change in plan.differences[:_MOST_REASONS]:
        hint = change.hint or "run `birdhouse deploy`"
        yield f"schema: `{change.name}`: {change.effect.value}: {change.description} ({hint})"
    if len(plan.differences) > _MOST_REASONS:
        yield f"schema: {len(plan.differences) - _MOST_REASONS} more differences: `birdhouse deploy --check` shows them"
    if refusal and not plan.is_empty:
        yield f"schema: {refusal}"
