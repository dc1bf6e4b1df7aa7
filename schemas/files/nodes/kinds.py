"""The types of a node, each declared with the lines that belong to it, and read into its own value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from schemas.files.engine import ENGINE_LINES, engine_of
from schemas.files.lines.declared import DeclaredLine, as_text_or_none, by_name, is_unfilled, one_of
from schemas.files.lines.instructions import Instruction
from schemas.model import Copy, Endpoint, Engine, Materialization, NodeKind, Problem, Sink

# A minute, an hour, a day of the month, a month and a day of the week, as in `*/5 * * * MON-FRI`.
_CRON = re.compile(r"(?:[\w*/,?#-]+\s+){4}[\w*/,?#-]+", re.ASCII)
# How long answers are kept: of an endpoint, and taken at the head of a pipe too.
CACHE = "CACHE"
_WORDS = ("@on-demand", "@once")
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_MOST_CACHE_SECONDS = 31_536_000


def _schedule(instruction: Instruction, problems: list[Problem]) -> str:
    schedule = instruction.text
    word = schedule.lower()
    if word in _WORDS or not word:
        return word or "@on-demand"
    if not _CRON.fullmatch(schedule) and not is_unfilled(schedule):
        hint = f"write a cron expression of five fields, as in `0 * * * *`, or {' or '.join(_WORDS)}"
        problems.append(instruction.problem(f"`{schedule[:60]}` is no {instruction.name}", hint))
    return schedule


def _cache_seconds(instruction: Instruction, problems: list[Problem]) -> int | None:
    text = instruction.text
    if _SECONDS.fullmatch(text) and int(text) <= _MOST_CACHE_SECONDS:
        return int(text)
    if not is_unfilled(text):
        hint = f"write whole seconds up to {_MOST_CACHE_SECONDS} (a year), as in `CACHE 60`; 0 keeps no answer"
        problems.append(instruction.problem(f"`{text[:60]}` is no CACHE", hint))
    return None


@dataclass(frozen=True, slots=True)
class NodeForm:
    """A TYPE as a file may say it: its word, what it is read into (None: a plain node), and the lines that it has.

    `needs` is the one line it cannot do without.
    """

    word: str
    kind: type[NodeKind] | None = None
    lines: tuple[DeclaredLine, ...] = ()
    needs: str = ""


PLAIN = NodeForm("standard")
ENDPOINT = NodeForm("endpoint", Endpoint, (DeclaredLine(CACHE, "cache_seconds", _cache_seconds),))
_FORMS = (
    PLAIN,
    ENDPOINT,
    NodeForm(
        "materialized",
        Materialization,
        (
            DeclaredLine("DATASOURCE", "target"),
            DeclaredLine("DEPLOYMENT_METHOD", "deployment_method", one_of("alter")),
        ),
        needs="DATASOURCE",
    ),
    NodeForm(
        "copy",
        Copy,
        (
            DeclaredLine("TARGET_DATASOURCE", "target"),
            DeclaredLine("COPY_SCHEDULE", "schedule", _schedule),
            DeclaredLine("COPY_MODE", "mode", one_of("append", "replace"), older=("MODE",)),
            DeclaredLine("ON_DEMAND_COMPUTE", "on_demand_compute", as_text_or_none),
        ),
        needs="TARGET_DATASOURCE",
    ),
    NodeForm(
        "sink",
        Sink,
        (
            DeclaredLine("EXPORT_CONNECTION_NAME", "connection", as_text_or_none),
            DeclaredLine("EXPORT_SCHEDULE", "schedule", _schedule),
            DeclaredLine("EXPORT_KAFKA_TOPIC", "kafka_topic", as_text_or_none, older=("KAFKA_TOPIC",)),
            DeclaredLine("EXPORT_BUCKET_URI", "bucket_uri", as_text_or_none),
            DeclaredLine("EXPORT_FILE_TEMPLATE", "file_template", as_text_or_none),
            DeclaredLine("EXPORT_FORMAT", "format", as_text_or_none),
            DeclaredLine("EXPORT_COMPRESSION", "compression", as_text_or_none),
            DeclaredLine("EXPORT_WRITE_STRATEGY", "write_strategy", as_text_or_none, older=("EXPORT_STRATEGY",)),
            DeclaredLine("EXPORT_SERVICE", "service", as_text_or_none),
        ),
    ),
)
# A stream is read as a standard node.
FORMS: Mapping[str, NodeForm] = {form.word: form for form in _FORMS} | {"stream": PLAIN}
"""Each type by the word that TYPE says, in lower case."""

_ENGINE_WORDS = frozenset(name for name in ENGINE_LINES if name.startswith("ENGINE"))
# What an endpoint or a standard node may carry without meaning anything.
_HARMLESS = frozenset({"BACKFILL"})
# Lines of other products and of Classic, which no type here has.
_FOREIGN = frozenset({"FILTER", "SCOPE", "INDEXES"})
NODE_WORDS = frozenset().union(*(by_name(form.lines) for form in _FORMS), _ENGINE_WORDS, _HARMLESS, _FOREIGN)
"""Every line that may stand below a NODE besides its SQL, TYPE and DESCRIPTION."""
NODE_PREFIXES = ("EXPORT_", "COPY_", "KAFKA_", "SINK_")


def read_kind(form: NodeForm, lines: Mapping[str, Instruction], problems: list[Problem]) -> NodeKind | None:
    """What a node of this form is, from its lines by their names; what is wrong with them is added to the problems."""
    if form.kind is None:
        return None
    declared = by_name(form.lines)
    values: dict[str, Any] = {form.lines[0].field: ""} if form.needs else {}
    for name, instruction in lines.items():
        value = declared[name].value(instruction, problems) if name in declared else None
        if value is not None:
            values[declared[name].field] = value
    if form.kind is Materialization:
        values["engine"] = _engine(lines, problems)
    return form.kind(**values)


def _engine(lines: Mapping[str, Instruction], problems: list[Problem]) -> Engine | None:
    """What Classic's ENGINE lines say of the target. Nothing of them is an error: they may count for nothing."""
    given = {ENGINE_LINES[name].field: line for name, line in lines.items() if name in _ENGINE_WORDS}
    found: list[Problem] = []
    engine = engine_of(given, found) if given else None
    problems += (replace(problem, severity="warning") for problem in found)
    return engine


def kind_problems(name: str, form: NodeForm, head: Instruction, lines: Mapping[str, Instruction]) -> Iterator[Problem]:
    """What is wrong with the lines of a node for its type, and what of them is not acted on. `head` is its TYPE line,
    or its NODE line without one."""
    if form.needs and not (form.needs in lines and lines[form.needs].text):
        yield head.problem(f"the {form.word} node `{name}` needs {form.needs}", f"write `{form.needs} name`")
    if head.text.lower() == "stream":
        yield head.problem(f"the stream node `{name}` is read as a standard node", warning=True)
    own = by_name(form.lines)
    for word in lines:
        if word not in own and word not in _HARMLESS and (word == CACHE or form.kind in (None, Endpoint)):
            text = f"{form.word.title()} node '{name}' has an invalid attribute ({word.lower()})"
            yield lines[word].problem(text, "the line is not acted on", warning=True)
