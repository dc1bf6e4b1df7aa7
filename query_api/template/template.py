"""A compiled template: made once from a node's SQL, rendered for every request."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from jinja2 import Template as JinjaTemplate
from jinja2 import nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError

from query_api.template import parsing
from query_api.template.comparisons import compared_columns
from query_api.template.environment import ENVIRONMENT, NullExpressionError
from query_api.template.errors import TemplateCompileError, TemplateError, TemplateRenderError
from query_api.template.functions import missing_message
from query_api.template.lexical import tag_contexts
from query_api.template.limits import DEFAULT_LIMITS
from query_api.template.parameters import HIDDEN_NAMES, Parameter, check_name
from query_api.template.rendering import Locals, Render
from query_api.template.rewrite import Rewriter, assigned_names
from query_api.template.tags import place_of, split

# Names the generated code, so that a traceback leads back to the tag.
_FILENAME = "<birdhouse template>"

# Tags that give a name a value.
_ASSIGNING = frozenset({"set", "for"})

# What Python raises for an author's expression, reported in its own words.
_OF_EXPRESSIONS = (ArithmeticError, TypeError, ValueError, AttributeError, LookupError, RecursionError, MemoryError)


class Template:
    """One node's SQL as a template, parsed and checked; its code is made here or for the first render. It never changes
    otherwise; safe to render from several threads.

    `parameters` are its uses of parameters, in the order of the text; a name may appear twice.
    """

    def __init__(self, source: str) -> None:
        """Compile. Raises TemplateCompileError with the place in `source`."""
        if len(source) > DEFAULT_LIMITS.source:
            raise TemplateCompileError(f"a template has at most {DEFAULT_LIMITS.source} characters")
        self._source = source.replace("\r\n", "\n")
        self.segments = split(self._source)
        self._contexts = dict(tag_contexts(self._source, self.segments))
        try:
            parsed, rewriter = self._rewritten()
            # What surely compiles waits for the first render: most of a start would else go into code that is not run.
            self._code = None if rewriter.is_plain else _compiled(parsed)
        except TemplateError:
            raise
        except TemplateSyntaxError as error:
            raise self._compile_error(_in_our_words(str(error.message)), error.lineno) from None
        except (JinjaError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            raise TemplateCompileError(f"the template cannot be read: {error}") from None
        for name, ordinal in rewriter.names.items():
            check_name(name, *self._place(ordinal))
        self.parameters: tuple[Parameter, ...] = tuple(dict.fromkeys(rewriter.uses))
        self.names = frozenset(rewriter.names)
        self._readable = {name: f"p_{name}" for name in rewriter.names if name not in HIDDEN_NAMES}
        self._absent: dict[str, object] = {f"p_{name}": None for name in rewriter.names}
        self._split = rewriter.split
        self._missing = missing_message(list(rewriter.names))

    def _rewritten(self) -> tuple[nodes.Template, Rewriter]:
        parsed = ENVIRONMENT.parse(self._source)
        can_assign = any(segment.keyword in _ASSIGNING for segment in self.segments)
        variables = assigned_names(parsed) if can_assign else frozenset[str]()
        rewriter = Rewriter(variables, self._contexts, compared_columns(self.segments))
        return rewriter.visit(parsed), rewriter

    @property
    def _jinja(self) -> JinjaTemplate:
        if self._code is None:
            # Two threads may both come here: they make the same.
            self._code = _compiled(self._rewritten()[0])
        return self._code

    def _place(self, ordinal: int) -> tuple[int, int]:
        offset = self.segments[min(max(ordinal, 1), len(self.segments)) - 1].offset if self.segments else 0
        return place_of(self._source, offset)

    def _compile_error(self, message: str, ordinal: int) -> TemplateCompileError:
        line, column = self._place(ordinal)
        return TemplateCompileError(message, line=line, column=column)

    def render(self, values: Mapping[str, object], render: Render) -> str:
        """SQL with placeholders; what they stand for is in `render.bindings`. Raises TemplateError."""
        given = dict(self._absent)
        for name, key in self._readable.items():
            if name in values:
                value = values[name]
                given[key] = parsing.split_ahead(value) if name in self._split else value
        render.missing = self._missing
        code = self._jinja
        context = code.new_context({**given, "render": render, "locals": Locals()})
        try:
            pieces = []
            for piece in code.root_render_func(context):
                render.budget.write(len(piece))
                pieces.append(piece)
            return "".join(pieces)
        except TemplateError:
            raise
        except NullExpressionError as error:
            raise TemplateRenderError(f'expression "{self._tag_of(error.__traceback__)}" evaluated to null') from None
        except KeyError as error:
            raise TemplateRenderError(f"there is no {error} in this value") from None
        except (
            ArithmeticError,
            TypeError,
            ValueError,
            AttributeError,
            LookupError,
            RecursionError,
            MemoryError,
        ) as error:
            raise TemplateRenderError(str(error) or type(error).__name__) from None

    def _tag_of(self, traceback: TracebackType | None) -> str:
        """The text of the tag that was running."""
        ordinal = 1
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == _FILENAME:
                ordinal = self._jinja.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return self.segments[ordinal - 1].text


def _in_our_words(message: str) -> str:
    """The parser's message, which knows nothing of tags, as Python would begin it."""
    is_of_parser = message.lower().startswith(("expected ", "unexpected "))
    for end in ("end of print statement", "end of statement block"):
        message = message.replace(end, "end of the tag")
    return f"invalid syntax: {message}" if is_of_parser else message


def _compiled(parsed: nodes.Template) -> JinjaTemplate:
    code = ENVIRONMENT.compile(parsed, None, _FILENAME)
    return JinjaTemplate.from_code(ENVIRONMENT, code, dict(ENVIRONMENT.globals))


def template_source(sql: str) -> tuple[str, int] | None:
    """The template in a node's SQL and the offset at which it starts; None for SQL that is no template.

    SQL whose first character is `%` is one (Tinybird), and so is SQL that holds `{{` or `{%` without it.
    """
    stripped = sql.lstrip()
    if stripped.startswith("%"):
        start = len(sql) - len(stripped) + 1
        return sql[start:], start
    return (sql, 0) if "{{" in sql or "{%" in sql else None
