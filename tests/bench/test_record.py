"""The record holds what a reader needs to judge and to repeat a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench.measures.drain import Drain
from bench.measures.ingest import OURS, IngestBench, Options
from bench.record import Record, write


def test_a_record_says_where_how_and_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/birdhouse", "bench", "ingest", "--events", "10"])
    record = Record("ingest", 7, {"ClickHouse": "26.9"}, {"events": 10})
    record.add(side="us", round=1, rate=5.0)
    record.notes.append("a note")
    write(tmp_path / "one.json", [record])
    kept = json.loads((tmp_path / "one.json").read_text())
    assert kept["command"] == "birdhouse bench ingest --events 10"
    assert (kept["seed"], kept["options"], kept["notes"]) == (7, {"events": 10}, ["a note"])
    assert kept["rounds"] == [{"side": "us", "round": 1, "rate": 5.0}]
    assert kept["versions"]["ClickHouse"] == "26.9"
    assert kept["versions"]["python"]
    assert kept["machine"]["cores"] > 0
    write(tmp_path / "two.json", [record, record])
    assert len(json.loads((tmp_path / "two.json").read_text())) == 2


def test_the_ingest_table_compares_medians_and_gives_reasons_for_what_is_missing() -> None:
    def drain(seconds: float) -> Drain:
        return Drain(1_000, seconds, 0.1, cpu_micros={"worker": 1.5}, peak_memory={"worker": 100 * 1024 * 1024})

    # It renders only, which needs no workspace.
    run = IngestBench(None, Options(), Record("ingest", 1, {}), lambda _: None)  # type: ignore[arg-type]
    run.drains = {OURS: [drain(1.0), drain(2.0), drain(4.0)], "other": [drain(4.0)] * 3}
    run.skipped = {"engine": "it is not there"}
    ours, other, engine = run.render().splitlines()[2:]
    assert "| 500 (250–1,000) | 1.00× |" in " ".join(ours.split())
    assert "| 250 (250–250) | 0.50× |" in " ".join(other.split())
    assert "1.50 (1.50–1.50)" in ours
    assert "100 (100–100)" in ours
    assert "skipped: it is not there" in engine
