"""A server that is not there: what each way to make a client says of it."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from service.clickhouse.connect import connect, connect_to_insert, open_client, reason_of
from service.errors import ServerError
from service.settings import ServiceSettings, load_settings

pytestmark = pytest.mark.sockets


@pytest.fixture
def settings(unused_tcp_port: int) -> ServiceSettings:
    return load_settings(ServiceSettings, {"CLICKHOUSE_URL": f"http://127.0.0.1:{unused_tcp_port}"})


def test_the_drivers_error_is_left_as_it_is_and_has_a_reason(settings: ServiceSettings) -> None:
    with pytest.raises(ClickHouseError) as raised:
        open_client(settings)
    assert reason_of(raised.value).startswith("it cannot be reached: ")


def test_a_command_gets_an_error_that_names_the_server(settings: ServiceSettings) -> None:
    with pytest.raises(ServerError) as raised:
        connect(settings)
    assert raised.value.message.startswith(f"ClickHouse at `{settings.clickhouse_url}` cannot be reached")


def test_a_worker_gets_the_drivers_kind_of_error_with_the_reason_in_words(settings: ServiceSettings) -> None:
    with pytest.raises(OperationalError, match=r"^ClickHouse cannot be reached"):
        connect_to_insert(settings, insert_seconds=60)
