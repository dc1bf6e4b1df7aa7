"""The statements that a node is tried with, and where their texts stand in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.project import load_project
from schemas.queries.catalog import Catalog, compile_project
from schemas.queries.nodes import NodeKey
from schemas.queries.trials.origins import RenderedNode
from schemas.queries.trials.trials import MADE_UP, first_trial, trials_of, with_text

NODE = "NODE answer\nSQL >\n    %\n    {sql}\n\nTYPE endpoint\n"
ANSWER = NodeKey("p", "answer")


def catalog_of(folder: Path, sql: str) -> Catalog:
    (folder / "p.pipe").write_text(NODE.format(sql=sql))
    return compile_project(load_project(folder, environment={}))


def texts_of(folder: Path, sql: str) -> list[str]:
    catalog = catalog_of(folder, sql)
    return [" ".join(trial.query.sql.split()) for trial in trials_of(catalog, catalog.nodes[ANSWER]).statements]


def test_every_branch_is_in_one_statement(tmp_path: Path) -> None:
    modes = "{% if m == 'x' %} + 3 {% elif m == 'y' %} + 4 {% else %} + 5 {% end %}"
    sql = "SELECT 1 {% if defined(a) %} + 2 {% end %} " + modes
    assert texts_of(tmp_path, sql) == [
        "SELECT 1 + 5",
        "SELECT 1 + 2 + 5",
        "SELECT 1 + 3",
        "SELECT 1 + 4",
        "SELECT 1 + 2 + 3",
        "SELECT 1 + 2 + 4",
    ]


def test_what_is_needed_has_a_sample_and_the_rest_its_default(tmp_path: Path) -> None:
    catalog = catalog_of(
        tmp_path, "SELECT {{ Int32(n) }}, {{ String(s, 'd') }} {% if defined(o) %}, {{ Date(o) }} {% end %}"
    )
    first = first_trial(catalog, catalog.nodes[ANSWER])
    assert first is not None
    assert (first.values, sorted(first.query.parameters.values())) == ({"n": "1"}, ["1", "d"])


def test_another_text_may_stand_in_for_ours_alone(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, "SELECT {{ String(s) }}, {{ String(d, 'sample') }}")
    node = catalog.nodes[ANSWER]
    (trial, *_) = trials_of(catalog, node).statements
    assert (trial.values, trial.has_free_texts) == ({"s": MADE_UP}, True)
    other = with_text(catalog, node, trial, "2025-01-01")
    assert other is not None
    assert sorted(other.query.parameters.values()) == ["2025-01-01", "sample"]


def test_a_node_that_no_value_renders_says_why(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, "SELECT 1 {{ error('never') }}")
    trials = trials_of(catalog, catalog.nodes[ANSWER])
    assert (trials.statements, trials.failure) == ((), "never")
    assert first_trial(catalog, catalog.nodes[ANSWER]) is None


@pytest.mark.parametrize(("values", "is_shifted"), [({}, False), ({"a": "long " * 20}, True)])
def test_an_offset_leads_to_its_place_whatever_was_written_before_it(
    tmp_path: Path, values: dict[str, str], is_shifted: bool
) -> None:
    sql = "SELECT 1 {% if defined(a) %} , {{ String(a) }} {% end %},\n        wrong AS x, {{ Int8(n, 1) }} AS y"
    catalog = catalog_of(tmp_path, sql)
    text = RenderedNode(catalog, catalog.nodes[ANSWER], values)
    assert ("{" in text.text.partition("wrong")[0]) == is_shifted
    assert str(text.place(text.text.index("wrong"))) == "p.pipe:5:9"
    assert str(text.place(text.text.index("AS y"))) == "p.pipe:5:38"
    # What a tag wrote leads to the tag.
    assert str(text.place(text.text.rindex("{") + 3)) == "p.pipe:5:21"
