"""The worker's settings: what they default to and what they refuse."""

from __future__ import annotations

import pytest

from ingest_worker.settings import IngestSettings
from service.errors import SettingsError
from service.settings import load_settings


def test_defaults_share_the_buffer_between_queues_and_batches() -> None:
    settings = load_settings(IngestSettings, {})
    assert settings.queue_bytes + settings.batches_bytes == settings.buffer_bytes
    assert settings.admin_port == 7184


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIRDHOUSE_INGEST_BATCH_ROWS", "0"),
        ("BIRDHOUSE_INGEST_BATCH_ROWS", "1048450"),
        ("BIRDHOUSE_INGEST_BATCH_BYTES", "1GB"),
        ("BIRDHOUSE_INGEST_INSERT_SECONDS", "3600"),
        ("BIRDHOUSE_INGEST_ADMIN_PORT", "70000"),
        ("BIRDHOUSE_INGEST_BATCH_ROW", "10"),
    ],
)
def test_a_wrong_value_or_name_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings(IngestSettings, {name: value})
