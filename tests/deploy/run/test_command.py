"""What `birdhouse run` refuses before it starts anything."""

from __future__ import annotations

import pytest

from deploy.run.command import check_settings
from service.errors import SettingsError


@pytest.mark.parametrize("processes", ["0", "4"])
def test_it_is_one_process_and_says_so_to_who_asks_for_more(processes: str) -> None:
    with pytest.raises(SettingsError, match="`birdhouse run` is one process") as refused:
        check_settings({"BIRDHOUSE_API_PROCESSES": processes}, "s" * 32)
    assert [problem.name for problem in refused.value.problems] == ["BIRDHOUSE_API_PROCESSES"]
    assert "`query-api` beside `ingest-worker`" in refused.value.problems[0].hint
