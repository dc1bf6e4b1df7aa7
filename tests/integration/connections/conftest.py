"""Fixtures of the connections: a broker that knows its clients, one a run, and everything behind TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.connections.secured_house import house
from tests.run_servers import ask
from tests.secured.secured_kafka import SecuredKafka
from tests.servers import ServerUnavailableError

__all__ = ["house"]


@pytest.fixture(scope="session")
def secured(run_folder: Path) -> SecuredKafka:
    """Tests of several modules use it at once: what one allows is for a topic of its own, and the group of the worker
    is for one test."""
    try:
        broker = ask(run_folder, "secured-kafka")
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    assert isinstance(broker, SecuredKafka)
    return broker
