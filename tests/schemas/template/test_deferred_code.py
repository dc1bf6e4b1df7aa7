"""Code that is made for the first render: what is wrong with a template is still said when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.nodes import CompiledNode
from schemas.template.compiling.tags import MAX_DEPTH
from schemas.template.errors import TemplateCompileError
from schemas.template.rendering import Render
from schemas.template.template import Template

PROJECTS = [EXAMPLE_PROJECT, *sorted((Path(__file__).parents[2] / "projects").iterdir())]
# The deepest loops whose code surely compiles.
PLAIN_LOOPS = 9


def _nested(count: int) -> str:
    return "".join(f"{{% for v{n} in [1] %}}" for n in range(count)) + "SELECT 1" + "{% end %}" * count


def test_code_is_made_for_the_first_render_and_kept() -> None:
    template = Template("SELECT {{Int32(a, 1)}}")
    assert template._code is None
    assert template.render({}, Render()) == "SELECT {p1:Int32}"
    code = template._code
    assert code is not None
    template.render({"a": "2"}, Render())
    assert template._code is code


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("SELECT {{String(a, 'x', required=True, required=False)}}", "the template cannot be rendered"),
        ("{% set a, (b, c) = 1 %}{% set d = 0x" + "f" * 20_000 + " %}SELECT {{d}}", "a value cannot be used here"),
        (_nested(30), "blocks stand more than 16 deep"),
    ],
    ids=["a keyword twice", "a huge number", "nested too deep"],
)
def test_what_no_code_can_be_made_of_is_refused_when_it_is_read(source: str, message: str) -> None:
    with pytest.raises(TemplateCompileError, match=message):
        Template(source)


@pytest.mark.parametrize(
    "source",
    [
        "SELECT {{ a | upper }}",
        "{% if a is odd %}SELECT 1{% end %}",
        "{% set a, b = 1, 2 %}SELECT {{a}}",
        "{% set d = 18446744073709551616 %}SELECT {{d}}",
        "{% set é = 1 %}SELECT {{é}}",
    ],
    ids=["a refused tag", "a test", "several targets", "a large number", "a name of other letters"],
)
def test_what_could_fail_as_code_is_made_into_code_at_once(source: str) -> None:
    assert Template(source)._code is not None


@pytest.mark.parametrize("count", range(1, MAX_DEPTH + 1))
def test_loops_of_every_depth_render_and_deep_ones_are_code_at_once(count: int) -> None:
    template = Template(_nested(count))
    assert (template._code is None) == (count <= PLAIN_LOOPS)
    assert template.render({}, Render()) == "SELECT 1"


def test_one_loop_more_is_refused_when_it_is_read() -> None:
    with pytest.raises(TemplateCompileError, match="blocks stand more than 16 deep"):
        Template(_nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_every_template_of_the_projects_has_code_that_python_compiles(folder: Path) -> None:
    project = load_project(folder, environment={})
    compiled = [CompiledNode(pipe, node).template for pipe in project.pipes.values() for node in pipe.nodes]
    templates = [template for template in compiled if template is not None]
    if not templates:
        pytest.skip("no node of this project is a template")
    # Were none of them deferred, nothing would be shown of the code that is made later.
    assert any(template._code is None for template in templates)
    for template in templates:
        assert template._jinja.root_render_func is not None
