"""A pipe's own question as a value, and what makes two of them the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from query_api.web.formats import AnswerFormat
from schemas.queries.query import Query


class QuestionKey(NamedTuple):
    """All that an answer depends on beside the data and the limits of the process: questions with one key are one.

    `version` is that of the project (`Answers.new_version`). Texts are in it and no token: who may ask has been looked
    at before, and what a token fixes is among the bound values. A tuple, since one is made for every question.
    """

    version: int
    pipe: str
    sql: str
    parameters: tuple[tuple[str, str], ...]
    verbatim: frozenset[str]
    settings: tuple[tuple[str, str], ...]
    of_caller: tuple[tuple[str, str], ...]
    format: str
    cache_seconds: int

    def digest(self) -> bytes:
        """The key in 32 bytes: values may have megabytes."""
        # A set has no order of its own; the repr of texts and tuples of them can be read in one way alone.
        text = repr((*self[:4], sorted(self.verbatim), *self[5:]))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()


@dataclass(slots=True)
class PipeQuestion:
    """What a pipe asks for one caller's values; `settings` are the caller's. An answer may be kept `cache_seconds`.

    Not frozen, as little else that is made for every question: a frozen one takes three times as long.
    """

    version: int
    pipe: str
    query: Query
    answer_format: AnswerFormat
    settings: Mapping[str, str]
    cache_seconds: int

    def key(self) -> QuestionKey:
        query = self.query
        return QuestionKey(
            self.version,
            self.pipe,
            query.sql,
            tuple(query.parameters.items()),
            query.verbatim,
            tuple(query.settings.items()),
            tuple(self.settings.items()),
            self.answer_format.name,
            self.cache_seconds,
        )


def shortcut(version: int, pipe: str, extension: str, fixed: str, raw_query: str) -> bytes:
    """What a GET led to before, it leads to again: known by its query string as it was sent, byte by byte, and by what
    the token fixes of the pipe. 32 bytes, so that neither long URLs nor the tokens in them are held."""
    # No part before the last can hold a NUL.
    text = f"{version}\0{pipe}\0{extension}\0{fixed}\0{raw_query}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
