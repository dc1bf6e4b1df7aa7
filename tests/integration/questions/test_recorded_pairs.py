"""A rendered template and the SQL that was recorded for it have the same value, evaluated by the embedded engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from deploy.embedded.engine import EmbeddedEngine
from schemas.template.rendering import Render
from schemas.template.template import Template

RECORDED = Path(__file__).parents[2] / "schemas" / "template" / "recorded_pairs.jsonl"
PAIRS = [pair for line in RECORDED.read_text(encoding="utf-8").splitlines() if "sql" in (pair := json.loads(line))]
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


@pytest.fixture(scope="module")
def engine(embedded_engine: EmbeddedEngine) -> Iterator[Client]:
    client = embedded_engine.client()
    yield client
    client.close()


def value_of(engine: Client, expression: str, columns: str, bound: Mapping[str, str]) -> bytes:
    settings = {f"param_{name}": text for name, text in bound.items()}
    return engine.raw_query(f"SELECT {expression} FROM (SELECT {columns})", settings=settings, fmt="JSONCompactEachRow")


def bound_values(render: Render) -> dict[str, str]:
    bindings = render.bindings
    return {
        name: text if name in bindings.verbatim else text.translate(ESCAPES)
        for name, text in bindings.parameters.items()
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['row']} {pair['template']} {pair['parameters']}")
def test_a_rendered_value_is_the_recorded_one(engine: Client, pair: dict[str, Any]) -> None:
    render = Render(pair.get("secrets"))
    sql = Template(pair["template"]).render(pair["parameters"], render)
    columns = pair.get("columns", "0 AS none")
    recorded = value_of(engine, pair["sql"], columns, {})
    assert value_of(engine, sql, columns, bound_values(render)) == recorded


@pytest.mark.parametrize("value", ["100%", "a\x1ab", "\\%", "a\\'b", "\0", "tab\tnew\n", "ñ漢😀"])
@pytest.mark.parametrize("template", ["{{String(x)}}", "{{x}}", "{{Array(x)}}[1]", "{{[x]}}[1]", "{{ {'k': x} }}['k']"])
def test_a_text_is_read_back_unchanged_in_every_form(engine: Client, template: str, value: str) -> None:
    render = Render()
    sql = Template(template).render({"x": value}, render)
    (answer,) = json.loads(value_of(engine, sql, "0 AS none", bound_values(render)))
    assert answer == value


def test_like_patterns_work_with_bound_values(engine: Client) -> None:
    render = Render()
    sql = Template("'xaby' LIKE {{ '%' + x + '%' }}, 'xaby' LIKE concat('%', {{String(x)}}, '%')").render(
        {"x": "ab"}, render
    )
    assert json.loads(value_of(engine, sql, "0 AS none", bound_values(render))) == [1, 1]
