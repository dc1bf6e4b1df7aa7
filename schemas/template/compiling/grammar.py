"""Feeds Jinja2's parser with the tokens of a Tinybird template: the tags of one language as those of the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from string import Formatter
from types import MappingProxyType

from jinja2.environment import Environment
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Lexer, Token, TokenStream

from schemas.template.compiling.allowed import check_output, target_of
from schemas.template.compiling.tags import Segment, split

# Names that no author can write: they hold a character that no identifier has.
ATTEMPT = "attempt!"
FOREVER = "forever!"
TRY = "try!"
TURN = "turn!"
FORMATTED = "formatted!"
REFUSED = "refused!"
# Of the template that is being parsed: the ordinals of the tags that no template may hold, and why. Each is parsed as
# what ends the render that comes to it.
REFUSED_TAGS: ContextVar[Mapping[int, str]] = ContextVar("refused tags", default=MappingProxyType({}))
# Deeper brackets would exhaust Python's own parser.
_MAX_BRACKETS = 40
_DEPTHS = {"lparen": 1, "lbracket": 1, "lbrace": 1, "rparen": -1, "rbracket": -1, "rbrace": -1}
_AUGMENTED = frozenset({"add", "sub", "mul", "div", "floordiv", "pow", "mod"})
_EXCEPTIONS = frozenset({"name", "comma", "lparen", "rparen", "dot"})
_CLOSING = {"if": "endif", "for": "endfor", "while": "endfor", "try": "endcall"}


class TagLexer(Lexer):
    """Jinja2's lexer for what stands within a tag; which tags there are is for `tags.split` to say.

    The line number of every token is the ordinal of its segment, from 1, so that whatever Jinja2 or Python
    reports about a line leads back to the very tag.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)

    def tokenize(
        self, source: str, name: str | None = None, filename: str | None = None, _state: str | None = None
    ) -> TokenStream:
        """The tokens of a whole template. Raises TemplateCompileError, TemplateSyntaxError."""
        return TokenStream(self._tokens(split(source)), name, filename)

    def _tokens(self, segments: Sequence[Segment]) -> Iterator[Token]:
        refused = REFUSED_TAGS.get()
        for ordinal, segment in enumerate(segments, 1):
            if segment.kind == "text":
                yield Token(ordinal, "data", segment.text)
            elif ordinal in refused:
                yield from self._refused(ordinal, segment, refused[ordinal])
            elif segment.kind == "expression":
                check_output(segment.text, ordinal)
                yield from _output(ordinal, self._within(ordinal, segment.text))
            else:
                yield from self._block(ordinal, segment)

    def _refused(self, ordinal: int, segment: Segment, message: str) -> Iterator[Token]:
        """A tag that ends the render, of the same block and with the same variables as the one that stands there."""
        refusal = _words(ordinal, REFUSED, "(")
        refusal += [Token(ordinal, "string", message), Token(ordinal, "rparen", ")")]
        target = target_of(segment)
        if segment.kind == "expression" or (segment.keyword == "set" and not target):
            yield from _output(ordinal, refusal)
        elif segment.keyword == "except":
            yield from (*_tag(ordinal, "else"), *_output(ordinal, refusal))
        elif segment.keyword == "set":
            yield from _tag(ordinal, "set", [*_names(ordinal, target), Token(ordinal, "assign", "="), *refusal])
        elif segment.keyword == "for":
            yield from _tag(ordinal, "for", [*_names(ordinal, target or "_"), *_words(ordinal, "in"), *refusal])
        else:
            yield from self._opening(ordinal, segment, refusal)

    def _block(self, ordinal: int, segment: Segment) -> Iterator[Token]:
        within = list(self._within(ordinal, segment.text))
        if segment.kind == "close":
            if segment.block == "try":
                yield from _tag(ordinal, "endif")
            yield from _tag(ordinal, _CLOSING[segment.block])
        elif segment.keyword in ("if", "elif", "while"):
            yield from self._opening(ordinal, segment, within)
        elif segment.keyword == "else" or segment.keyword == "except":
            if segment.keyword == "except" and not all(_is_exception(token) for token in within):
                raise TemplateSyntaxError("except takes names of exceptions, and no `as`", ordinal)
            yield from _tag(ordinal, "else")
        elif segment.keyword == "for":
            yield from _tag(ordinal, "for", _loop_over(ordinal, within))
        elif segment.keyword == "try":
            yield from _tag(ordinal, "call", _words(ordinal, "(", ATTEMPT, ")", TRY, "(", ")"))
            yield from _tag(ordinal, "if", _words(ordinal, ATTEMPT))
        elif segment.keyword == "set":
            yield from _tag(ordinal, "set", _assignment(ordinal, within))
        else:
            yield from _tag(ordinal, segment.keyword)

    def _opening(self, ordinal: int, segment: Segment, condition: list[Token]) -> Iterator[Token]:
        """An `if`, `elif` or `while`, the last with its condition at the head of its body."""
        bracketed = _bracketed(ordinal, segment, condition)
        if segment.keyword != "while":
            yield from _tag(ordinal, segment.keyword, bracketed)
            return
        yield from _tag(ordinal, "for", _words(ordinal, TURN, "in", FOREVER, "(", ")"))
        yield from _tag(ordinal, "if", [*_words(ordinal, "not"), *bracketed])
        yield from _tag(ordinal, "break")
        yield from _tag(ordinal, "endif")

    def _within(self, ordinal: int, text: str) -> Iterator[Token]:
        """The tokens of an expression, f-strings taken apart."""
        depth = 0
        tokens = list(self.wrap(self.tokeniter(text, None, None, "variable")))
        for index, token in enumerate(tokens):
            depth += _DEPTHS.get(token.type, 0)
            if depth > _MAX_BRACKETS:
                raise TemplateSyntaxError(f"brackets stand more than {_MAX_BRACKETS} deep", ordinal)
            if token.type in ("pipe", "tilde", "variable_end", "data", "variable_begin", "block_begin"):
                raise TemplateSyntaxError(f"unexpected '{token.value or token.type}'", ordinal)
            if _is_format_prefix(tokens, index):
                continue
            if token.type == "string" and index and _is_format_prefix(tokens, index - 1):
                yield from self._format(ordinal, token.value)
            else:
                yield Token(ordinal, token.type, token.value)

    def _format(self, ordinal: int, text: str) -> Iterator[Token]:
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateSyntaxError(f"f-string: {error}", ordinal) from None
        yield from _words(ordinal, FORMATTED, "(")
        for literal, expression, specification, conversion in parts:
            yield from (Token(ordinal, "string", literal), Token(ordinal, "comma", ","))
            if specification or conversion:
                raise TemplateSyntaxError("f-string: no format or conversion can be given", ordinal)
            if expression is not None:
                yield from self._within(ordinal, expression)
                yield Token(ordinal, "comma", ",")
        yield from _words(ordinal, ")")


