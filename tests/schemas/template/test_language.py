"""Tags, expressions and scopes: what Tinybird's templates mean, run by Jinja2's sandbox."""

from __future__ import annotations

import pytest

from schemas.template.errors import ParameterError, TemplateCompileError, TemplateError, TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def written(source: str, **values: object) -> str:
    """The SQL with every placeholder replaced by its bound text in angle brackets."""
    state = Render()
    sql = Template(source).render(values, state)
    for name, text in state.bindings.parameters.items():
        for kind in ("String", "Int64", "Int32", "Bool", "Float64", "Identifier", "Array(String)", "UInt8"):
            sql = sql.replace(f"{{{name}:{kind}}}", f"<{text}>")
    return sql


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% if x == 'a' %}A{% elif x == 'b' %}B{% else %}C{% end %}", "B"),
        ("{%if(x)%}A{%end if%}", "A"),
        ("{% if x %}A{% end for %}B", "AB"),
        ("{% set n = 7 %}{% set n //= 2 %}{% set n **= 2 %}{% set n %= 5 %}{{n}}", "<4>"),
        ("{% try %}{{Int8(x)}}{% except (ValueError, TypeError) %}none{% end %}", "none"),
        ("{{ int('ff', 16) }}{{ max([], default=3) }}{{ min(2, 1) }}", "<255><3><1>"),
        ("{% if x == ['b'] %}{{Array(x, 'Int32', defined=False) if y else 'b'}}{% end %}", "<b>"),
        ("{% if 1 < 2 < 3 and not (x in ['a']) %}A{% end %}", "A"),
        ("{% if x is not None and y is None %}A{% end %}", "A"),
        ("{% if (x if y else 'z') == 'z' %}A{% end %}", "A"),
        ("{% for a, b in [(1, 2), (3, 4)] %}{{a}}{{b}}{% end %}", "<1><2><3><4>"),
        ("{% for i in [0, 1, 2, 3] %}{% if i == 1 %}{% continue %}{% end %}{{i}}{% end %}", "<0><2><3>"),
        ("{% for i in [0, 1, 2, 3] %}{% if i > 1 %}{% break %}{% end %}{{i}}{% end %}", "<0><1>"),
        ("{% set n = 0 %}{% while n < 3 %}{% set n += 1 %}{{n}}{% end %}", "<1><2><3>"),
        ("{% set n = 0 %}{% for i in [1, 2] %}{% set n = n + i %}{% end %}{{n}}{{i}}", "<3><2>"),
        ("{% set a, b = 1, 2 %}{{a + b}}", "<3>"),
        ("{% try %}{{Int32(x)}}{% except %}none{% end %}", "none"),
        ("{% try %}{{Int32(y, 4)}}{% except Exception %}none{% end %}", "<4>"),
        ("{% for i in [1, 2] %}{% try %}{{i - x}}{% except %}{{i}}{% end %}{% end %}", "<1><2>"),
        ("a{# {{x}} #}b{% comment {{x}} %}c", "abc"),
        ("{{! x }} {%! if %}", "{{ x }} {% if %}"),
        ("{{{x}}}", "{<b>}"),
        ("{{ f'{x}-{1 + 1}' }}", "<b-2>"),
        ("{{ x if defined(x) else 'n' }}{{ -Int32(y, 3) }}{{ not x }}", "<b><-3><false>"),
        ("{{ {'a': {'b': '}}'}}['a']['b'] }}", "<}}>"),
        ("{{ 'a' 'b' }}{{ 'abc'[1:] }}{{ 'a,b'.split(',')[1] }}", "<ab><bc><b>"),
        ("{% set z = x.upper() + '!' %}{{z}}", "<B!>"),
        ("{% set z = 7 // 2 ** 1 / 1 % 2 %}{{z}}", "<1.0>"),
        ("{% set z = y or x %}{{z}}", "<b>"),
        ("\n{% if x %}\n a\n{% end %}\n", "\n\n a\n\n"),
    ],
)  # fmt: skip
def test_a_template_means_what_it_means_in_tinybird(source: str, expected: str) -> None:
    assert written(source, x="b") == expected


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("SELECT\n  {% raw %}", "raw is forbidden at <string>:2", 2, 3),
        ("\n{% if x %}\n{% for i in x %}\n{% end %}", "Missing {% end %} block for if at line 2", 2, 1),
        ("a {% end %}", "Extra {% end %} block at <string>:1", 1, 3),
        ("{% elif x %}", "elif outside {'if'} block at <string>:1", 1, 1),
        ("{% for i in x %}{% elif x %}{% end %}", "elif block cannot be attached to for block at <string>:1", 1, 17),
        ("{% if x %}{% else if y %}{% end %}", "else takes no condition: write {% elif … %} at <string>:1", 1, 11),
        ("{% endif %}", "unknown operator: 'endif' at <string>:1", 1, 1),
        ("{% break %}", "break outside {'for', 'while'} block at <string>:1", 1, 1),
        ("{{ x", "Missing end expression }} at <string>:1", 1, 1),
        ("{{ }}", "Empty expression at <string>:1", 1, 1),
        ("{% if %}{% end %}", "if needs a condition", 1, 1),
        ("{{ x y }}", "invalid syntax: expected token 'end of the tag', got 'y'", 1, 1),
        ("{# x", "Missing end comment #} at <string>:1", 1, 1),
        ("{% if x %}{% except %}{% end %}", "except block cannot be attached to if block at <string>:1", 1, 11),
        ("{% set x %}", "set is written {% set name = value %}", 1, 1),
        ("{{ x ! y }}", "invalid syntax: unexpected char '!' at 2", 1, 1),
    ],
)  # fmt: skip
def test_a_wrong_template_is_refused_with_its_place(source: str, message: str, line: int, column: int) -> None:
    with pytest.raises(TemplateCompileError) as caught:
        Template(source)
    assert caught.value.message == message
    assert (caught.value.line, caught.value.column) == (line, column)


