"""What has to be left out with what is broken."""

from __future__ import annotations

from pathlib import Path

from deploy.checking.examination import examine
from deploy.checking.reading import read_what_is_right
from deploy.checking.set_aside import kept_as_they_are, set_aside

SOURCE = "SCHEMA >\n    `id` UInt64\n\nENGINE MergeTree\nENGINE_SORTING_KEY id\n"
NODE = "NODE n\nSQL >\n    SELECT id FROM {source}\n\n{kind}\n"


def project(folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.datasource").write_text(SOURCE)
    (folder / "a_to_b.pipe").write_text(NODE.format(source="a", kind="TYPE materialized\nDATASOURCE b"))
    (folder / "over_b.pipe").write_text(NODE.format(source="b", kind="TYPE endpoint"))
    (folder / "over_a.pipe").write_text(NODE.format(source="a_quarantine", kind="TYPE endpoint"))
    (folder / "over_over_a.pipe").write_text(NODE.format(source="over_a", kind="TYPE endpoint"))
    (folder / "over_c.pipe").write_text(NODE.format(source="c", kind="TYPE endpoint"))


def test_what_reads_it_goes_with_it_and_what_it_would_fill_stays(tmp_path: Path) -> None:
    project(tmp_path)
    reading = read_what_is_right(tmp_path, {})
    aside = set_aside(reading.project, reading.catalog.graph, ["a"])
    assert aside == {
        "a": "it has errors",
        "a_to_b": "it reads `a`",
        "over_a": "it reads `a`",
        "over_over_a": "it reads `over_a`",
    }
    assert kept_as_they_are(reading.project, aside) == {"b": "a_to_b"}


def test_what_writes_into_it_goes_with_it(tmp_path: Path) -> None:
    project(tmp_path)
    reading = read_what_is_right(tmp_path, {})
    aside = set_aside(reading.project, reading.catalog.graph, ["b"])
    assert aside == {"b": "it has errors", "a_to_b": "it writes into `b`", "over_b": "it reads `b`"}


def test_a_file_that_cannot_be_read_takes_its_readers_with_it(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "c.datasource").write_text("SCHEMA >\n    `id` NoSuchType\n")
    found = examine(tmp_path, {}, None)
    assert found.set_aside == {"c": "it has errors", "over_c": "it reads `c`"}
    assert found.rest is not None
    assert found.rest.project.set_aside == {"c", "over_c"}
    assert set(found.rest.project.pipes) == {"a_to_b", "over_a", "over_b", "over_over_a"}
    # It is there and broken: nobody is told that it is missing.
    assert [problem.place.file for problem in found.problems if "not found" in problem.message] == []


def test_a_broken_connection_takes_what_it_feeds(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "kafka.connection").write_text('TYPE kafka\nKAFKA_KEY {{ tb_secret("NO_VALUE") }}\nno line of it\n')
    (tmp_path / "d.datasource").write_text(
        SOURCE.replace("UInt64", "UInt64 `json:$.id`")
        + "KAFKA_CONNECTION_NAME kafka\nKAFKA_TOPIC d\nKAFKA_GROUP_ID g\n"
    )
    found = examine(tmp_path, {}, None)
    assert found.has_errors
    assert found.set_aside == {"d": "it has errors"}
