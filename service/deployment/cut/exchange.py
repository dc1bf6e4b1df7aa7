"""Puts what was filled into its targets: all of it becomes visible at one moment each, behind closed doors.

A table beside the target takes the pieces and then the rows of the target itself, and is exchanged with it. Stopped
anywhere, it is begun anew for each target that has not been exchanged: nothing that rows are taken from is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.own_names import WORK_PREFIX
from schemas.sql.text import qualified
from service.deployment.cut.graph import Graph, Stored, read_graph
from service.deployment.cut.mutations import await_mutations, has_mutations
from service.deployment.cut.steps import Progress, Steps
from service.deployment.cut.work_tables import drop_work_tables
from service.deployment.door import Door, Records
from service.errors import UnsettledError

_NEXT, _FORMER = f"{WORK_PREFIX}next_", f"{WORK_PREFIX}former_"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange of every target that pieces are ready for."""

    door: Door
    steps: Steps
    records: Records | None

    def all(self, progress: Progress) -> None:
        """Raises `UnsettledError` when batches stay half stored, and what the door and the client raise; what is left
        is done by the next deploy."""
        ready = dict(progress.ready or {})
        graph = read_graph(self.door.client, self.door.database)
        targets = [
            table
            for target, pieces in ready.items()
            if (table := graph.tables.get(target))
            and pieces
            and table.uuid not in progress.exchanged
            # What nothing is kept in has passed its rows on.
            and not table.keeps_nothing
        ]
        self._put_former_aside(graph)
        if targets:
            names = [target.name for target in targets]
            await_mutations(self.door, names)
            made = {target.name: self._prepare(target, ready[target.name]) for target in targets}
            data_sources = graph.doors(names)
            self._close(data_sources, names)
            for target in targets:
                self._exchange(target, made[target.name])
            self.steps.done()
            self.door.open_after_change(*data_sources)
        else:
            self.steps.done()

    def _put_former_aside(self, graph: Graph) -> None:
        """Those that a deploy which died was about to exchange: should a statement of it come late, it fails."""
        for number, name in enumerate(graph.tables):
            if name.startswith(_NEXT):
                aside = f"{_FORMER}{self.door.lock.holder}_{number}"
                former, put_aside = (qualified(self.door.database, each) for each in (name, aside))
                self.door.lock.run(f"RENAME TABLE {former} TO {put_aside}")

    def _close(self, data_sources: tuple[str, ...], targets: list[str]) -> None:
        left = self.door.settle(data_sources, self.records)
        if left or has_mutations(self.door, targets):
            self.door.open(*data_sources)
            raise UnsettledError(left, targets)

    def _prepare(self, target: Stored, pieces: tuple[str, ...]) -> str:
        """The table that is to take the target's place, with the pieces in it: what need not wait for closed doors."""
        name = f"{_NEXT}{self.door.lock.holder}_{target.uuid}"
        database, run = self.door.database, self.door.lock.run
        run(f"CREATE TABLE {qualified(database, name)} AS {qualified(database, target.name)}")
        for piece in pieces:
            self._take(target, piece, name)
        # It counts once the target has this uuid, so that it can be said before.
        self.steps.exchanging(read_graph(self.door.client, database).tables[name].uuid)
        return name

    def _exchange(self, target: Stored, name: str) -> None:
        database = self.door.database
        self._take(target, target.name, name)
        self.door.lock.run(f"EXCHANGE TABLES {qualified(database, name)} AND {qualified(database, target.name)}")

    def _take(self, target: Stored, taken: str, into: str) -> None:
        table, held = qualified(self.door.database, into), qualified(self.door.database, taken)
        if target.is_merge_tree:
            self.door.lock.run(f"ALTER TABLE {table} ATTACH PARTITION ALL FROM {held}")
        else:
            settings = "async_insert = 0, max_insert_threads = 1, deduplicate_insert = 'disable'"
            self.door.lock.run(f"INSERT INTO {table} SELECT * FROM {held} SETTINGS {settings}")


def clean_up(door: Door, steps: Steps, tables: Mapping[str, Stored]) -> None:
    """Drop what is left over, and forget how it came to be."""
    drop_work_tables(door, tables)
    steps.forget()
