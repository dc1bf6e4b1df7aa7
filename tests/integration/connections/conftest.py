"""Fixtures of the connections: a broker that knows its clients, one a process, and everything behind TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.connections.secured_house import house
from tests.secured.secured_kafka import SecuredKafka, secured_kafka
from tests.servers import ServerUnavailableError

__all__ = ["house"]


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Tests of several modules use it: what one allows is for a topic of its own."""
    try:
        with secured_kafka(tmp_path_factory.mktemp("secured")) as broker:
            yield broker
    except ServerUnavailableError as error:
        pytest.skip(str(error))
