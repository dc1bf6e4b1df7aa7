"""Settings of the API: their defaults hold, their names are those that errors and documents speak of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import query_api
from query_api.engine.limits import FORMAT_SETTINGS, Limits, query_settings
from query_api.settings import QueryApiSettings
from service.clickhouse.project_settings import PROJECT_SETTINGS
from service.errors import SettingsError
from service.settings import load_settings

NAMES = set(QueryApiSettings.variables().values())
PACKAGE = Path(query_api.__file__).parent


def test_the_defaults_are_those_of_the_limits() -> None:
    assert load_settings(QueryApiSettings, {}).limits == Limits()


def test_it_listens_on_this_machine_alone_unless_told_otherwise() -> None:
    settings = load_settings(QueryApiSettings, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 7181)
    assert (settings.admin_host, settings.admin_port) == ("127.0.0.1", 7183)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("MAX_QUERIES", "0"), ("WAIT_SECONDS", "soon"), ("MAX_BODY_BYTES", "10 MB"), ("PORTT", "1")],
)
def test_a_wrong_value_stops_the_start_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"`BIRDHOUSE_API_{name}`"):
        load_settings(QueryApiSettings, {f"BIRDHOUSE_API_{name}": value})


def test_every_setting_that_is_named_to_people_exists() -> None:
    texts = [path.read_text() for path in [*PACKAGE.rglob("*.py"), PACKAGE.parent / "docs" / "http-api.md"]]
    named = {name for text in texts for name in re.findall(r"`(BIRDHOUSE_API_[A-Z_]+)`", text)}
    limits = set(re.findall(r'"((?:EXECUTION|MEMORY|ROWS|BYTES|RESULT)_[A-Z_]+)"', "".join(texts)))
    assert len(named) > 10
    assert len(limits) == 6
    assert named | {f"BIRDHOUSE_API_MAX_{limit}" for limit in limits} <= NAMES


def test_limits_win_over_pipes_and_callers() -> None:
    pipe = {"max_execution_time": "9999", "max_threads": "2", "output_format_json_quote_denormals": "1"}
    caller = {"max_result_bytes": "0", "output_format_json_quote_denormals": "0"}
    settings = query_settings(Limits(execution_seconds=2.5), pipe, caller)
    assert settings["max_execution_time"] == "2.5"
    assert settings["max_result_bytes"] == "100000000"
    assert settings["max_threads"] == "2"
    assert settings["output_format_json_quote_denormals"] == "0"


def test_a_limit_that_is_run_into_is_an_error_and_never_a_shorter_answer() -> None:
    settings = query_settings(Limits(), dict.fromkeys(("read_overflow_mode", "result_overflow_mode"), "break"))
    assert {value for name, value in settings.items() if name.endswith("_overflow_mode")} == {"throw"}
    assert PROJECT_SETTINGS.items() <= settings.items()
    assert FORMAT_SETTINGS.items() <= settings.items()
