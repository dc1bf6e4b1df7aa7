"""Options that several commands take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from deploy.cli.options import Moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, moment: datetime) -> None:
    assert Moment().convert(text, None, None) == moment


def test_what_is_no_time_is_told_with_an_example() -> None:
    with pytest.raises(click.BadParameter, match="`yesterday` is no time; write it as 2026-01-31T12:00:00"):
        Moment().convert("yesterday", None, None)
