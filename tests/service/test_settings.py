"""Settings from an environment: what is read, what is refused and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from service.errors import SettingsError
from service.settings import ServiceSettings, describe, load_settings


class WorkerSettings(ServiceSettings):
    PREFIX = "BIRDHOUSE_INGEST_"

    batch_rows: int = Field(100_000, ge=1, le=1_000_000, description="Rows of a batch.")
    batch_seconds: float = Field(1.0, gt=0, description="Age of a batch.")


class DemandingSettings(ServiceSettings):
    PREFIX = "BIRDHOUSE_API_"

    origin: str = Field(description="Where callers come from.")


def refusal(environment: Mapping[str, str], cls: type[ServiceSettings] = WorkerSettings) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(cls, environment)
    return str(caught.value)


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings(WorkerSettings, {})
    assert settings.clickhouse_database == "birdhouse"
    assert settings.batch_rows == 100_000
    assert settings.project_folder.is_dir()


def test_values_are_read_from_the_environment_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_USER", "of the process")
    settings = load_settings(
        WorkerSettings,
        {
            "KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:9092",
            "CLICKHOUSE_URL": "https://clickhouse.example:8443/",
            "CLICKHOUSE_PASSWORD": "correct horse",
            "PROJECT_DIR": "project",
            "DEPLOY_ON_START": "true",
            "BIRDHOUSE_LOG_LEVEL": "DEBUG",
            "BIRDHOUSE_INGEST_BATCH_ROWS": "5",
        },
    )
    assert settings.kafka_bootstrap_servers == "one:9092,two:9092"
    assert settings.clickhouse_url == "https://clickhouse.example:8443"
    assert settings.clickhouse_password.get_secret_value() == "correct horse"
    assert settings.project_folder == Path("project")
    assert settings.deploy_on_start is True
    assert settings.log_level == "debug"
    assert settings.batch_rows == 5
    assert settings.clickhouse_user == "default"


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(WorkerSettings, {})
    with pytest.raises(ValidationError, match="frozen"):
        settings.clickhouse_user = "somebody"


def test_an_empty_value_counts_as_not_set() -> None:
    assert (
        load_settings(WorkerSettings, {"CLICKHOUSE_URL": "", "BIRDHOUSE_INGEST_BATCH_ROWS": ""}).clickhouse_url is None
    )


def test_every_wrong_variable_is_named_at_once_with_what_was_given_and_what_is_accepted() -> None:
    text = refusal(
        {
            "BIRDHOUSE_INGEST_BATCH_ROWS": "many",
            "BIRDHOUSE_INGEST_BATCH_SECONDS": "0",
            "BIRDHOUSE_LOG_FORMAT": "xml",
            "DEPLOY_ON_START": "perhaps",
            "BIRDHOUSE_INGEST_BATCH_ROW": "7",
        }
    )
    assert text.startswith("5 settings are wrong\n")
    assert "`BIRDHOUSE_INGEST_BATCH_ROWS`: cannot be `many`: input should be a valid integer" in text
    assert "hint: Rows of a batch. (whole number from 1 to 1000000)" in text
    assert "`BIRDHOUSE_INGEST_BATCH_SECONDS`: cannot be `0`: input should be greater than 0" in text
    assert "`BIRDHOUSE_LOG_FORMAT`: cannot be `xml`: input should be 'auto', 'text' or 'json'" in text
    assert "`DEPLOY_ON_START`: cannot be `perhaps`" in text
    assert "`BIRDHOUSE_INGEST_BATCH_ROW`: no such setting\nhint: did you mean `BIRDHOUSE_INGEST_BATCH_ROWS`?" in text


def test_a_needed_setting_that_is_not_set_is_named() -> None:
    assert "`BIRDHOUSE_API_ORIGIN`: is needed and not set" in refusal({}, DemandingSettings)


@pytest.mark.parametrize(
    "name",
    [
        "BIRDHOUSE_API_MAX_ROWS",  # the other service's
        "BIRDHOUSE_DATA",  # of `birdhouse run`
        "BIRDHOUSE_SECRET_KAFKA_PASSWORD",  # the project's
        "BIRDHOUSE_INGEST_PORT_7184_TCP",  # set by Kubernetes for a Service `birdhouse-ingest`
        "CLICKHOUSE_SERVICE_HOST",
        "HOME",
    ],
)
def test_names_that_are_somebody_elses_are_left_alone(name: str) -> None:
    assert load_settings(WorkerSettings, {name: "tcp://10.0.0.1:1"}) == load_settings(WorkerSettings, {})


@pytest.mark.parametrize("name", ["BIRDHOUSE_NONSENSE", "BIRDHOUSE_INGEST_NONSENSE", "BIRDHOUSE_"])
def test_an_unknown_name_is_refused_without_its_value(name: str) -> None:
    text = refusal({name: "hunter2hunter2"})
    assert f"`{name}`: no such setting" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "url", ["localhost:8123", "tcp://localhost:9000", "http://", "http://host:port", "http://h/?a=b"]
)
def test_a_clickhouse_url_is_plain_http(url: str) -> None:
    assert "`CLICKHOUSE_URL`" in refusal({"CLICKHOUSE_URL": url})


@pytest.mark.parametrize("password", ["hunter2", "hunter2/with@both"])
def test_a_clickhouse_url_with_credentials_is_refused_without_showing_them(password: str) -> None:
    text = refusal({"CLICKHOUSE_URL": f"http://reader:{password}@clickhouse:8123"})
    assert "CLICKHOUSE_PASSWORD" in text
    assert "hunter2" not in text


def test_a_short_secret_is_refused_without_showing_it() -> None:
    text = refusal({"BIRDHOUSE_SECRET": "hunter2"})
    assert "at least 16 characters" in text
    assert "hunter2" not in text


@given(st.text("abcXYZ019-_/+= µ", min_size=16))
def test_no_representation_of_settings_shows_a_secret(secret: str) -> None:
    settings = load_settings(WorkerSettings, {"BIRDHOUSE_SECRET": secret, "CLICKHOUSE_PASSWORD": secret})
    assert secret not in repr(settings) + str(settings) + settings.model_dump_json()


def test_settings_describe_themselves() -> None:
    rows = {setting.name: setting for setting in describe(WorkerSettings)}
    assert rows["BIRDHOUSE_INGEST_BATCH_ROWS"] == (
        "BIRDHOUSE_INGEST_BATCH_ROWS",
        "whole number from 1 to 1000000",
        "100000",
        "Rows of a batch.",
    )
    assert rows["DEPLOY_ON_START"].type == "`true` or `false`"
    assert rows["DEPLOY_ON_START"].default == "false"
    assert rows["BIRDHOUSE_SECRET"].type == "secret text"
    assert rows["BIRDHOUSE_SECRET"].default == ""
    assert {setting.name: setting for setting in describe(DemandingSettings)}[
        "BIRDHOUSE_API_ORIGIN"
    ].default == "needed"
    assert all(setting.description for setting in rows.values())


def test_a_prefix_is_of_the_fields_that_its_class_declares() -> None:
    variables = WorkerSettings.variables()
    names = ("clickhouse_url", "log_level", "batch_rows")
    assert [variables[name] for name in names] == [
        "CLICKHOUSE_URL",
        "BIRDHOUSE_LOG_LEVEL",
        "BIRDHOUSE_INGEST_BATCH_ROWS",
    ]
    assert list(variables) == list(WorkerSettings.model_fields)
