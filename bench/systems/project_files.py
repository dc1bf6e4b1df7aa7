"""Projects under test: the example project, fed from the bench's topics, with pipes of the bench's own beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.systems.rollups import Rollup
from schemas.project import EXAMPLE_PROJECT

ROLLUP_PROJECT = Path(__file__).parents[2] / "examples" / "rollups"
# The example's own `event_stats`, beside the one of the rollups.
OF_EVENTS = "event_stats_of_events"

# No such file: the connection is that of the environment.
_CONNECTION = "bench"


def write_project(
    folder: Path,
    topics: Mapping[str, str],
    *,
    group: str = "bench",
    pipes: Mapping[str, str] | None = None,
    rollups: Sequence[Rollup] = (),
    has_projection: bool = True,
) -> Path:
    """The example project with a data source like `events` for each name of `topics`, and with rollups of `events`;
    gives `folder`. Without its projection the table is the documented one, as a rival's is."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "datasources").mkdir(parents=True)
    shutil.copytree(EXAMPLE_PROJECT / "pipes", folder / "pipes")
    events = (EXAMPLE_PROJECT / "datasources" / "events.datasource").read_text(encoding="utf-8")
    if not has_projection:
        events = "\n".join(line for line in events.splitlines() if not line.startswith("# birdhouse: PROJECTION"))
    for name, topic in topics.items():
        lines = (
            f"\nKAFKA_CONNECTION_NAME {_CONNECTION}\nKAFKA_TOPIC {topic}\nKAFKA_GROUP_ID {group}\n"
            "KAFKA_AUTO_OFFSET_RESET earliest\n"
        )
        (folder / "datasources" / f"{name}.datasource").write_text(events + lines, encoding="utf-8")
    for name, text in (pipes or {}).items():
        (folder / "pipes" / f"{name}.pipe").write_text(text, encoding="utf-8")
    add_rollups(folder, rollups)
    return folder


def add_rollups(folder: Path, rollups: Sequence[Rollup]) -> None:
    """Rollups beside what the project of `folder` has."""
    for rollup in rollups:
        (folder / "datasources" / f"{rollup.table}.datasource").write_text(rollup.data_source, encoding="utf-8")
        (folder / "pipes" / f"{rollup.pipe}.pipe").write_text(rollup.materialized, encoding="utf-8")


def write_rollup_project(folder: Path) -> Path:
    """`examples/rollups` without a topic, with the example's `event_stats` as `OF_EVENTS`; gives `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for kind in ("datasources", "pipes"):
        shutil.copytree(ROLLUP_PROJECT / kind, folder / kind)
    shutil.copyfile(EXAMPLE_PROJECT / "pipes" / "event_stats.pipe", folder / "pipes" / f"{OF_EVENTS}.pipe")
    return folder
