"""What can keep a request from its answer, before anybody has said it in words for callers.

ExchangeFailure
├── NoAnswer       not one byte of an answer came; its cause is why: the request may be sent again
├── AnswerBroke    an answer began and did not end, or is none
├── WrongForm      an answer of a form that a ClickHouse never gives: no length, or compressed
└── TooLate        the time is over
"""

# ruff: noqa: N818 -- they are named by what happened
from __future__ import annotations


class ExchangeFailure(Exception):
    """A request that has no whole answer; its connection is closed."""


class NoAnswer(ExchangeFailure):
    """The server cannot be reached, or closed the connection without a byte of an answer; the cause says which."""


class AnswerBroke(ExchangeFailure):
    """What came is no whole answer: it was cut, or it is not HTTP (then its first bytes are the text)."""


class WrongForm(ExchangeFailure):
    """An answer that is HTTP, and whose end or content cannot be known; the text says why."""


class TooLate(ExchangeFailure, TimeoutError):
    """The answer was not there at the deadline, or nothing came for too long."""
