"""Servers that are lost and found again."""

from __future__ import annotations

from query_api.errors import Unavailable
from query_api.observing.health import Health, Watched
from query_api.observing.observations import Observation
from query_api.observing.servers import ServerFound, ServerLost
from service.backoff import Backoff
from tests.query_api.fakes import until


class Switch:
    """A server that answers or not, as a test says."""

    def __init__(self, reason: str | None = None) -> None:
        self.reason = reason
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        if self.reason is not None:
            raise Unavailable(self.reason)


async def test_a_server_is_waited_for_and_each_change_is_said_once() -> None:
    server, observed = Switch("refused"), list[Observation]()
    watched = {"ClickHouse": Watched("http://host:8123", server.check), "Kafka": Watched("host:9092", Switch().check)}
    # Stand-ins for the clients of the servers.
    health = Health(watched, observed.append, interval=0, backoff=Backoff(first=0, longest=0))  # type: ignore[arg-type]
    assert health.reasons() == ["ClickHouse: no answer yet", "Kafka: no answer yet"]
    health.start()
    await until(lambda: server.asked > 3)
    assert health.reasons() == ["ClickHouse: refused"]
    server.reason = None
    await health.first_answer("ClickHouse")
    assert health.reasons() == []
    server.reason = "overloaded"
    await until(lambda: health.reasons() == ["ClickHouse: overloaded"])
    server.reason = None
    await until(lambda: health.reasons() == [])
    await health.stop()
    assert [each for each in observed if each != ServerFound("Kafka")] == [
        ServerLost("ClickHouse", "http://host:8123", "refused"),
        ServerFound("ClickHouse"),
        ServerLost("ClickHouse", "http://host:8123", "overloaded"),
        ServerFound("ClickHouse"),
    ]
