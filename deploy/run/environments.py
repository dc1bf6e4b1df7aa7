"""The environment that each part sees when `birdhouse run` starts it: the user's, and what embedded parts need."""

from __future__ import annotations

from collections.abc import Mapping

from service.secret_files import OWN_SECRET, SUFFIX

# Joining the broker's group takes it half of this or more: 3 s with 6000, 2 s with 3000, 1 s with 1000 (tried). It is
# also how long a busy machine may keep the consumer from its heartbeat before its partitions are taken away.
SESSION_MILLISECONDS = 3000
HEARTBEAT_MILLISECONDS = 500
# All of a stop is five seconds; these are the parts of both services, for who does not set them.
API_SHUTDOWN_SECONDS = 1.5
INGEST_DRAIN_SECONDS = 1.0

Environment = Mapping[str, str]


def shared_environment(environment: Environment, *, secret: str, embedded_broker: str | None) -> dict[str, str]:
    """What both services see. With an embedded broker nothing that the user or a project's `.connection` says of
    another Kafka (addresses, TLS, SASL) may reach a client."""
    shared = with_secret(environment, secret)
    return shared if embedded_broker is None else of_embedded_broker(shared, embedded_broker)


def of_embedded_broker(environment: Environment, address: str) -> dict[str, str]:
    """The environment of a client of the embedded broker, and of no other Kafka."""
    others = {name: value for name, value in environment.items() if not name.startswith("KAFKA_")}
    return {**others, "KAFKA_BOOTSTRAP_SERVERS": address, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}


def with_secret(environment: Environment, secret: str) -> dict[str, str]:
    """The environment with the secret in it; one that is in a file of the user's stays there, and may change."""
    in_file = OWN_SECRET + SUFFIX in environment
    return dict(environment) if in_file else {**environment, OWN_SECRET: secret}


def api_environment(shared: Environment) -> dict[str, str]:
    return {"BIRDHOUSE_API_SHUTDOWN_SECONDS": str(API_SHUTDOWN_SECONDS), **shared}


def ingest_environment(shared: Environment, *, is_broker_embedded: bool) -> dict[str, str]:
    joining = {
        "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MILLISECONDS),
        "KAFKA_HEARTBEAT_INTERVAL_MS": str(HEARTBEAT_MILLISECONDS),
    }
    return {
        "BIRDHOUSE_INGEST_DRAIN_SECONDS": str(INGEST_DRAIN_SECONDS),
        **shared,
        **(joining if is_broker_embedded else {}),
    }
