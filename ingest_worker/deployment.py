"""Whether ClickHouse holds the project's schema when the worker starts, and what is done about it."""

from __future__ import annotations

import logging
import threading
from contextlib import closing

from clickhouse_connect.driver.client import Client

from ingest_worker.context import Context
from ingest_worker.errors import ReplicatedTablesError
from ingest_worker.observing.observations import Observer
from ingest_worker.observing.schema import SchemaApplied, SchemaDiffers
from ingest_worker.observing.servers import ServerAwaited
from ingest_worker.storing.sink import short_message
from schemas.model import Project
from service.backoff import Backoff
from service.deployment.apply import apply
from service.deployment.door import OpenRecords
from service.deployment.plan import Plan, read_plan
from service.errors import RefusedPlanError, RefusedStatementError, UnsettledError

_BACKOFF = Backoff(first=0.5, longest=5.0)
logger = logging.getLogger(__name__)


def ensure_deployed(
    context: Context,
    project: Project,
    stop: threading.Event,
    *,
    may_apply: bool,
    records: OpenRecords | None = None,
) -> str:
    """Compare the deployed schema with the project's; apply what is missing when `may_apply` and it only adds.

    Waits without end, saying so, for a server that cannot be reached, until `stop`. A schema that differs is said
    with the command to run; the worker goes on all the same, as most differences do not concern it, and an insert
    that finds no table is repeated until there is one. Gives what ClickHouse refused of it, empty when nothing was.
    `records` as for `apply`. Raises `ReplicatedTablesError` unless the settings say that all workers reach the same
    replica.
    """
    failures = 0
    refusal = ""
    while not stop.is_set():
        try:
            with closing(context.connect()) as client:
                plan = read_plan(client, project, context.database)
                for warning in plan.warnings:
                    logger.warning(warning)
                if not plan.is_empty:
                    refusal = _settle(client, plan, context.observe, records, may_apply=may_apply)
                if not context.settings.pinned_replica:
                    _refuse_replicas(client, context.database)
            return refusal
        except ReplicatedTablesError:
            raise
        except Exception as error:
            failures += 1
            delay = _BACKOFF.delay(failures)
            context.observe(ServerAwaited("clickhouse", short_message(error), delay))
            stop.wait(delay)
    return refusal


def _settle(client: Client, plan: Plan, observe: Observer, records: OpenRecords | None, *, may_apply: bool) -> str:
    if may_apply and plan.only_adds:
        try:
            apply(client, plan, records=records, tell=lambda text: logger.warning(text))
        except (RefusedStatementError, RefusedPlanError, UnsettledError) as error:
            # To try again would change nothing; what the project says besides may work all the same. Batches that are
            # half stored may be this worker's own to complete, which it does only once it runs.
            observe(SchemaDiffers(plan.database, error.message, error.hint))
            return error.message
        observe(SchemaApplied(plan.database, plan.render()))
        return ""
    reason = "the changes do more than add" if may_apply else "or start the worker with DEPLOY_ON_START=true"
    observe(SchemaDiffers(plan.database, plan.render(), f"run `birdhouse deploy` ({reason})"))
    return ""


def _refuse_replicas(client: Client, database: str) -> None:
    """The fence is a Join table, which lives on one server, and a scan sees what one replica has fetched by then."""
    found = client.query(
        "SELECT name, engine FROM system.tables WHERE database = {database:String}"
        " AND (startsWith(engine, 'Replicated') OR startsWith(engine, 'Shared')) ORDER BY name LIMIT 1",
        parameters={"database": database},
    )
    for name, engine in found.result_rows:
        raise ReplicatedTablesError(
            f"error: the table `{name}` of `{database}` is a {engine}: events that one replica takes could be stored"
            " again by a worker that reaches another\n"
            "hint: let all workers reach the same replica by its own address and set"
            " `BIRDHOUSE_INGEST_PINNED_REPLICA=true`, or use tables that are not replicated"
        )