REFUSED = [
    ("x\n {{ foo(x) }}", "Invalid function name: foo", 2, 2),
    ("{{ str(x) }}", "Invalid function name: str", 1, 1),
    ("{{ x.strip() }}", "Invalid method name: strip", 1, 1),
    ("{{ x and y }}", "Invalid BoolOp: And()", 1, 1),
    ("{{ x == y }}", "Invalid Compare", 1, 1),
    ("{{ ~x }}", "Invalid UnaryOp: Invert()", 1, 1),
    ("{{ +x }}", "Invalid UnaryOp: UAdd()", 1, 1),
    ("{{ x ** 2 }}", "Invalid BinOp: Pow()", 1, 1),
    ("{{ x & 2 }}", "Invalid BinOp: BitAnd()", 1, 1),
    ("{{ lambda: x }}", "Invalid Lambda", 1, 1),
    ("{{ [i for i in x] }}", "Invalid ListComp", 1, 1),
    ("{{ {x, y} }}", "Invalid Set", 1, 1),
    ("{{ String(*x) }}", "Invalid Starred", 1, 1),
    (
        "{% if foo(x) %}{% end %}",
        "Invalid function name: foo: wrong syntax, you might be using a not valid function inside a control block",
        1,
        1,
        ),
    ("{{ x.y }}", "attributes cannot be read: `y`", 1, 1),
    ("{{ columns(x, 'a', fn=y) }}", "columns() takes a function's name as text for `fn`", 1, 1),
    ("{{ columns(x, 'a', fn='max(1), ') }}", "columns() takes a function's name as text for `fn`", 1, 1),
    ("{{ sql_and(x) }}", "sql_and() takes keywords only, as in sql_and(country=country)", 1, 1),
    ("{% if not loop.first %}{% end %}", "attributes cannot be read: `first`", 1, 1),
    ("{{ x|upper }}", "Invalid BinOp: BitOr()", 1, 1),
    ("{% if x|upper %}{% end %}", "invalid syntax: unexpected '|'", 1, 1),
    ("{% if x %}{% elif x.strip().y %}{% end %}", "attributes cannot be read: `y`", 1, 11),
    ("{% while x.y %}{% end %}", "attributes cannot be read: `y`", 1, 1),
    ("{% for a, b in x.y %}{{a}}{% end %}", "attributes cannot be read: `y`", 1, 1),
    ("{% set a = [i for i in x] %}{{a}}", "invalid syntax: expected token ',', got 'for'", 1, 1),
    ("{% set a += x.y %}{{a}}", "attributes cannot be read: `y`", 1, 1),
    ("{% try %}{{Int8('a' + x)}}{% except E as e %}{% end %}", "except takes names of exceptions, and no `as`", 1, 27),
    ("{{ f'{x!r}' }}", "f-string: no format or conversion can be given", 1, 1),
    ("{{q}}", '"q" can not be used as a variable name, line 1', 1, 1),
    ("{{Float64('1_0')}}", "Error validating '1_0' to type Float64", 1, 1),
    ("{{Date('2024-02-30')}}", "Error validating '2024-02-30' to type Date", 1, 1),
    ("{{columns(x, 'a', description='d')}}", "columns() takes no `description`", 1, 1),
    ("{{column(x, 'a', required=True)}}", "column() takes no `required`", 1, 1),
    ("{{Boolean(x, description='d')}}", "Boolean() takes no `description`", 1, 1),
    ("{{Int32()}}", "Int32() takes other arguments: write Int32(x, default, defined)", 1, 1),
    ("{{symbol(x, 'a', 'b')}}", "symbol() takes other arguments: write symbol(x, quote)", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("source", "message", "line", "column"), REFUSED, ids=[source for source, *_ in REFUSED])
def test_a_tag_that_no_template_may_hold_ends_the_renders_that_come_to_it_and_no_others(
    source: str, message: str, line: int, column: int
) -> None:
    # `x` is given no value, so that no branch of its own is taken; in the other branch nothing of the tag is run.
    template = Template("{% if other == 'yes' %}" + source + "{% else %}SELECT 1{% end %}")
    (refusal,) = template.refusals
    within = column + len("{% if other == 'yes' %}") if line == 1 else column
    assert (refusal.message, refusal.line, refusal.column) == (message, line, within)
    assert template.render({"x": "1", "other": "no"}, Render()) == "SELECT 1"
    values = {"other": "yes"} if "elif" in source else {"x": "1", "other": "yes"}
    with pytest.raises(TemplateError) as caught:
        template.render(values, Render())
    assert str(caught.value).startswith(f"Template Syntax Error: {message}")
    assert caught.value.status == 400


def test_a_refused_branch_ends_a_render_where_it_is_reached() -> None:
    elif_ = Template("{% if x %}A{% elif y.z %}B{% end %}")
    assert elif_.render({"x": "1"}, Render()) == "A"
    with pytest.raises(TemplateError, match="attributes cannot be read: `z`"):
        elif_.render({}, Render())
    except_ = Template("{% try %}{{Int8(x)}}{% except E as e %}B{% end %}")
    assert except_.render({"x": "1"}, Render()) == "{p1:Int8}"
    with pytest.raises(TemplateError, match="except takes names"):
        except_.render({"x": "a"}, Render())


def test_the_first_turn_of_a_loop_needs_no_loop_variable() -> None:
    source = "{% for i in [1, 2] %}{% if not loop.first %}, {% end %}{{i}}{% end %}"
    template = Template("{% if defined(x) %}" + source + "{% else %}SELECT 1{% end %}")
    assert template.render({}, Render()) == "SELECT 1"
    with pytest.raises(TemplateError, match="attributes cannot be read: `first`"):
        template.render({"x": "1"}, Render())


def test_every_refused_tag_is_told_and_their_number_has_an_end() -> None:
    assert [each.column for each in Template("{{a.b}}{{c.d}}{% if e.f %}{% end %}").refusals] == [1, 8, 15]
    with pytest.raises(TemplateCompileError, match="attributes cannot be read"):
        Template("{{a.b}}" * 50)


def test_a_tag_that_one_branch_puts_in_a_comment_is_refused() -> None:
    with pytest.raises(TemplateCompileError, match="in an SQL comment or not") as caught:
        Template("{% if x %} -- c {% else %}\n{% end %}{{y}}")
    assert (caught.value.line, caught.value.column) == (2, 10)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 -- {{x}}\n{{x}}", "1 -- \n<b>"),
        ("1 /* {{x}} /* {{x}} */ {{x}} */ {{x}}", "1 /*  /*  */  */ <b>"),
        ("1 # {{x}}\n", "1 # \n"),
        ("1 // it's {{x}}\n, {{x}}", "1 // it's \n, <b>"),
        ("{% if x %} -- {{x}} {% end %}\n{{x}}", " --  \n<b>"),
        ("'--' {{x}}", "'--' <b>"),
        ("SELECT $a$ -- ' $a$, {{x}}", "SELECT $a$ -- ' $a$, <b>"),
        ("-- {{missing}}\n1", "-- \n1"),
    ],
)
def test_a_tag_in_a_comment_is_written_as_nothing(source: str, expected: str) -> None:
    assert written(source, x="b") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("FROM t SAMPLE {{Float64(x, 0.1)}}", "FROM t SAMPLE 0.1"),
        ("FROM t SAMPLE 1/{{Int32(x, 10)}}", "FROM t SAMPLE 1/10"),
        ("FROM t sample\n{{Int32(x, 1000)}} WHERE a = {{Int32(x, 7)}}", "FROM t sample\n1000 WHERE a = <7>"),
    ],
)
def test_sample_takes_a_constant(source: str, expected: str) -> None:
    assert written(source) == expected


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e30"])
def test_sample_takes_nothing_but_a_plain_number(value: str) -> None:
    with pytest.raises(TemplateRenderError, match="SAMPLE takes a number from 0 up"):
        written("FROM t SAMPLE {{Float64(x)}}", x=value)


