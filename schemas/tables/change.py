"""One thing that a deploy does, and what it means for what runs until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from schemas.tables.ddl.mapping import MappingDdl


class Effect(Enum):
    """What a change does to what is stored already."""

    ADDS = "adds"  # nothing that is there changes: also a new mapping, which holds no data
    ALTERS = "alters"  # the table changes, its data stay
    REFUSED = "refused"  # it would lose data, or ClickHouse cannot do it in place


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. `statements` is empty for what is refused; `hint` says then what to do instead.

    `part` is the column that it is about, or `TTL`. `mapping` is carried out with the landing table closed, and `opens`
    opens one that a dead deploy left closed. `answers`: until it is made, questions miss something that the project's
    pipes may name. `loses`: until it is made, what is inserted loses something: into `data_source`, and into those of
    `held`.
    """

    effect: Effect
    name: str
    description: str
    statements: tuple[str, ...] = ()
    hint: str = ""
    part: str = ""
    mapping: MappingDdl | None = None
    replaces_mapping: bool = False
    opens: bool = False
    is_note: bool = False
    answers: bool = False
    loses: bool = False
    data_source: str = ""
    held: tuple[str, ...] = ()
    note_in: str = ""  # the table whose comment notes what was made before

    @property
    def makes(self) -> bool:
        """Whether it asks ClickHouse to take something of the project's files."""
        return bool(self.statements) and not self.opens and not self.is_note


TTL = "TTL"
"""The `part` of a change of a table's TTL."""
