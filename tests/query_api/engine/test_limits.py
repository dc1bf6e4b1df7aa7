"""Which settings a query gets: the limits win over everybody's."""

from __future__ import annotations

from query_api.engine.limits import FORMAT_SETTINGS, Limits, limit_settings, query_settings
from service.clickhouse.project_settings import PROJECT_SETTINGS


def test_a_caller_wins_over_a_pipe_a_pipe_over_ours_and_the_limits_over_all() -> None:
    pipe = {"max_threads": "1", "session_timezone": "Asia/Tokyo", "max_result_rows": "9"}
    settings = query_settings(Limits(result_rows=5), pipe, {"max_threads": "2", "max_execution_time": "900"})
    assert (settings["max_threads"], settings["session_timezone"]) == ("2", "Asia/Tokyo")
    assert (settings["max_result_rows"], settings["max_execution_time"]) == ("5", "10")
    assert (PROJECT_SETTINGS.keys() | FORMAT_SETTINGS.keys()) <= settings.keys()


def test_going_over_a_limit_is_an_error_and_never_a_shorter_answer() -> None:
    settings = limit_settings(Limits())
    modes = {name: value for name, value in settings.items() if name.endswith("_mode")}
    assert len(modes) == 3
    assert set(modes.values()) == {"throw"}


def test_seconds_keep_their_fractions() -> None:
    assert limit_settings(Limits(execution_seconds=0.25))["max_execution_time"] == "0.25"
