"""What each service sees of the environment under `birdhouse run`."""

from __future__ import annotations

from deploy.run.environments import api_environment, ingest_environment, shared_environment
from ingest_worker.settings import IngestSettings
from query_api.settings import QueryApiSettings
from service.kafka.config import client_config
from service.settings import load_settings

SECRET = "s" * 32
BROKER = "127.0.0.1:4321"
ANOTHER_KAFKA = {
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_PASSWORD": "p",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
}


def test_nothing_of_another_kafka_reaches_clients_of_the_embedded_broker() -> None:
    shared = shared_environment(ANOTHER_KAFKA, secret=SECRET, embedded_broker=BROKER)
    config = client_config(load_settings(QueryApiSettings, shared), shared)
    del config["logger"]
    assert config == {"client.id": "birdhouse", "bootstrap.servers": BROKER, "security.protocol": "PLAINTEXT"}


def test_a_kafka_of_the_users_own_keeps_its_settings() -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", **ANOTHER_KAFKA}
    shared = shared_environment(given, secret=SECRET, embedded_broker=None)
    ingest = ingest_environment(shared, is_broker_embedded=False)
    assert {name: value for name, value in ingest.items() if name.startswith("KAFKA_")} == given


def test_only_the_workers_clients_of_the_embedded_broker_join_faster() -> None:
    shared = shared_environment({}, secret=SECRET, embedded_broker=BROKER)
    assert "KAFKA_SESSION_TIMEOUT_MS" in ingest_environment(shared, is_broker_embedded=True)
    assert "KAFKA_SESSION_TIMEOUT_MS" not in ingest_environment(shared, is_broker_embedded=False)
    assert "KAFKA_SESSION_TIMEOUT_MS" not in api_environment(shared)


def test_both_services_read_what_they_get_and_share_the_secret() -> None:
    shared = shared_environment({"BIRDHOUSE_RUN_BROKER_PORT": "1"}, secret=SECRET, embedded_broker=BROKER)
    api = load_settings(QueryApiSettings, api_environment(shared))
    ingest = load_settings(IngestSettings, ingest_environment(shared, is_broker_embedded=True))
    assert api.secret is not None
    assert api.secret == ingest.secret
    assert api.shutdown_seconds + ingest.drain_seconds < 5


def test_what_the_user_says_about_stopping_counts() -> None:
    shared = {"BIRDHOUSE_API_SHUTDOWN_SECONDS": "7", "BIRDHOUSE_INGEST_DRAIN_SECONDS": "8"}
    assert load_settings(QueryApiSettings, api_environment(shared)).shutdown_seconds == 7
    ingest = ingest_environment(shared, is_broker_embedded=True)
    assert load_settings(IngestSettings, ingest).drain_seconds == 8
