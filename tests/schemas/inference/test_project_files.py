"""A project that begins with a sample is right, whatever the sample holds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.check import CheckedProject, read_project
from schemas.cases.reading import read_cases
from schemas.inference.project_files import Begun, begin_project, data_source_name
from schemas.inference.sample import Sample, read_sample

ORDERS = [
    {"order_id": 10 + number, "status": ["paid", "open", "open"][number % 3], "placed_at": "2026-01-01T10:00:00Z"}
    for number in range(30)
]


def sample(*events: dict[str, Any]) -> Sample:
    return read_sample([json.dumps(event).encode() for event in events])


def checked(begun: Begun, folder: Path) -> CheckedProject:
    for file, text in begun.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    found = read_project(folder, {})
    assert found.warnings == ()
    [cases] = (path for path in begun.files if path.startswith("tests/"))
    assert read_cases(folder / cases, folder).problems == ()
    return found


def test_the_files_of_a_project(tmp_path: Path) -> None:
    begun = begin_project("orders", sample(*ORDERS), "orders.ndjson")
    assert list(begun.files) == [
        "datasources/orders.datasource",
        "pipes/orders_by_status.pipe",
        "fixtures/orders.ndjson",
        "tests/orders_by_status.yaml",
    ]
    project = checked(begun, tmp_path)
    [source] = project.project.data_sources.values()
    assert source.engine.sorting_key == "status, placed_at"
    assert source.engine.partition_key == "toYYYYMM(placed_at)"
    [endpoint] = project.catalog.endpoints.values()
    assert [parameter.name for parameter in endpoint.parameters] == ["status", "since", "until", "limit"]
    first, *others = read_cases(tmp_path / "tests" / "orders_by_status.yaml", tmp_path).cases
    assert first.expected_result == '{"status":"open","total":20}\n{"status":"paid","total":10}\n'
    assert [case.parameters for case in others] == ["status=open", "status=no%20such%20value"]


def test_the_fixture_is_the_beginning_of_the_sample() -> None:
    begun = begin_project("orders", sample(*({"n": number} for number in range(250))), "orders.ndjson")
    assert len(begun.files["fixtures/orders.ndjson"].splitlines()) == 100
    assert '{"total":100}' in begun.files["tests/orders_count.yaml"]


@pytest.mark.parametrize("name", ["format", "token", "in", "limit", "since", "from", "class", "order"])
def test_a_name_that_means_something_else_is_no_parameter(name: str, tmp_path: Path) -> None:
    checked(begin_project("orders", sample({name: "a"}, {name: "a"}, {name: "b"}), "x"), tmp_path)


@pytest.mark.parametrize(
    ("stem", "name"),
    [("events", "events"), ("2026-01 orders", "data_2026_01_orders"), ("é", "events"), ("_x_", "x")],
)
def test_the_name_of_a_data_source(stem: str, name: str) -> None:
    assert data_source_name(stem) == name


keys = st.one_of(
    st.sampled_from(["id", "type", "at", "total", "a.b", "a b", "it's", "", "`", "\n"]), st.text(max_size=4)
)
texts = st.one_of(
    st.text(max_size=8), st.sampled_from(["2026-01-01", "2026-01-01 10:00:00.5", "a", "b", "--", "\u2028"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
events = st.lists(st.dictionaries(keys, values, max_size=5), min_size=1, max_size=5)


@given(events)
def test_any_sample_with_a_column_begins_a_project(found: list[dict[str, Any]]) -> None:
    begun = begin_project("events", sample(*found), "a sample")
    if begun.inferred.columns:
        with tempfile.TemporaryDirectory() as folder:
            checked(begun, Path(folder))
