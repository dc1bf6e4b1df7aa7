"""What a deploy has done of its cut and its fills, in a table of ours, so that the next one goes on from there.

Rows are only added, and of two about the same the first one counts, whatever a deploy that is dead still sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter

from schemas.own_names import STEPS_TABLE
from schemas.sql.text import literal, qualified
from schemas.tables.diff.views import NOTHING_LEFT, Unfinished
from service.deployment.lock import Lock


@dataclass(frozen=True, slots=True)
class Cut:
    """Views that are made at one moment: `clones` hold what their sources held until then (source → table).
    `data_sources` are those whose doors are closed for it; `rows_a_piece` bounds what is filled at once."""

    name: str
    number: int  # a later one has a larger number
    views: tuple[str, ...]
    data_sources: tuple[str, ...]
    clones: dict[str, str]
    rows_a_piece: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A table with what a view makes of a part of its source. `identity` names what is in it: view, part, and target.
    Whole once it is written down."""

    identity: str
    table: str
    target: str
    rows: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been written down."""

    unmade: tuple[Cut, ...] = ()  # begun, and neither made nor undone
    cuts: tuple[Cut, ...] = ()
    pieces: Mapping[str, Piece] = field(default_factory=dict)  # by their identities
    ready: Mapping[str, tuple[str, ...]] | None = None  # all is filled: the tables of pieces for each target
    exchanged: frozenset[str] = frozenset()  # uuids of the tables that took a target's place, if it has one of them
    is_done: bool = False  # what is left is to be dropped

    @property
    def next_number(self) -> int:
        return 1 + max((cut.number for cut in (*self.unmade, *self.cuts)), default=0)

    def cut_of(self, view: str) -> Cut | None:
        """The cut at which a view began, the last one of it."""
        return max((cut for cut in self.cuts if view in cut.views), key=lambda cut: cut.number, default=None)

    @property
    def views(self) -> frozenset[str]:
        """Those that are made, and whose fill is not at its end."""
        return frozenset(view for cut in self.cuts for view in cut.views) if not self.is_done else frozenset()


def read_unfinished(client: Client, database: str) -> Unfinished:
    """Read it. A database without the table has nothing unfinished."""
    progress = read_progress(client, database)
    if progress is None:
        return NOTHING_LEFT
    return Unfinished(frozenset(view for cut in progress.unmade for view in cut.views), progress.views, True)


def read_progress(client: Client, database: str) -> Progress | None:
    """What has been written down; None without the table."""
    found = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": STEPS_TABLE},
    )
    if not found.result_rows:
        return None
    table = qualified(database, STEPS_TABLE)
    return _progress(client.query(f"SELECT step, detail FROM {table}").result_rows)


_OF = " of "
_CUT, _PIECE = TypeAdapter(Cut), TypeAdapter(Piece)
_READY: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(dict[str, tuple[str, ...]])


def _progress(rows: Sequence[Sequence[Any]]) -> Progress:
    def of(step: str) -> dict[str, str]:
        """Subject → detail."""
        named = ((*name.partition(_OF), detail) for name, detail in rows)
        return {subject: detail for kind, _, subject, detail in named if kind == step}

    begun = {name: _CUT.validate_json(detail) for name, detail in of("begun").items()}
    made, undone, ready = of("cut"), of("undone"), of("ready")
    return Progress(
        unmade=tuple(cut for name, cut in begun.items() if name not in made and name not in undone),
        cuts=tuple(cut for name, cut in begun.items() if name in made),
        pieces={identity: _PIECE.validate_json(detail) for identity, detail in of("piece").items()},
        ready=_READY.validate_json(next(iter(ready.values()))) if ready else None,
        exchanged=frozenset(of("exchanging")),
        is_done=bool(of("done")),
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """Writes down what a deploy has done, while it holds `lock`."""

    lock: Lock
    database: str

    def begun(self, cut: Cut) -> None:
        """A cut is about to be made; until `made` its views count as not there."""
        self.lock.run(
            # Of an engine that may be dropped with rows in it by who may not drop events.
            f"CREATE TABLE IF NOT EXISTS {qualified(self.database, STEPS_TABLE)}"
            " (`step` String, `detail` String) ENGINE = Join(ANY, LEFT, `step`)"
        )
        self._note("begun", cut.name, _CUT.dump_json(cut).decode())

    def made(self, cut: Cut) -> None:
        """To be said while the doors are closed."""
        self._note("cut", cut.name)

    def undone(self, cut: Cut) -> None:
        self._note("undone", cut.name)

    def filled(self, piece: Piece) -> None:
        self._note("piece", piece.identity, _PIECE.dump_json(piece).decode())

    def ready(self, pieces: Mapping[str, tuple[str, ...]]) -> None:
        """All pieces are there: target → tables."""
        self._note("ready", detail=_READY.dump_json(dict(pieces)).decode())

    def exchanging(self, uuid: str) -> None:
        """The table of this uuid is about to take a target's place: it did if the target has it."""
        self._note("exchanging", uuid)

    def done(self) -> None:
        self._note("done")

    def forget(self) -> None:
        self.lock.run(f"DROP TABLE IF EXISTS {qualified(self.database, STEPS_TABLE)}")

    def _note(self, step: str, subject: str = "", detail: str = "") -> None:
        values = ", ".join(map(literal, (f"{step}{_OF}{subject}", detail)))
        self.lock.run(
            f"INSERT INTO {qualified(self.database, STEPS_TABLE)} (`step`, `detail`)"
            f" SETTINGS async_insert = 0 VALUES ({values})"
        )
