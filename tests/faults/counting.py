"""The count at a round's end: what of the load is stored, in which tables, and what `birdhouse verify` says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from click.testing import CliRunner

from deploy.cli import main

if TYPE_CHECKING:  # a house counts
    from tests.faults.house import FaultHouse


@dataclass(frozen=True, slots=True)
class Counted:
    """Events: how many there were, how many of them are nowhere or twice, and by how many the rollup is off."""

    produced: int
    lost: int = 0
    doubled: int = 0
    rolled: int = 0
    verdict: str = ""  # `well` when `birdhouse verify` says what it has to


def count(house: FaultHouse, produced: int) -> Counted:
    """Of a house whose load is over and committed."""
    load = house.load
    rows, distinct, bare = house.sql(
        f"SELECT count(id), uniqExact(id), countIf(id IS NULL) FROM ({ids_of(house.names)})"
    )[0]
    lost = produced - house.gone - load.bare - distinct + max(0, load.bare - bare)
    doubled = rows - distinct + max(0, bare - load.bare)
    stored = house.sql(f"SELECT uniqExact(id) FROM {{db}}.`{house.name}`")[0][0]
    sums = [int(house.sql(f"SELECT sum(events) FROM {{db}}.`{table}`")[0][0]) for table in house.rollups]
    rolled = max((counted - stored for counted in sums), key=abs)
    return Counted(produced, lost, doubled, rolled, _verdict(house))


def ids_of(names: Iterable[str]) -> str:
    """SQL: the id of every stored row of these data sources, also of those in quarantine; NULL where a message has
    none."""
    parts = []
    for name in names:
        parts.append(f"SELECT toNullable(id) AS id FROM {{db}}.`{name}`")
        parts.append(f"SELECT toInt64OrNull(extract(__value, 'id.: ([0-9]+)')) AS id FROM {{db}}.`{name}_quarantine`")
    return " UNION ALL ".join(parts)


def rollup_of(name: str) -> str:
    """SQL: what the view behind a table sums."""
    return f"SELECT part, count() AS events FROM {{db}}.`{name}` GROUP BY part"


def _verdict(house: FaultHouse) -> str:
    said = CliRunner().invoke(main, ["verify", "--format", "json"], env=house.environment())
    if not said.stdout:
        return said.stderr[-200:] or repr(said.exception)
    answer = json.loads(said.stdout)
    if answer["verdict"] != house.verdict:
        print(said.stdout)
    return "well" if answer["verdict"] == house.verdict else str(answer["verdict"])
