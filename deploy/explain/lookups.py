"""Finds the lookups in a statement: where it keeps those rows of a table whose column has a certain value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from schemas.files.column_type import split_arguments
from schemas.model import DataSource, Engine
from schemas.sql.expressions import names_in
from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError

_CLICKHOUSE = ClickHouse()
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_END_WORDS = "GROUP ORDER HAVING LIMIT OFFSET SETTINGS WINDOW QUALIFY UNION INTERSECT EXCEPT"
_ENDS = [[word] for word in _END_WORDS.split()]
# Deeper SQL is no lookup that anybody could be told about, and the parser works by recursion.
_MAX_CHARACTERS = 20_000
# Each condition is counted for every row of the table.
_MAX_CONDITIONS = 8


@dataclass(frozen=True, slots=True)
class Condition:
    """`column = value` or `column IN values`, as SQL that names the column alone."""

    column: str
    sql: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """One SELECT from a table of the project.

    `conditions` all hold for the rows that it keeps, and nothing that is there already finds them: no sorting key
    begins with their column, no index or projection is there for it. `narrowing` are its conditions over what the
    table is sorted and parted by, which ClickHouse uses by itself.
    """

    data_source: DataSource
    conditions: tuple[Condition, ...]
    narrowing: tuple[str, ...]


def find_lookups(sql: str, data_sources: Mapping[str, DataSource]) -> tuple[Lookup, ...]:
    """The lookups of a statement; none where it cannot be understood."""
    if len(sql) > _MAX_CHARACTERS:
        return ()
    try:
        names = names_of(sql)
        tokens = _CLICKHOUSE.tokenize(sql)
    except (SqlTextError, TokenError):
        return ()
    # ClickHouse reads a name in WHERE as what SELECT calls so.
    renamed = {after.text for word, after in pairwise(tokens) if word.token_type is TokenType.ALIAS}
    found = []
    for table in names.tables:
        data_source = data_sources.get(table.name) if table.name not in names.defined else None
        if data_source is None or table.is_operand or data_source.engine.name in ("Null", "Join"):
            continue
        where = _where([token for token in tokens if token.start >= table.end], sql)
        if where is not None and (lookup := _lookup(data_source, where, renamed)) is not None:
            found.append(lookup)
    return tuple(found)


def _where(tokens: Sequence[Token], sql: str) -> exp.Expr | None:
    """The condition that follows a table which stands alone, an alias between them at most."""
    start = next((number for number, token in enumerate(tokens[:4]) if token.token_type is TokenType.WHERE), None)
    between = [token.token_type for token in tokens[: start or 0] if token.token_type is not TokenType.ALIAS]
    if start is None or any(kind not in (TokenType.VAR, TokenType.IDENTIFIER, TokenType.FINAL) for kind in between):
        return None
    depth, end = 0, len(sql)
    for token in tokens[start + 1 :]:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth < 0 or (depth == 0 and token.text.upper().split()[:1] in _ENDS):
            end = token.start
            break
    try:
        return sqlglot.parse_one(sql[tokens[start].end + 1 : end], dialect=_CLICKHOUSE, into=exp.Condition)
    except (SqlglotError, RecursionError):
        return None


def _lookup(data_source: DataSource, where: exp.Expr, renamed: Collection[str]) -> Lookup | None:
    columns = {column.name for column in data_source.columns} - set(renamed)
    sorted_by = _sorted_by(data_source.engine)
    covered = {names[0] for index in data_source.indexes if len(names := names_in(index.expression)) == 1}
    covered |= {names[0] for projection in data_source.projections if (names := names_in(projection.keys))}
    conditions: list[Condition] = []
    narrowing: list[str] = []
    for part in _conjuncts(where):
        used = {column.name for column in part.find_all(exp.Column)}
        if not used or not used <= columns or part.find(exp.Query):
            continue
        column = _compared(part)
        if used <= sorted_by:
            narrowing.append(_unqualified(part))
        elif column is not None and column not in covered:
            conditions.append(Condition(column, _unqualified(part)))
    return Lookup(data_source, tuple(conditions[:_MAX_CONDITIONS]), tuple(narrowing)) if conditions else None


def _sorted_by(engine: Engine) -> frozenset[str]:
    """What the table's rows lie together by: the beginning of its key, and its partitions."""
    try:
        first = next(iter(split_arguments((engine.sorting_key or "").strip().removeprefix("("))), "")
    except ValueError:
        first = ""
    return frozenset((*names_in(first), *names_in(engine.partition_key or "")))


def _conjuncts(expression: exp.Expr) -> Iterator[exp.Expr]:
    pending = [expression]
    while pending:
        part = pending.pop()
        if isinstance(part, exp.Paren):
            pending.append(part.this)
        elif isinstance(part, exp.And):
            pending += (part.right, part.left)
        else:
            yield part


def _compared(part: exp.Expr) -> str | None:
    """The column that is compared with values for being equal, if that is what the condition does."""
    if isinstance(part, exp.EQ):
        for one, other in ((part.left, part.right), (part.right, part.left)):
            if isinstance(one, exp.Column) and not other.find(exp.Column):
                return one.name
    if isinstance(part, exp.In) and isinstance(part.this, exp.Column) and len(list(part.find_all(exp.Column))) == 1:
        return part.this.name
    return None


def _unqualified(part: exp.Expr) -> str:
    def plain(node: exp.Expr) -> exp.Expr:
        return exp.column(node.name, quoted=True) if isinstance(node, exp.Column) else node

    return part.transform(plain).sql(dialect=_CLICKHOUSE)
