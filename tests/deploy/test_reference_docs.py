"""The generated docs are what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.reference_docs import main, pages, stale_pages

CHECKOUT = Path(__file__).parents[2]


def test_the_docs_are_up_to_date() -> None:
    assert stale_pages(CHECKOUT) == [], "run `make docs`"


def test_every_setting_is_a_row_of_its_own() -> None:
    text = pages()[Path("docs/settings.md")]
    assert "| `CLICKHOUSE_DATABASE` | text | `birdhouse` |" in text
    assert text.count("| `CLICKHOUSE_DATABASE` |") == 1
    assert "| `BIRDHOUSE_INGEST_ADMIN_PORT` | whole number from 0 to 65535 | `7184` |" in text


def test_every_metric_is_a_row_with_its_labels() -> None:
    text = pages()[Path("docs/metrics.md")]
    assert "| `birdhouse_api_requests_total` | counter | `route`, `resource`, `status` |" in text
    assert "| `birdhouse_ingest_lag_messages` | gauge | `data_source`, `topic`, `partition` |" in text
    assert "| `birdhouse_ingest_insert_seconds` | histogram | `data_source` |" in text


def test_what_is_stale_is_named_and_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "`docs/settings.md` is not what the code says\nhint: make docs" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
    (tmp_path / "docs/metrics.md").write_text("old")
    assert stale_pages(tmp_path) == [Path("docs/metrics.md")]
