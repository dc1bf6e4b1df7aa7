"""What views behind a table do to an insert: one beside a chain throws at some events, one of the mapping is away."""

from __future__ import annotations

import json
from functools import partial

from tests.faults.house import FaultHouse
from tests.faults.registry import fault
from tests.faults.scenarios.outages import comes_true
from tests.faults.scenarios.restarts import ask

SAID_SECONDS = 20.0
EVERY = 3_000
"""The view throws at one event of so many, by its value: in some seconds of load."""
TARGET = "ENGINE = SummingMergeTree ORDER BY part SETTINGS non_replicated_deduplication_window = 10000"


def add_view(house: FaultHouse, name: str, select: str) -> None:
    """A view into a table `of_<name>` of its own; `{table}` in its SELECT is the data source's."""
    house.sql(f"CREATE TABLE {{db}}.of_{name} (part Int32, events UInt64) {TARGET}")
    text = select.replace("{table}", f"{{db}}.`{house.name}`")
    house.sql(f"CREATE MATERIALIZED VIEW {{db}}.{name} TO {{db}}.of_{name} AS {text}")


def demand_whole(house: FaultHouse, *views: str) -> None:
    """The target of each of these views counts every row of the table once."""
    for name in views:
        house.demand(partial(_is_whole, house, name), f"`of_{name}` counts each event once")


def _is_whole(house: FaultHouse, view: str) -> bool:
    rows = house.sql(f"SELECT count() FROM {{db}}.`{house.name}`")
    return bool(house.sql(f"SELECT sum(events) FROM {{db}}.of_{view}") == rows)


def names_view(house: FaultHouse, view: str) -> bool:
    """Whether log, `/readyz`, `/status` and `/metrics` of the newest worker name the view, and the column."""
    port = house.admin_port
    told = f"view `{view}` fails: no such event (at `id`)"
    code, reasons = ask(port, "GET", "/readyz")
    (source,) = json.loads(ask(port, "GET", "/status")[1])["data_sources"]
    gauge = f'birdhouse_ingest_view_broken{{data_source="{house.name}",view="{view}"}} 1.0'
    return (
        (code, source["broken_view"], source["last_error"]) == (503, view, told)
        and told in reasons.decode()
        and gauge in ask(port, "GET", "/metrics")[1].decode()
        and house.said(told) > 0
    )


@fault("a view beside a chain throws at some events")
def view_beside_a_chain(house: FaultHouse) -> None:
    """Its successor meets the batch that killed nobody and stopped everything; then the view is mended in its place."""
    add_view(house, "chained", "SELECT part, events FROM {db}.rollup")
    throwing = f"throwIf(id % {EVERY} = {EVERY - 1}, 'no such event')"
    add_view(house, "beside", f"SELECT part, 1 + {throwing} AS events FROM {{table}}")
    (worker,) = house.start()
    if "retry" in house.without:
        house.pause(4, 6)  # what is taken for stored is not told
    else:
        house.until(lambda: house.said('"code": 395'), "the view throws")
    house.pause(0, 1)
    house.kill(worker)
    house.worker()
    is_named = comes_true(lambda: names_view(house, "beside"), SAID_SECONDS)
    house.demand(lambda: is_named, "log, /readyz, /status and metrics name the view")
    house.pause(0, 2)
    house.sql(f"ALTER TABLE {{db}}.beside MODIFY QUERY SELECT part, 1 AS events FROM {{db}}.`{house.name}`")
    house.cause_is_over()
    demand_whole(house, "chained", "beside")
    house.judge()


@fault("a mapping view dropped by hand, behind rollups")
def mapping_view_dropped(house: FaultHouse) -> None:
    """Views that write a row for each event make up in number for the messages that nobody puts into quarantine."""
    house.load.poison = 0.2
    add_view(house, "each", "SELECT part, 1 AS events FROM {table}")
    add_view(house, "once_more", "SELECT part, 1 AS events FROM {table}")
    house.start()
    view = f"{{db}}.`{house.name}_explain`"
    create = house.client.query(f"SHOW CREATE TABLE `{house.name}`.`{house.name}_explain`").result_rows[0][0]
    house.pause(0, 1)
    house.sql(f"DROP VIEW {view} SYNC")
    house.pause(2, 4)
    house.sql(create)
    house.cause_is_over()
    if not house.without:
        said = f"the mapping view `{house.name}_explain` is missing"
        house.demand(lambda: house.said(said), "the missing view is named")
    demand_whole(house, "each", "once_more")
    house.judge()
