"""Code that is made for the first render: what is wrong with a template is still said when it is read."""

from pathlib import Path

import pytest

from schemas.errors import ProjectError
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.nodes import CompiledNode
from schemas.template.errors import TemplateCompileError, TemplateError
from schemas.template.rendering import Render
from schemas.template.template import Template

PROJECTS = sorted(
    {EXAMPLE_PROJECT, *(each.parent for each in (Path(__file__).parents[3] / "projects").glob("**/pipes"))}
)


def _nested(count: int) -> str:
    return "".join(f"{{% for v{n} in [1] %}}" for n in range(count)) + "SELECT 1" + "{% end %}" * count


def test_code_is_made_for_the_first_render_and_kept():
    template = Template("SELECT {{Int32(a, 1)}}")
    assert template._code is None
    assert template.render({}, Render()) == "SELECT {p1:Int32}"
    code = template._code
    assert code is not None
    template.render({"a": "2"}, Render())
    assert template._code is code


@pytest.mark.parametrize(
    "source",
    [
        "SELECT {{String(a, 'x', required=True, required=False)}}",
        "SELECT {{ a | upper }}",
        "{% if a is odd %}SELECT 1{% end %}",
        _nested(30),
        "{% set a, (b, c) = 1 %}{% set d = " + "0x" + "f" * 20_000 + " %}SELECT {{d}}",
    ],
    ids=["a keyword twice", "a filter", "a test", "nested too deep", "a huge number"],
)
def test_what_could_fail_as_code_is_made_into_code_at_once(source):
    try:
        template = Template(source)
    except TemplateCompileError:
        return
    assert template._code is not None


@pytest.mark.parametrize("count", range(1, 22))
def test_loops_of_every_depth_either_fail_when_read_or_render(count):
    try:
        template = Template(_nested(count))
    except TemplateCompileError:
        assert count > 10
        return
    assert template.render({}, Render()).endswith("SELECT 1")


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_every_template_of_the_projects_has_code_that_python_compiles(folder):
    try:
        project = load_project(folder, environment={})
    except ProjectError:
        pytest.skip("the project's own files are not to be read")
    for pipe in project.pipes.values():
        for node in pipe.nodes:
            try:
                template = CompiledNode(pipe, node).template
            except TemplateError:
                continue
            if template is not None:
                assert template._jinja.root_render_func is not None
