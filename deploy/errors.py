"""What can go wrong around the services: each error is one sentence for people and a hint.

DeployError
├── MissingExtraError    the embedded broker or engine, or what notices saved files, is not installed
├── FolderInUseError     another process owns the data folder
├── PortInUseError       a port that we must listen on is taken
├── BrokerError          the embedded broker does not start
├── EngineError          the embedded engine does not open its folder
├── SecretError          the file that keeps the secret cannot be used
├── UnknownTokenError    no token has that name
├── UnknownPipeError     no endpoint has that name
├── NoCheckoutError      what only a checkout has is asked of an installed package
├── ExplainError         parameters that the API would refuse, or nothing to ask about them
├── OffsetsError         a group's offsets cannot be set like this
├── FixtureError         a fixture cannot be loaded
├── SelectionError       there is no case or file that is asked for
├── InitError            a project cannot be begun like this
└── ReplayError          what is to be replayed cannot be, or not like this
    └── TakenOverError   a worker or another replay took the partition over
"""

from __future__ import annotations

from service.errors import ServiceError


class DeployError(ServiceError):
    """Anything this package raises on purpose."""


class MissingExtraError(DeployError):
    """A package of the `embedded` extra cannot be imported: what there is not `without` it, and what to do instead."""

    def __init__(
        self,
        package: str,
        without: str = "there is no embedded broker or engine",
        instead: str = "set KAFKA_BOOTSTRAP_SERVERS and CLICKHOUSE_URL to use servers of your own",
    ) -> None:
        super().__init__(
            f"the package `{package}` is not installed: without it {without}",
            "install it with `pip install 'birdhouse[embedded]'` (in a checkout: `pip install -e '.[embedded]'`), "
            f"or {instead}",
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


class NoCheckoutError(DeployError):
    """The benchmarks are asked for where there is no checkout."""


class ExplainError(DeployError):
    """A pipe's query cannot be shown or estimated; the message of refused parameters is the API's own."""


class OffsetsError(DeployError):
    """A group's offsets cannot be looked at or set as asked."""


class FixtureError(DeployError):
    """A fixture that ClickHouse does not take, or that does not fit its data source; names the file."""

    def __init__(self, file: str, reason: str, hint: str = "") -> None:
        self.file = file
        super().__init__(f"{file} cannot be loaded: {reason}", hint)


class SelectionError(DeployError):
    """Nothing of a project is what a filter asks for."""


class InitError(DeployError):
    """A sample cannot be read, or a file is in the way."""


class ReplayError(DeployError):
    """A replay that would not be exactly once, or has nothing to go by."""


class TakenOverError(ReplayError):
    """ClickHouse refuses this replay's inserts: another owner is written under its key."""

    def __init__(self, data_source: str, topic: str, partition: int) -> None:
        super().__init__(
            f"a worker or another replay took `{data_source}` {topic}/{partition} over",
            "run it again: it goes on where it was",
        )
