"""A compiled template: made once from a node's SQL, rendered for every request."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from jinja2 import Template as JinjaTemplate
from jinja2 import nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.allowed import is_python
from schemas.template.compiling.calls import WrongConstantError
from schemas.template.compiling.comparisons import compared_columns
from schemas.template.compiling.declarations import WrongDefaultError
from schemas.template.compiling.grammar import REFUSED_TAGS
from schemas.template.compiling.lexical import tag_contexts
from schemas.template.compiling.rewrite import Rewriter, assigned_names
from schemas.template.compiling.tags import place_of, split
from schemas.template.environment import ENVIRONMENT, FUNCTION_NAMES, Names, NullExpressionError, TemplateContext
from schemas.template.errors import (
    CustomReportedError,
    ParameterError,
    ReportedError,
    TemplateCompileError,
    TemplateError,
    TemplateLimitError,
    TemplateRenderError,
)
from schemas.template.functions.typed import missing_message
from schemas.template.limits import DEFAULT_LIMITS
from schemas.template.parameters import HIDDEN_NAMES, Parameter
from schemas.template.rendering import Locals, Render
from schemas.template.values import parsing
from schemas.template.values.kinds import PYTHON_ERRORS, in_our_words
from schemas.template.values.parsing import shown

# Names the generated code, so that a traceback leads back to the tag.
_FILENAME = "<birdhouse template>"

# Tags that give a name a value.
_ASSIGNING = frozenset({"set", "for"})

# Who refuses more tags than these looks again; each costs one more reading of the template.
_MAX_REFUSED = 20


class Template:
    """One node's SQL as a template, parsed and checked; its code is made here or for the first render. It never changes
    otherwise; safe to render from several threads.

    `parameters` are its uses of parameters, in the order of the text; a name may appear twice. `refusals` are its tags
    that hold Python which no template may: a render that comes to one of them ends there, others do not.
    """

    def __init__(self, source: str) -> None:
        """Compile. Raises TemplateCompileError with the place in `source`."""
        if len(source) > DEFAULT_LIMITS.source:
            raise TemplateCompileError(f"a template has at most {DEFAULT_LIMITS.source} characters")
        self.source = source.replace("\r\n", "\n")
        self.segments = split(self.source)
        self._contexts = dict(tag_contexts(self.source, self.segments))
        self._refused: dict[int, str] = {}
        try:
            parsed, rewriter = self._understood()
            # What surely compiles waits for the first render: most of a start would else go into code that is not run.
            self._code = None if rewriter.is_plain and not self._refused else _compiled(parsed)
        except TemplateError:
            raise
        except TemplateSyntaxError as error:
            raise self._compile_error(_message_of(error), error.lineno) from None
        except (WrongConstantError, WrongDefaultError) as error:
            raise self._compile_error(str(error), error.ordinal) from None
        except (JinjaError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            reason = error.message if isinstance(error, JinjaError) else in_our_words(error)
            raise TemplateCompileError(f"the template cannot be read: {reason}") from None
        self.refusals = tuple(self._compile_error(message, ordinal) for ordinal, message in self._refused.items())
        self.parameters: tuple[Parameter, ...] = tuple(dict.fromkeys(rewriter.uses))
        self.names = frozenset(rewriter.names)
        self._readable = {name: f"p_{name}" for name in rewriter.names if name not in HIDDEN_NAMES}
        self._absent: dict[str, object] = {f"p_{name}": None for name in rewriter.names}
        self._split = rewriter.split
        self._missing = missing_message(list(rewriter.names))
        self._tag_names, self._assigning = rewriter.tag_names, rewriter.assigning

    def _understood(self) -> tuple[nodes.Template, Rewriter]:
        """The template, with what it may not hold replaced by what ends a render, one tag after the other."""
        while True:
            try:
                return self._rewritten()
            except TemplateSyntaxError as error:
                ordinal = error.lineno
                is_new = 0 < ordinal <= len(self.segments) and ordinal not in self._refused
                if not is_new or len(self._refused) == _MAX_REFUSED or not is_python(self.segments[ordinal - 1]):
                    raise
                self._refused[ordinal] = _message_of(error)

    def _rewritten(self) -> tuple[nodes.Template, Rewriter]:
        token = REFUSED_TAGS.set(self._refused)
        try:
            parsed = ENVIRONMENT.parse(self.source)
        finally:
            REFUSED_TAGS.reset(token)
        can_assign = any(segment.keyword in _ASSIGNING for segment in self.segments)
        variables = assigned_names(parsed) if can_assign else frozenset[str]()
        compared = compared_columns(self.segments)
        rewriter = Rewriter(variables, self._contexts, compared, lambda ordinal: self._place(ordinal)[0])
        return rewriter.visit(parsed), rewriter

    @property
    def _jinja(self) -> JinjaTemplate:
        if self._code is None:
            # Two threads may both come here: they make the same.
            self._code = _compiled(self._rewritten()[0])
        return self._code

    def _place(self, ordinal: int) -> tuple[int, int]:
        offset = self.segments[min(max(ordinal, 1), len(self.segments)) - 1].offset if self.segments else 0
        return place_of(self.source, offset)

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
        context = TemplateContext(Names(FUNCTION_NAMES, **given, render=render, locals=Locals()))
        try:
            return render.budget.written(code.root_render_func(context))
        except (ReportedError, CustomReportedError, TemplateLimitError):
            raise
        except TemplateRenderError as error:
            raise self._named(error, render, given) from None
        except NullExpressionError as error:
            tag = self.segments[self._ordinal_of(error.__traceback__) - 1].text
            message = f'expression "{shown(tag)}" evaluated to null'
            raise self._named(TemplateRenderError(message).with_traceback(error.__traceback__), render, given) from None
        except (*PYTHON_ERRORS, JinjaError) as error:
            told = TemplateRenderError(in_our_words(error)).with_traceback(error.__traceback__)
            raise self._named(told, render, given) from None

    def _named(self, error: TemplateRenderError, render: Render, given: Mapping[str, object]) -> TemplateRenderError:
        """The error with the parameters of the tag that it is of, unless it names its own; and without any secret."""
        if not (isinstance(error, ParameterError) and error.parameter):
            names = self.parameters_of(self._ordinal_of(error.__traceback__))
            error.name([f"`{name}`" if given[f"p_{name}"] is not None else f"`{name}` (not given)" for name in names])
        if any(secret and shown(secret) in error.message for secret in render.secrets.values()):
            return TemplateRenderError("a value cannot be used here; it is not shown, because it quotes a secret")
        return error

    def parameters_of(self, ordinal: int) -> list[str]:
        """The parameters that a tag reads, also through variables, each once."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        pending = [ordinal]
        while pending:
            current = pending.pop(0)
            seen.add(current)
            for name in self._tag_names.get(current, ()):
                if name in self.names:
                    found[name] = None
                pending += [each for each in self._assigning.get(name, ()) if each not in seen]
        return list(found)

    def _ordinal_of(self, traceback: TracebackType | None) -> int:
        """The tag that was running."""
        ordinal = 1
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == _FILENAME:
                ordinal = self._jinja.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return ordinal


def _message_of(error: TemplateSyntaxError) -> str:
    return _in_our_words(str(error.message))


def _in_our_words(message: str) -> str:
    """The parser's message, which knows nothing of tags, as Python would begin it."""
    is_of_parser = message.lower().startswith(("expected ", "unexpected "))
    for end in ("end of print statement", "end of statement block"):
        message = message.replace(end, "end of the tag")
    return f"invalid syntax: {message}" if is_of_parser else message


def _compiled(parsed: nodes.Template) -> JinjaTemplate:
    code = ENVIRONMENT.compile(parsed, None, _FILENAME)
    return JinjaTemplate.from_code(ENVIRONMENT, code, {})


def template_source(sql: str) -> tuple[str, int] | None:
    """The template in a node's SQL and the offset at which it starts; None for SQL that is no template.

    SQL whose first character is `%` is one (Tinybird), and so is SQL that holds `{{` or `{%` without it.
    """
    stripped = sql.lstrip()
    if stripped.startswith("%"):
        start = len(sql) - len(stripped) + 1
        return sql[start:], start
    return (sql, 0) if "{{" in sql or "{%" in sql else None
