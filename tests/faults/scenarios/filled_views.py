"""Views that are made and filled under load: deploys die at any of their steps, answers are lost just before a cut."""

from __future__ import annotations

import contextlib
import threading

import clickhouse_connect

from ingest_worker.storing.settled import records_of
from schemas.project import load_project
from schemas.tables.views.view import TableUse, ViewChanges, ViewShape
from service.deployment.cut.change import change_views, end_former
from service.deployment.cut.steps import read_unfinished
from service.deployment.door import Door
from service.deployment.lock import Lock
from service.kafka.config import client_config
from service.settings import ServiceSettings, load_settings
from tests.faults.door import Exchange, only_inserts
from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault

DEATHS = 4
STATEMENTS = 60  # as a deploy of these views takes, about
LOST_SECONDS = 0.6
TARGETS = {
    "datasources/parts.datasource": "SCHEMA >\n    `part` Int32,\n    `events` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_SORTING_KEY "part"\n'
    'ENGINE_SETTINGS "non_replicated_deduplication_window=10000"\n',
    "datasources/all.datasource": "SCHEMA >\n    `name` String,\n    `events` UInt64\n\n"
    'ENGINE "SummingMergeTree"\nENGINE_SORTING_KEY "name"\n'
    'ENGINE_SETTINGS "non_replicated_deduplication_window=10000"\n',
}
FILLED = Setup(files=TARGETS)


class DiedError(Exception):
    """The deploy died here."""


class Mortal(Lock):
    """Dies after so many statements, without giving anything back."""

    left: int | None = None

    def run(self, statement: str) -> None:
        if self.left is not None:
            if self.left <= 0:
                raise DiedError
            self.left -= 1
        super().run(statement)

    def keep(self) -> None:
        """Nobody else deploys here: the next one need not wait until this one is known to be dead."""


def views_of(house: FaultHouse) -> tuple[ViewShape, ...]:
    """A rollup behind the table, and one behind that."""
    name = house.name
    return (
        ViewShape(
            "by_part",
            "node",
            name,
            (name,),
            "parts",
            ("SELECT part, count() AS events FROM ", TableUse(name), " GROUP BY part"),
        ),
        ViewShape(
            "over_all",
            "node",
            "parts",
            ("parts",),
            "all",
            ("SELECT 'all' AS name, sum(events) AS events FROM ", TableUse("parts")),
        ),
    )


def deploy(house: FaultHouse, statements: int | None = None) -> None:
    """As `birdhouse deploy` does once its tables are there. Raises `DiedError` after so many statements."""
    environment = house.environment()
    settings = load_settings(ServiceSettings, environment)
    views = views_of(house)
    records = records_of(lambda connection: client_config(settings, environment, connection=connection))
    known = None if "settled cut" in house.without else records
    client = clickhouse_connect.get_client(dsn=house.url, autogenerate_session_id=False)
    with contextlib.closing(client):
        mortal = Mortal(client, house.name)
        mortal.left = statements
        door = Door(client, house.name, mortal, print)
        project = load_project(house.folder, environment={})
        end_former(door, project=project, records=known)
        there = {str(name) for (name,) in house.sql(f"SELECT name FROM system.tables WHERE database = '{house.name}'")}
        there -= read_unfinished(client, house.name).unmade
        changes = ViewChanges(new=tuple(view for view in views if view.name not in there))
        change_views(
            door, project=project, views=views, changes=changes, comment_of=lambda view: view.name, records=known
        )


@fault("views filled under load, the deploy dies", FILLED)
def dying(house: FaultHouse) -> None:
    """At any statement of a cut, of a fill, and of the exchange, again and again; a worker is killed meanwhile."""
    house.rollups += ["parts", "all"]
    house.start(workers=2)
    house.pause(0.5, 2)
    for _ in range(DEATHS):
        with contextlib.suppress(DiedError):
            deploy(house, house.chance.randrange(STATEMENTS))
        house.pause(0, 1)
        if house.chance.random() < 0.5:
            house.kill(house.workers[0])
            house.worker()
    deploy(house)
    house.cause_is_over()
    house.judge()


@fault("views filled while answers are lost", FILLED)
def lost_answers(house: FaultHouse) -> None:
    """Batches that are stored and not known to be are sent again after the cut: a view must count them once."""
    house.rollups += ["parts", "all"]
    house.start(through_door=True)
    house.pause(0, 1)
    lost = threading.Event()

    def rule(exchange: Exchange) -> None:
        exchange.send()
        exchange.answer()
        exchange.reset()
        lost.set()

    house.door.rule = only_inserts(rule)
    house.until(lost.is_set, "an answer was lost")
    threading.Timer(LOST_SECONDS, lambda: setattr(house.door, "rule", Exchange.forward)).start()
    deploy(house)
    house.pause(0.5, 1)
    house.judge()
