"""Rewrites a parsed template so that it can reach its own parameters, variables and functions, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer

from schemas.template.compiling import grammar
from schemas.template.compiling.calls import expect_arguments, function_named
from schemas.template.compiling.declarations import declared_parameter, expect_parameter
from schemas.template.compiling.plain import PLAIN_DEPTH, is_plain
from schemas.template.functions.registry import TemplateFunction
from schemas.template.operators import CONTROL_METHODS, OUTPUT_METHODS
from schemas.template.parameters import FORBIDDEN_NAMES, Parameter

_INTERNAL_CALLS = {
    grammar.FOREVER: "forever",
    grammar.TRY: "attempt",
    grammar.FORMATTED: "formatted",
    grammar.REFUSED: "refused",
}


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
        if self.is_plain and (self._depth > PLAIN_DEPTH or not is_plain(node)):
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
        function = function_named(name, node.lineno, in_output=self._in_output)
        self._declare(function, node)
        expect_arguments(name, node)
        parameter = node.args[0].name if node.args and isinstance(node.args[0], nodes.Name) else None
        node.node.name = f"f_{name}"
        node.args = [self._expression(argument) for argument in node.args]
        for keyword in node.kwargs:
            keyword.value = self._expression(keyword.value)
        if parameter is not None and parameter not in self._variables and function.reads_parameter:
            node.kwargs.append(nodes.Keyword("parameter_name", nodes.Const(parameter), lineno=node.lineno))
        return node

    def _method_call(self, node: nodes.Call, target: nodes.Getattr) -> nodes.Node:
        allowed = OUTPUT_METHODS if self._in_output else CONTROL_METHODS
        if target.attr not in allowed:
            raise TemplateSyntaxError(f"Invalid method name: {target.attr}", node.lineno)
        arguments = [target.node, nodes.Const(target.attr, lineno=node.lineno), *node.args]
        keywords = [nodes.Keyword(each.key, self._expression(each.value), lineno=node.lineno) for each in node.kwargs]
        return _call("method", [self._expression(argument) for argument in arguments], node.lineno, keywords)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802 - named by Jinja2's NodeVisitor
        raise TemplateSyntaxError(f"attributes cannot be read: `{node.attr}`", node.lineno)

    def _declare(self, function: TemplateFunction, node: nodes.Call) -> None:
        """Note what a call says of the parameter it reads."""
        first = node.args[0] if node.args else None
        if isinstance(first, nodes.Const):
            expect_parameter(function, first)
        if not isinstance(first, nodes.Name) or first.name in self._variables:
            return
        if function.reads_parameter:
            self._note(declared_parameter(function.name, first.name, node))
            if function.name == "Array":
                self.split.add(first.name)
        elif function.name == "defined" and first.name not in self._used:
            self._note(Parameter(first.name, used_in="function_call"))

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
