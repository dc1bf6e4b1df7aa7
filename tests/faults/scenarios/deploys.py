"""What operators do to the schema under load: a mapping replaced again and again, a column dropped by hand."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from unittest import mock

import clickhouse_connect

from ingest_worker.storing.settled import records_of
from schemas.project import load_project
from service.deployment import apply as applying
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.kafka.config import client_config
from service.settings import ServiceSettings, load_settings
from tests.faults.door import Exchange, only_inserts
from tests.faults.house import INSERT_SECONDS, FaultHouse, Setup
from tests.faults.load import good
from tests.faults.registry import fault

EXCHANGES = 3
# ClickHouse begins an insert when 256 KiB of it have come, which each of these events is.
PADDING = 320_000
SENT = 0.95
CREATE_SECONDS = 0.15


def padded(number: int) -> bytes:
    event: bytes = good(number)
    return event[:-1] + b', "text": "' + b"x" * PADDING + b'"}'


def deploy(house: FaultHouse, *columns: str, url: str = "") -> None:
    """As `birdhouse deploy` does, with these columns beside the others."""
    file = house.folder / "datasources" / f"{house.name}.datasource"
    file.write_text(house.data_source(house.name, *columns))
    environment = house.environment()
    settings = load_settings(ServiceSettings, environment)
    client = clickhouse_connect.get_client(dsn=url or house.url, autogenerate_session_id=False)
    with contextlib.closing(client), without_protections(house):
        project = load_project(house.folder, environment={})
        apply(
            client,
            read_plan(client, project, house.name),
            records=records_of(lambda connection: client_config(settings, environment, connection=connection)),
            tell=print,
        )


@contextlib.contextmanager
def without_protections(house: FaultHouse) -> Iterator[None]:
    if "settled close" not in house.without:
        yield
        return
    with mock.patch.object(applying, "_records", return_value=None):
        yield


@fault("mapping replaced under load", Setup(message=padded, events_per_second=12))
def replaced(house: FaultHouse) -> None:
    """Inserts and the deploy are slow: one that began when only some of the views were there would be judged after the
    opening."""
    house.start(through_door=True)
    is_deploying, is_made = threading.Event(), threading.Event()
    landing = f"CREATE TABLE IF NOT EXISTS `{house.name}`.`{house.name}_landing`".encode()

    def rule(exchange: Exchange) -> None:
        if is_deploying.is_set() and exchange.is_insert:
            is_made.wait(INSERT_SECONDS / 2)
            exchange.send(SENT)
            time.sleep(house.chance.uniform(2, 4))
        elif b"CREATE " in exchange.body:
            time.sleep(CREATE_SECONDS)
        exchange.forward()
        if landing in exchange.body:
            is_made.set()

    house.door.rule = rule
    for number in range(EXCHANGES):
        house.pause(0.2, 0.8)
        is_made.clear()
        is_deploying.set()
        deploy(house, f"`note` Nullable(String) `json:$.note{number % 2}`", url=house.door.url)
        is_deploying.clear()
    house.door.rule = Exchange.forward
    house.judge()


@fault("mapping replaced while batches are half stored")
def half_stored(house: FaultHouse) -> None:
    """Answers of inserts are lost just before a deploy under whose mapping the same messages go to quarantine: sent
    again with their tokens, they would be there and in the table."""
    deploy(house, "`extra` Int32 `json:$.extra` DEFAULT 0")
    house.start(through_door=True)
    lost = threading.Event()

    def rule(exchange: Exchange) -> None:
        exchange.send()
        exchange.answer()
        exchange.reset()
        lost.set()

    house.pause(0, 1)
    for columns in ("`extra` Int32 `json:$.extra`", "`extra` Int32 `json:$.extra` DEFAULT 0"):
        lost.clear()
        house.door.rule = only_inserts(rule)
        house.until(lost.is_set, "an answer was lost")
        threading.Timer(0.5, lambda: setattr(house.door, "rule", Exchange.forward)).start()
        deploy(house, columns)
        house.pause(0.5, 1)
    house.judge()


@fault("column dropped by hand")
def dropped_column(house: FaultHouse) -> None:
    """Nothing is inserted without it: no value is lost but of the rows that it was dropped from."""
    deploy(house, "`twin` Int64 `json:$.id`")
    house.start()
    house.pause(0, 1)
    house.sql(f"ALTER TABLE {{db}}.`{house.name}` DROP COLUMN twin")
    house.pause(0.3, 0.4)  # an insert that had begun has ended
    bare = int(house.sql(f"SELECT count() FROM {{db}}.`{house.name}`")[0][0])
    house.until(lambda: house.said("the column `twin` was dropped by hand"), "the worker says so")
    house.pause(0, 1)
    deploy(house, "`twin` Int64 `json:$.id`")
    wrong = f"SELECT countIf(twin != id) FROM {{db}}.`{house.name}`"
    house.demand(lambda: int(house.sql(wrong)[0][0]) <= bare, "no value was lost after the column")
    house.judge()


@fault("deploy dies with the door closed")
def dead_deploy(house: FaultHouse) -> None:
    """The worker opens the landing table by itself once the deploy is known to be dead; nothing is lost until then."""
    house.start()
    house.pause(0, 1)
    fence = "INSERT INTO {db}.ingest_fence VALUES"
    house.sql("CREATE TABLE {db}.deploy_lock (held UInt8) ENGINE = Null COMMENT '4711'")
    house.sql(f"{fence} ('{house.name}', 4711)")
    house.until(lambda: house.said("mapping_is_being_replaced"), "inserts are refused")
    house.until(
        lambda: (
            not house.sql(f"SELECT count() FROM {{db}}.ingest_fence WHERE key = '{house.name}' AND owner != 0")[0][0]
        ),
        "the worker opens the door",
    )
    house.judge()
