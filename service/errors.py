"""What the code that both services and the command line share raises on purpose: one sentence for people and a hint.

ServiceError
├── SettingsError              the environment is wrong: stop before anything is started
├── ServerError                a server does not answer, or refuses us
│   └── OffsetsGoneError       the broker dropped messages while they were read
└── DeploymentError            ClickHouse cannot be brought to what the project says
    ├── RefusedPlanError       not without losing data
    ├── RefusedStatementError  ClickHouse refuses a statement
    ├── InsertsRunningError    inserts through a landing table that is to be made anew do not end
    ├── UnsettledError         batches stay half stored, so that what they count in cannot be cut off
    ├── MutationsRunningError  mutations of tables that are to be cloned do not end
    ├── LockLostError          another deploy took this one for dead, and goes on in its place
    └── DeployBusyError        another deploy of the same database does not end
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


class ServiceError(Exception):
    """Anything this package raises on purpose. `str()` is what people read, with the hint on its own line."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\nhint: {hint}" if hint else message)


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One environment variable that is wrong; `message` holds no secret."""

    name: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"`{self.name}`: {self.message}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class SettingsError(ServiceError):
    """The process cannot start with this environment; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        self.problems = tuple(problems)
        count = "one setting is wrong" if len(self.problems) == 1 else f"{len(self.problems)} settings are wrong"
        super().__init__("\n".join([count, *map(str, self.problems)]))


class ServerError(ServiceError):
    """ClickHouse or Kafka does not answer, or refuses what was asked."""


class OffsetsGoneError(ServerError):
    """Retention passed an offset that was about to be read."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(
            f"the broker dropped messages of {topic}/{partition} from offset {offset} on while they were read",
            "run it again: it says what the broker holds now",
        )


class DeploymentError(ServiceError):
    """A deploy that was not carried out, or not to its end."""


class RefusedPlanError(DeploymentError):
    """A change would lose data, so nothing is applied."""


class DeployBusyError(DeploymentError):
    """Another deploy holds the lock of a database for longer than one ever takes."""

    def __init__(self, database: str, lock_table: str) -> None:
        super().__init__(
            f"another deploy of the database `{database}` has been running for minutes",
            f"if none is, drop its lock: DROP TABLE `{database}`.`{lock_table}`",
        )


class RefusedStatementError(DeploymentError):
    """ClickHouse refuses what the project's files ask for; the message says where that stands, and what was made."""


class LockLostError(DeploymentError):
    """This deploy stood still for so long that another one took its lock."""

    def __init__(self, database: str) -> None:
        super().__init__(
            f"another deploy of the database `{database}` took this one for dead and does its work",
            "run it again: it does what is left to do",
        )


class InsertsRunningError(DeploymentError):
    """Nobody can tell which views these inserts go through."""

    def __init__(self, query_ids: set[str]) -> None:
        super().__init__(
            f"inserts do not end: {', '.join(sorted(query_ids))}",
            "end them (KILL QUERY WHERE query_id = '…') and deploy again: until then what workers read waits in Kafka",
        )


class UnsettledError(DeploymentError):
    """Batches that are stored in part are sent again: a view that is made meanwhile would count them twice."""

    def __init__(self, batches: Sequence[str], tables: Sequence[str]) -> None:
        names = ", ".join(f"`{table}`" for table in tables)
        what = f"batches stay half stored: {', '.join(batches)}" if batches else "a mutation began just now"
        super().__init__(
            f"no moment was found to cut off what comes to {names}: {what}",
            "let a worker run until its inserts go through (its log says what they fail at; a view that throws is"
            " changed or removed first, in a deploy of its own), and deploy again: it goes on from here",
        )


class MutationsRunningError(DeploymentError):
    """A clone of these tables would be without what their mutations are about to do."""

    def __init__(self, database: str, tables: Collection[str]) -> None:
        names = ", ".join(f"`{table}`" for table in tables)
        super().__init__(
            f"mutations of {names} do not end",
            f"SELECT * FROM system.mutations WHERE database = '{database}' AND NOT is_done says why; deploy again then",
        )
