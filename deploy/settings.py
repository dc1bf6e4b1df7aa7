"""Settings of `birdhouse run` and of the commands beside it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from service.settings import ServiceSettings


class RunSettings(ServiceSettings):
    """What `birdhouse run` needs beyond what both services need; those read their own names themselves."""

    data: Path = Field(
        Path(".birdhouse"), description="Folder that keeps the embedded engine's data and the generated secret."
    )
    run_broker_port: int = Field(
        0, ge=0, le=65535, description="Port of the embedded broker on 127.0.0.1; 0 takes a free one."
    )

    @property
    def is_broker_embedded(self) -> bool:
        return self.kafka_bootstrap_servers is None

    @property
    def is_engine_embedded(self) -> bool:
        return self.clickhouse_url is None
