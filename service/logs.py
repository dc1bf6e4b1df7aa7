"""Logging to stderr: lines of text for people, JSON for machines, and no secret in either."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TextIO

from service.environment import secret_values
from service.log_handler import GatheringHandler

HIDDEN = "***"
# A shorter secret is hidden only where it stands alone: `ingest` as a password must not blot out `ingest_worker`.
_SHORTEST_HIDDEN_ANYWHERE = 8
# What gives access whatever its value is: derived tokens, Authorization headers, `?token=`, credentials in a URL.
_ACCESS = re.compile(
    r"\bp\.[\w-]{16,}"
    r"|(?<=bearer )[\w.~+/=-]{8,}|(?<=authorization: basic )\S+"
    r"|(?<=[?&]token=)[^&\s\"'`]+"
    r"|(?<=://)[^/@\s]+(?=@)",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BARE_VALUE = re.compile(r"[^\s\"=]+")
_encode = json.JSONEncoder(ensure_ascii=False).encode

# The longest first: a secret may begin with another.
_hidden: Sequence[str] = ()


def hide(secrets: Iterable[str]) -> None:
    """Never log these values, for the rest of the process's life."""
    global _hidden
    known = {*_hidden, *(secret for secret in secrets if secret)}
    _hidden = sorted(known, key=len, reverse=True)


def redact(text: str) -> str:
    """The text with every known secret, and everything that looks like a token or credentials, blotted out."""
    for secret in _hidden:
        if secret not in text:
            continue
        if len(secret) >= _SHORTEST_HIDDEN_ANYWHERE:
            text = text.replace(secret, HIDDEN)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    # Whatever gives access has a space, a dot, `=` or `@` in it; most fields of a line are one word.
    return text if text.isidentifier() or text.isalnum() else _ACCESS.sub(HIDDEN, text)


def configure(
    log_format: Literal["auto", "text", "json"] = "auto",
    log_level: str = "info",
    *,
    secrets: Iterable[str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send everything that is logged in this process to `stream` (default: stderr), replacing earlier handlers.

    `secrets` are values never to be shown, by default those of the process's environment; `hide` adds more.
    """
    hide(secret_values(os.environ) if secrets is None else secrets)
    target = sys.stderr if stream is None else stream
    is_text = log_format == "text" or (log_format == "auto" and target.isatty())
    handler = GatheringHandler(target)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(log_level.upper())
    logging.captureWarnings(True)
    # No line shows them, and looking them up takes a third of what making a record does.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00.000 info ingest_worker.sink: inserted rows=10` on one line, then the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        moment = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        words = [_CONTROL.sub(_escaped, redact(record.getMessage()))]
        words += [f"{name}={_text_value(value)}" for name, value in _fields(record).items()]
        line = f"{moment} {record.levelname.lower()} {record.name}: {' '.join(words)}"
        traceback = _traceback(self, record)
        return f"{line}\n{traceback}" if traceback else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the record's fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _fields(record)
        entry["time"] = f"{_second(int(record.created))}.{int(record.msecs):03d}+00:00"
        entry["level"] = record.levelname.lower()
        entry["logger"] = record.name
        entry["message"] = redact(record.getMessage())
        if traceback := _traceback(self, record):
            entry["traceback"] = traceback
        return _encode(entry)


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    """`2026-01-31T12:00:00`: the same for many lines in a row."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict) and _is_clean(fields):
        return fields.copy()
    return {str(name): _clean(value) for name, value in fields.items()} if isinstance(fields, Mapping) else {}


def _is_clean(fields: dict[object, object]) -> bool:
    """Whether nothing of them is to be cleaned, as with almost every line: plain words and numbers. The words are
    looked at all at once, since there is a line for each request."""
    words: list[str] = []
    for value in fields.values():
        kind = type(value)
        if kind is str:
            words.append(value)  # type: ignore[arg-type]  # a text
        elif kind is not int and not (kind is float and value - value == 0):  # type: ignore[operator]  # a float
            return False
    text = "_".join(words)
    for secret in _hidden:
        if secret in text:
            return False
    return text.isidentifier()


def _clean(value: object) -> object:
    """A value of JSON's kinds without secrets in it."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has neither infinities nor NaN
    if isinstance(value, Mapping):
        return {str(name): _clean(member) for name, member in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [_clean(member) for member in value]
    return redact(str(value))


def _text_value(value: object) -> str:
    if isinstance(value, str) and _BARE_VALUE.fullmatch(value) and not _CONTROL.search(value):
        return value
    return _CONTROL.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    # A caller's value in a message must not be able to write a log line of its own.
    return match[0].encode("unicode_escape").decode()


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info and not record.stack_info:
        return ""
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return redact("\n".join(parts))