def test_one_value_of_one_type_has_one_name() -> None:
    state = Render()
    sql = Template("{{x}} {{String(x)}} {{Int8(y)}} {{Int16(y)}} {{x}}").render({"x": "1", "y": "1"}, state)
    assert sql == "{p1:String} {p1:String} {p2:Int8} {p3:Int16} {p1:String}"


def test_a_wrong_value_names_the_parameter_and_what_it_takes() -> None:
    with pytest.raises(ParameterError) as caught:
        written("{{Int32(limit, 100)}}", limit="abc")
    assert str(caught.value) == (
        "Template Syntax Error: Error validating 'abc' to type Int32. "
        "Parameter `limit` takes a whole number from -2147483648 to 2147483647."
    )
    assert caught.value.parameter == "limit"
    assert caught.value.body == {"error": str(caught.value)}


def test_a_template_can_be_rendered_again_and_again() -> None:
    template = Template("{% set n = Int8(x, 1) %}{% for i in [1, 2] %}{{n + i}}{% end %}")
    renders = [Render(), Render(), Render()]
    texts = {template.render(given, state) for given, state in zip(({"x": "5"}, {}, {}), renders, strict=True)}
    assert texts == {"{p1:Int64}{p2:Int64}"}
    assert [list(state.bindings.parameters.values()) for state in renders] == [["6", "7"], ["2", "3"], ["2", "3"]]
