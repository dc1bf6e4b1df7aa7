"""`.connection` texts to models and problems."""

from __future__ import annotations

from schemas.files.connection import read_connection
from schemas.files.lines.includes import source_of
from schemas.model import Connection, Problem


def read(text: str, **environment: str) -> tuple[Connection | None, list[Problem]]:
    source = source_of(text, "main.connection", environment, fills_secrets=True)
    return read_connection(source, "main"), source.problems


def test_secrets_are_filled_in() -> None:
    text = 'TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS host:9092\nKAFKA_SECRET {{ tb_secret("key") }}\n'
    connection, problems = read(text, BIRDHOUSE_SECRET_KEY="hunter2")
    assert problems == []
    assert connection is not None
    assert (connection.name, connection.type) == ("main", "kafka")
    assert connection.settings == {"KAFKA_BOOTSTRAP_SERVERS": "host:9092", "KAFKA_SECRET": "hunter2"}


def test_a_certificate_is_a_block() -> None:
    connection, _ = read("TYPE kafka\nKAFKA_SSL_CA_PEM >\n   -----BEGIN-----\n   abc\n   -----END-----\n")
    assert connection is not None
    assert connection.settings["KAFKA_SSL_CA_PEM"] == "-----BEGIN-----\nabc\n-----END-----"


def test_a_missing_secret_is_a_warning_as_the_environment_may_say_it_all() -> None:
    connection, problems = read('TYPE kafka\nKAFKA_KEY {{ tb_secret("K") }}\n')
    assert connection is not None
    assert [problem.severity for problem in problems] == ["warning"]


def test_other_kinds_are_kept_with_a_warning() -> None:
    connection, problems = read("TYPE s3\nS3_REGION eu-west-1\nS3_ARN arn\n")
    assert connection is not None
    assert connection.settings == {"S3_REGION": "eu-west-1", "S3_ARN": "arn"}
    assert [problem.severity for problem in problems] == ["warning"]


def test_what_is_refused() -> None:
    assert [problem.message for problem in read("WHAT x\n")[1]] == [
        "WHAT is not a valid option in connection files.",
        "the connection has no TYPE",
    ]


def test_a_connection_may_read_a_password_of_the_environment_but_none_of_ours() -> None:
    connection, problems = read("TYPE kafka\nKAFKA_SECRET ${BROKER_PASSWORD}\n", BROKER_PASSWORD="hunter2")
    assert connection is not None
    assert (connection.settings["KAFKA_SECRET"], problems) == ("hunter2", [])
    for name in ("CLICKHOUSE_PASSWORD", "BIRDHOUSE_SECRET"):
        assert read(f"TYPE kafka\nKAFKA_SECRET ${{{name}}}\n", **{name: "hunter2"})[0] is None
