"""A project with views of many kinds, a simulated worker that sends batches to it again on purpose, and the judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from schemas.own_names import FENCE_TABLE
from schemas.tables.ddl.door import OPEN
from schemas.tables.views.view import TableUse, ViewChanges, ViewShape
from service.deployment.cut.change import change_views, end_former
from service.deployment.door import Door, OpenRecords, Records
from service.deployment.lock import Lock
from tests.schemas.mapping.mapped import Mapped, project_of

WINDOW = 'ENGINE_SETTINGS "non_replicated_deduplication_window=10000"\n'
EVENTS = """\
SCHEMA >
    `id` UInt64 `json:$.id`,
    `kind` String `json:$.kind`,
    `who` String `json:$.who`,
    `at` DateTime `json:$.at`

ENGINE "MergeTree"
ENGINE_PARTITION_KEY "toYYYYMM(at)"
ENGINE_SORTING_KEY "at, id"
"""
TARGETS = {
    "hourly": "SCHEMA >\n    `hour` DateTime,\n    `kind` String,\n    `n` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_PARTITION_KEY "toYYYYMM(hour)"\nENGINE_SORTING_KEY "hour, kind"\n',
    "daily": "SCHEMA >\n    `day` Date,\n    `n` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_SORTING_KEY "day"\n',
    "states": "SCHEMA >\n    `kind` String,\n    `users` AggregateFunction(uniq, String),\n"
    "    `n` AggregateFunction(count),\n    `q` AggregateFunction(quantile(0.9), UInt64)\n\n"
    'ENGINE "AggregatingMergeTree"\nENGINE_SORTING_KEY "kind"\n',
    "latest": "SCHEMA >\n    `who` String,\n    `at` DateTime,\n    `id` UInt64\n\n"
    'ENGINE "ReplacingMergeTree"\nENGINE_VER "id"\nENGINE_SORTING_KEY "who"\n',
    "both": "SCHEMA >\n    `k` String,\n    `n` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_SORTING_KEY "k"\n',
    "through": 'SCHEMA >\n    `id` UInt64,\n    `kind` String\n\nENGINE "Null"\n',
    "passed": "SCHEMA >\n    `id` UInt64,\n    `kind` String\n\n"
    'ENGINE "MergeTree"\nENGINE_SORTING_KEY "id"\n',
    "people": 'SCHEMA >\n    `who` String,\n    `kind` String\n\nENGINE "Join"\nENGINE_JOIN_STRICTNESS "ANY"\n'
    'ENGINE_JOIN_TYPE "LEFT"\nENGINE_KEY_COLUMNS "who"\n',
    "rejects": "SCHEMA >\n    `column` String,\n    `n` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_SORTING_KEY "column"\n',
}  # fmt: skip


def shape(name: str, source: str, target: str, select: str, *, fills: bool = True) -> ViewShape:
    """A view; `{}` in its SELECT is the source."""
    before, after = select.split("{}")
    return ViewShape(name, "node", source, (source,), target, (before, TableUse(source), after), fills)


VIEWS = (
    shape(
        "by_hour",
        "events",
        "hourly",
        "SELECT toStartOfHour(at) AS hour, kind, count() AS n FROM {} GROUP BY hour, kind",
    ),
    shape("by_day", "hourly", "daily", "SELECT toDate(hour) AS day, sum(n) AS n FROM {} GROUP BY day"),
    shape(
        "by_kind",
        "events",
        "states",
        "SELECT kind, uniqState(who) AS users, countState() AS n, quantileState(0.9)(id) AS q FROM {} GROUP BY kind",
    ),
    shape("newest", "events", "latest", "SELECT who, at, id FROM {}"),
    shape("clicks", "events", "both", "SELECT 'click' AS k, count() AS n FROM {} WHERE kind = 'click'"),
    shape("views", "events", "both", "SELECT 'view' AS k, count() AS n FROM {} WHERE kind = 'view'"),
    shape("pass", "events", "through", "SELECT id, kind FROM {}"),
    shape("keep", "through", "passed", "SELECT id, kind FROM {}"),
    shape("person", "events", "people", "SELECT who, min(kind) AS kind FROM {} GROUP BY who"),
    shape(
        "rejected",
        "events_quarantine",
        "rejects",
        "SELECT arrayJoin(c__error_column) AS column, count() AS n FROM {} GROUP BY column",
    ),
)
QUESTIONS = {
    "hourly": (
        "SELECT hour, kind, sum(n) FROM {db}.hourly GROUP BY hour, kind ORDER BY hour, kind",
        "SELECT toStartOfHour(at) AS hour, kind, count() FROM {db}.events GROUP BY hour, kind ORDER BY hour, kind",
    ),
    "daily": (
        "SELECT day, sum(n) FROM {db}.daily GROUP BY day ORDER BY day",
        "SELECT toDate(at) AS day, count() FROM {db}.events GROUP BY day ORDER BY day",
    ),
    "states": (
        "SELECT kind, uniqMerge(users), countMerge(n) FROM {db}.states GROUP BY kind ORDER BY kind",
        "SELECT kind, uniq(who), count() FROM {db}.events GROUP BY kind ORDER BY kind",
    ),
    "latest": (
        "SELECT who, id FROM {db}.latest FINAL ORDER BY who",
        "SELECT who, max(id) FROM {db}.events GROUP BY who ORDER BY who",
    ),
    "both": (
        "SELECT k, sum(n) FROM {db}.both GROUP BY k HAVING sum(n) > 0 ORDER BY k",
        "SELECT kind, count() FROM {db}.events WHERE kind IN ('click', 'view') GROUP BY kind ORDER BY kind",
    ),
    "passed": (
        "SELECT id, kind FROM {db}.passed ORDER BY id",
        "SELECT id, kind FROM {db}.events ORDER BY id",
    ),
    "people": (
        "SELECT who FROM {db}.people ORDER BY who",
        "SELECT DISTINCT who FROM {db}.events ORDER BY who",
    ),
    "rejects": (
        "SELECT column, sum(n) FROM {db}.rejects GROUP BY column ORDER BY column",
        "SELECT arrayJoin(c__error_column) AS column, count() FROM {db}.events_quarantine GROUP BY column"
        " ORDER BY column",
    ),
}
"""Target → what it answers, and the same asked of what it was made of."""


class StoppedError(Exception):
    """The deploy died here."""


class DyingLock(Lock):
    """Lets so many statements through, and then no more. Nobody else deploys."""

    left = 10_000_000
    said: int = 0

    def run(self, statement: str) -> None:
        if self.left <= 0:
            raise StoppedError
        self.left -= 1
        self.said += 1
        super().run(statement)

    def keep(self) -> None:
        return


def message(number: int) -> bytes:
    if number % 97 == 0:
        return b'{"id":"none"}'
    kind = ("view", "click", "buy")[number % 3]
    at = datetime.fromtimestamp(1_790_000_000 + number * 977 % 5_000_000, UTC)
    return f'{{"id":{number},"kind":"{kind}","who":"u{number % 53}","at":"{at:%Y-%m-%d %H:%M:%S}"}}'.encode()


@dataclass
class Scene:
    """The project, deployed with tables and without views."""

    connect: Callable[[], Client]
    database: str
    folder: Path
    events: str = EVENTS
    client: Client = field(init=False)
    mapped: Mapped = field(init=False)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.connect()
        texts = {name: text + (WINDOW if "MergeTree" in text else "") for name, text in TARGETS.items()}
        files = {f"{name}.datasource": text for name, text in {"events": self.events, **texts}.items()}
        files["brokers.connection"] = "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS localhost:9092\n"
        self.mapped = Mapped(self.client, self.database, project_of(self.folder, files))
        self.mapped.deploy()

    @property
    def project(self) -> Project:
        return self.mapped.project

    def send(self, first: int, count: int, token: str = "") -> None:
        """A batch of the worker's, as often as is wanted."""
        messages = [message(number) for number in range(first, first + count)]
        self.mapped.insert("events", messages, first=first, token=token or f"{first}-{count}")

    def change(
        self,
        changes: ViewChanges,
        *,
        views: tuple[ViewShape, ...] = VIEWS,
        records: Records | None = None,
        opened: OpenRecords | None = None,
        statements: int | None = None,
    ) -> int:
        """As a deploy does, which dies after so many statements. How many it took."""
        lock = DyingLock(self.client, self.database)
        lock.left = lock.left if statements is None else statements
        door = Door(self.client, self.database, lock, self.told.append)
        known = opened if records is None else lambda *_: nullcontext(records)
        end_former(door, project=self.project, records=known)
        if self.is_closed():  # the plan of a deploy says so
            door.take("events")
            door.open_after_change("events")
        change_views(
            door,
            project=self.project,
            views=views,
            changes=changes,
            comment_of=lambda view: f"view {view.name}",
            records=known,
        )
        return lock.said

    def is_closed(self) -> bool:
        return self.ask(f"SELECT joinGet({{db}}.{FENCE_TABLE}, 'owner', 'events')") != [(OPEN,)]

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(question.replace("{db}", f"`{self.database}`")).result_rows]

    def wrong(self) -> dict[str, object]:
        """What a target answers, and what it should, where the two differ."""
        found: dict[str, object] = {}
        if not all(
            self.ask(f"SELECT count() > 0 FROM {{db}}.{table}")[0][0] for table in ("events", "events_quarantine")
        ):
            found["events"] = "there are none"
        for target, (question, expected) in QUESTIONS.items():
            got, wanted = self.ask(question), self.ask(expected)
            if got != wanted:
                differing = [pair for pair in itertools.zip_longest(got, wanted) if pair[0] != pair[1]]
                found[target] = (len(got), len(wanted), differing[:3])
        return found

    def tables(self) -> set[str]:
        rows = self.ask(f"SELECT name FROM system.tables WHERE database = '{self.database}'")
        return {str(name) for (name,) in rows}

    def reset(self) -> None:
        """Without views, and with empty tables."""
        for view in VIEWS:
            self.client.command(f"DROP VIEW IF EXISTS `{self.database}`.`{view.name}` SYNC")
        for table in self.tables():
            if table.startswith("deploy_"):
                self.client.command(f"DROP TABLE `{self.database}`.`{table}` SYNC")
        self.empty_targets("events", "events_quarantine")
        self.client.command(f"INSERT INTO `{self.database}`.`{FENCE_TABLE}` VALUES ('events', 0)")

    def empty_targets(self, *others: str) -> None:
        for table in (*others, *TARGETS):
            if table != "through":
                self.client.command(f"TRUNCATE TABLE `{self.database}`.`{table}` SYNC")