def _is_exception(token: Token) -> bool:
    return token.type in _EXCEPTIONS and not token.test("name:as")


def _is_format_prefix(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.value != "f" or token.type != "name":
        return False
    return index + 1 < len(tokens) and tokens[index + 1].type == "string"


def _words(ordinal: int, *words: str) -> list[Token]:
    kinds = {"(": "lparen", ")": "rparen"}
    return [Token(ordinal, kinds.get(word, "name"), word) for word in words]


def _tag(ordinal: int, keyword: str, within: Iterable[Token] = ()) -> Iterator[Token]:
    yield Token(ordinal, "block_begin", "")
    yield Token(ordinal, "name", keyword)
    yield from within
    yield Token(ordinal, "block_end", "")


def _output(ordinal: int, within: Iterable[Token]) -> Iterator[Token]:
    yield Token(ordinal, "variable_begin", "")
    yield from within
    yield Token(ordinal, "variable_end", "")


def _names(ordinal: int, names: str) -> list[Token]:
    """The tokens of `a` or `a, b`."""
    tokens: list[Token] = []
    for name in names.split(","):
        tokens += [Token(ordinal, "name", name.strip()), Token(ordinal, "comma", ",")]
    return tokens[:-1]


def _bracketed(ordinal: int, segment: Segment, within: list[Token]) -> list[Token]:
    """Brackets around a condition, since Jinja2 takes no bare `a if b else c` there."""
    if not within:
        raise TemplateSyntaxError(f"{segment.keyword} needs a condition", ordinal)
    return [*_words(ordinal, "("), *within, *_words(ordinal, ")")]


def _loop_over(ordinal: int, within: list[Token]) -> list[Token]:
    for index, token in enumerate(within):
        if token.test("name:in"):
            if index + 1 == len(within):
                break
            after = within[index + 1 :]
            return [*within[: index + 1], *_words(ordinal, "("), *after, *_words(ordinal, ")")]
    raise TemplateSyntaxError("a for block is written {% for name in values %}", ordinal)


def _assignment(ordinal: int, within: list[Token]) -> list[Token]:
    """`a = b`, with `a += b` written out."""
    depth = 0
    for index, token in enumerate(within):
        depth += _DEPTHS.get(token.type, 0)
        if depth == 0 and token.type == "assign":
            if index == 2 and within[1].type in _AUGMENTED:
                return [within[0], token, *within[:2], *_words(ordinal, "("), *within[3:], *_words(ordinal, ")")]
            return within
    raise TemplateSyntaxError("set is written {% set name = value %}", ordinal)
