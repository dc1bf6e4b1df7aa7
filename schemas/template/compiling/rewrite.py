"""Rewrites a parsed template so that it can reach its own parameters, variables and functions, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from inspect import Signature, signature
from typing import Any, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer

from schemas.template.compiling import grammar
from schemas.template.errors import ParameterError
from schemas.template.functions import CONTROL_BUILTINS, FUNCTIONS, OUTPUT_BUILTINS, READS_PARAMETER, TYPED
from schemas.template.operators import CONTROL_METHODS, OUTPUT_METHODS
from schemas.template.parameters import FORBIDDEN_NAMES, Parameter
from schemas.template.values.dates import is_impossible
from schemas.template.values.parsing import element_parser, shown

_DOCUMENTED = ("description", "required", "enum", "example", "format")
# Tinybird's words for a call of what is no function.
_NO_FUNCTION = "wrong syntax, you might be using a not valid function inside a control block"
_INTERNAL_CALLS = {
    grammar.FOREVER: "forever",
    grammar.TRY: "attempt",
    grammar.FORMATTED: "formatted",
    grammar.REFUSED: "refused",
}
_DATED = frozenset({"Date", "DateTime", "DateTime64"})
# Statements and expressions that Jinja2 turns into Python whatever they hold, and how deep they may stand in each other
# for Python's own limits (20 blocks, 100 levels of indentation, 200 brackets) to be far away.
_PLAIN = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Const, nodes.Name}
    | {nodes.Call, nodes.Getitem, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.CondExpr}
    | {nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos}
    | {nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow}
)
_PLAIN_DEPTH = 12
_PLAIN_NUMBER = 2**64


def _is_plain(node: nodes.Node) -> bool:
    if type(node) is nodes.Const:
        return not isinstance(node.value, int) or abs(node.value) < _PLAIN_NUMBER
    if type(node) is nodes.Name:
        return node.name.isascii()
    if type(node) is nodes.Call and node.kwargs:
        keys = {keyword.key for keyword in node.kwargs}
        return len(keys) == len(node.kwargs) and all(key.isascii() for key in keys)
    return type(node) in _PLAIN


def assigned_names(template: nodes.Template) -> frozenset[str]:
    """Every name that the template gives a value: all of them are variables, wherever they stand."""
    return frozenset(
        name.name
        for parent in template.find_all((nodes.Assign, nodes.For))
        for name in _stored(cast("nodes.Assign | nodes.For", parent).target)
        if not name.name.endswith("!")
    )


def _stored(target: nodes.Node) -> list[nodes.Name]:
    found = [target] if isinstance(target, nodes.Name) else []
    return found + list(target.find_all(nodes.Name))


class WrongDefaultError(Exception):
    """A default that no request could ever use, in the tag `ordinal`."""

    def __init__(self, message: str, ordinal: int) -> None:
        super().__init__(message)
        self.ordinal = ordinal


class Rewriter(NodeTransformer):
    """After `visit`, every name is `p_…` (a parameter), `f_…` (a function), `t_…` (a loop's own) or `locals`.

    `uses` are the parameters in the order of the text, `contexts` says which tags (by ordinal) stand in an SQL
    comment or after SAMPLE, `compared` which are compared with which column, `line_of` on which line they stand;
    `split` are the parameters that an Array() splits. `tag_names` are the parameters and variables that each tag reads,
    `assigning` the tags that give a variable its values. `is_plain`: nothing was found that could keep Python from
    compiling the code which Jinja2 makes of it.
    """

    def __init__(
        self,
        variables: frozenset[str],
        contexts: Mapping[int, str],
        compared: Mapping[int, str],
        line_of: Callable[[int], int],
    ) -> None:
        self._variables = variables
        self._line_of = line_of
        self._contexts = contexts
        self._compared = compared
        self._in_output = False
        self._loops = 0
        self._used: set[str] = set()
        self.uses: list[Parameter] = []
        self.names: dict[str, int] = {}
        self.split: set[str] = set()
        self.tag_names: dict[int, list[str]] = {}
        self.assigning: dict[str, list[int]] = {}
        self.is_plain = True
        self._depth = 0

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> Any:
        self._depth += 1
        if self.is_plain and (self._depth > _PLAIN_DEPTH or not _is_plain(node)):
            self.is_plain = False
        visited = super().visit(node, *args, **kwargs)
        self._depth -= 1
        return visited

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 - Jinja2's visitors are named so
        written: list[nodes.Expr] = []
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                written.append(child)
                continue
            self._in_output = True
            value = self._expression(child)
            self._in_output = False
            context = self._contexts.get(child.lineno)
            column = self._compared.get(child.lineno)
            if context:
                value = _call(context, [value], child.lineno)
            elif column is not None:
                value = _call("compared", [value, nodes.Const(column, lineno=child.lineno)], child.lineno)
            written.append(value)
        node.nodes = written
        return node

    def _expression(self, node: nodes.Expr) -> nodes.Expr:
        return cast("nodes.Expr", self.visit(node))

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        name = node.name
        if name.endswith("!"):
            node.name = f"t_{name[:-1]}"
            return node
        self.tag_names.setdefault(node.lineno, []).append(name)
        if name in self._variables:
            return nodes.Getitem(
                nodes.Name("locals", "load", lineno=node.lineno), nodes.Const(name), "load", lineno=node.lineno
            )
        if name in FORBIDDEN_NAMES:
            line = self._line_of(node.lineno)
            raise TemplateSyntaxError(f'"{name}" can not be used as a variable name, line {line}', node.lineno)
        self.names.setdefault(name, node.lineno)
        if name not in self._used:
            self._note(Parameter(name))
        node.name = f"p_{name}"
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise TemplateSyntaxError("a call takes no * or **", node.lineno)
        if isinstance(node.node, nodes.Getattr):
            return self._method_call(node, node.node)
        if not isinstance(node.node, nodes.Name):
            raise TemplateSyntaxError("only functions can be called", node.lineno)
        name = node.node.name
        if name in _INTERNAL_CALLS:
            node.node.name = f"f_{_INTERNAL_CALLS[name]}"
            node.args = [self._expression(argument) for argument in node.args]
            return node
        self._check_function(name, node.lineno)
        self._declare(name, node)
        self._check_keywords(name, node)
        parameter = node.args[0].name if node.args and isinstance(node.args[0], nodes.Name) else None
        node.node.name = f"f_{name}"
        node.args = [self._expression(argument) for argument in node.args]
        for keyword in node.kwargs:
            keyword.value = self._expression(keyword.value)
        if parameter is not None and parameter not in self._variables and name in READS_PARAMETER:
            node.kwargs.append(nodes.Keyword("parameter_name", nodes.Const(parameter), lineno=node.lineno))
        return node

    def _check_function(self, name: str, lineno: int) -> None:
        builtins = OUTPUT_BUILTINS if self._in_output else CONTROL_BUILTINS
        if name not in FUNCTIONS or (name in CONTROL_BUILTINS and name not in builtins):
            where = "" if self._in_output else f": {_NO_FUNCTION}"
            raise TemplateSyntaxError(f"Invalid function name: {name}{where}", lineno)

    def _check_keywords(self, name: str, node: nodes.Call) -> None:
        for keyword in node.kwargs:
            if keyword.key == "parameter_name" or keyword.key.startswith("_"):
                raise TemplateSyntaxError(f"{name}() takes no `{keyword.key}`", node.lineno)
        if name == "sql_and" and node.args:
            raise TemplateSyntaxError("sql_and() takes keywords only, as in sql_and(country=country)", node.lineno)
        keys = [keyword.key for keyword in node.kwargs]
        known = _signature(name)
        try:
            known.bind(None, *node.args, **dict.fromkeys(keys))
        except TypeError:
            unknown = next((key for key in keys if key not in known.parameters), "")
            what = f"no `{unknown}`" if unknown else f"other arguments: {_usage(name, known)}"
            raise TemplateSyntaxError(f"{name}() takes {what}", node.lineno) from None
        if name == "columns":
            fn = next((each.value for each in node.kwargs if each.key == "fn"), None)
            fn = fn or (node.args[2] if len(node.args) > 2 else None)
            is_name = isinstance(fn, nodes.Const) and isinstance(fn.value, str) and fn.value.isidentifier()
            if fn is not None and not is_name:
                raise TemplateSyntaxError("columns() takes a function's name as text for `fn`", node.lineno)

    def _method_call(self, node: nodes.Call, target: nodes.Getattr) -> nodes.Node:
        allowed = OUTPUT_METHODS if self._in_output else CONTROL_METHODS
        if target.attr not in allowed:
            raise TemplateSyntaxError(f"Invalid method name: {target.attr}", node.lineno)
        arguments = [target.node, nodes.Const(target.attr, lineno=node.lineno), *node.args]
        keywords = [nodes.Keyword(each.key, self._expression(each.value), lineno=node.lineno) for each in node.kwargs]
        return _call("method", [self._expression(argument) for argument in arguments], node.lineno, keywords)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        raise TemplateSyntaxError(f"attributes cannot be read: `{node.attr}`", node.lineno)

    def _declare(self, function: str, node: nodes.Call) -> None:
        """Note what a call says of the parameter it reads."""
        first = node.args[0] if node.args else None
        if isinstance(first, nodes.Const) and function in READS_PARAMETER and isinstance(first.value, (int, float)):
            raise TemplateSyntaxError(f'"{first.value}" can not be used as a variable name', node.lineno)
        if isinstance(first, nodes.Const) and isinstance(first.value, str) and function in TYPED:
            _check_literal(function, first.value, node.lineno)
        if not isinstance(first, nodes.Name) or first.name in self._variables:
            return
        if function not in READS_PARAMETER:
            if function == "defined" and first.name not in self._used:
                self._note(Parameter(first.name, used_in="function_call"))
            return
        use = _declared(function, first.name, node)
        self._note(use)
        _check_default(function, use, node)
        if function == "Array":
            self.split.add(first.name)

    def _note(self, use: Parameter) -> None:
        self._used.add(use.name)
        self.uses.append(use)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        return self._container(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        return self._container(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        return self.generic_visit(node) if node.ctx != "load" else self._container(node)

    def _container(self, node: nodes.Expr) -> nodes.Node:
        return _call("checked", [cast("nodes.Expr", self.generic_visit(node))], node.lineno)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        if node.expr2 is None:
            raise TemplateSyntaxError("`a if b` needs an `else`", node.lineno)
        return self.generic_visit(node)

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        node.node = self._expression(cast("nodes.Expr", node.node))
        node.target = cast("nodes.Expr", self._target(node.target))
        return node

    def _target(self, target: nodes.Node) -> nodes.Node:
        if isinstance(target, nodes.Tuple):
            self.is_plain = False
            target.items = [cast("nodes.Expr", self._target(item)) for item in target.items]
            return target
        if not isinstance(target, nodes.Name):
            raise TemplateSyntaxError("only names can be given a value", target.lineno)
        self.assigning.setdefault(target.name, []).append(target.lineno)
        return nodes.NSRef("locals", target.name, lineno=target.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        """Loop variables are assigned to the template's variables, so that they outlive the loop as in Python."""
        if node.test is not None or node.recursive:
            raise TemplateSyntaxError("a for block takes no `if` and no `recursive`", node.lineno)
        self._loops += 1
        turn = f"t_turn_{self._loops}"
        target, node.target = node.target, nodes.Name(turn, "store", lineno=node.lineno)
        is_while = isinstance(target, nodes.Name) and target.name == grammar.TURN
        iterable = self._expression(cast("nodes.Expr", node.iter))
        node.iter = iterable if is_while else _call("iterate", [iterable], node.lineno)
        body: list[nodes.Node] = []
        if not is_while:
            value = nodes.Name(turn, "load", lineno=node.lineno)
            body.append(nodes.Assign(self._target(target), value, lineno=node.lineno))
        node.body = [*body, *(cast("nodes.Node", self.visit(child)) for child in node.body)]
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        node.call = cast("nodes.Call", self.visit(node.call))
        node.args = [cast("nodes.Name", self.visit(argument)) for argument in node.args]
        node.body = [cast("nodes.Node", self.visit(child)) for child in node.body]
        return node


def _call(
    function: str, arguments: list[nodes.Expr], lineno: int, keywords: list[nodes.Keyword] | None = None
) -> nodes.Call:
    name = nodes.Name(f"f_{function}", "load", lineno=lineno)
    return nodes.Call(name, arguments, keywords or [], None, None, lineno=lineno)


@cache
def _signature(name: str) -> Signature:
    return signature(FUNCTIONS[name])


def _usage(name: str, known: Signature) -> str:
    """How a function is called, as far as its first arguments."""
    hidden = ("render", "parameter_name")
    shown = [each for each in known.parameters if each not in hidden and not each.startswith("_")]
    return f"write {name}({', '.join(shown[:3])})"


def _check_literal(function: str, text: str, lineno: int) -> None:
    """Refuse a text in a parameter's place that is not of the function's type."""
    try:
        element_parser(function)[1](text)
    except ParameterError as error:
        raise TemplateSyntaxError(error.message, lineno) from None


def _check_default(function: str, use: Parameter, node: nodes.Call) -> None:
    """Refuse a default of a date or time that does not exist: who leaves the parameter out would be answered 400."""
    kind = function if function != "Array" else (use.type or "").removeprefix("Array(").removesuffix(")")
    members = use.default if isinstance(use.default, tuple) else str(use.default).split(",")
    if kind not in _DATED or use.default is None:
        return
    for member in members if function == "Array" else [use.default]:
        if isinstance(member, str) and is_impossible(member):
            raise WrongDefaultError(
                f"the default '{shown(member)}' of `{use.name}` is a date or time that does not exist", node.lineno
            )


def _declared(function: str, name: str, node: nodes.Call) -> Parameter:
    default = _constant(node, 2 if function == "Array" else 1, ("default",))
    if function in ("column", "columns"):
        return Parameter(name, default=default, used_in="function_call")
    type_name = function
    if function == "Array":
        type_name = f"Array({_array_type(node)})"
    said = {key: _constant(node, None, (key,)) for key in _DOCUMENTED}
    enum = said["enum"]
    return replace(
        Parameter(name, type_name, default),
        description=None if said["description"] is None else str(said["description"]),
        required=None if said["required"] is None else bool(said["required"]),
        enum=enum if isinstance(enum, tuple) else None,
        example=said["example"],
        format=None if said["format"] is None else str(said["format"]),
    )


def _array_type(node: nodes.Call) -> str:
    return str(_constant(node, 1, ("type", "_type")) or "String")


def _constant(node: nodes.Call, position: int | None, keys: tuple[str, ...]) -> object:
    """The argument at a position or under a keyword, when it is a literal."""
    found = next((keyword.value for keyword in node.kwargs if keyword.key in keys), None)
    if found is None and position is not None and len(node.args) > position:
        found = node.args[position]
    return None if found is None else _literal(found)


def _literal(node: nodes.Node) -> object:
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.Neg):
        value = _literal(node.node)
        return -value if isinstance(value, (int, float)) else None
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return tuple(_literal(item) for item in node.items)
    return None
