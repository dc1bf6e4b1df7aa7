"""The files of a project that begins with a sample: a data source, an endpoint over it, a fixture, and cases."""

from __future__ import annotations

import json
import keyword
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from schemas.inference.columns import Inferred, InferredColumn, infer
from schemas.inference.sample import Event, Sample
from schemas.sql.text import identifier
from schemas.template.parameters import FORBIDDEN_NAMES, RESERVED_NAMES

MOST_FIXTURE_ROWS = 100
"""Lines of the sample that become the fixture."""

_LIMIT = 100
_TIME_NAMES = re.compile(r"time|date|(^|_)(at|ts|when)$", re.IGNORECASE)
_USUAL_DIMENSIONS = re.compile(r"(^|_)(type|kind|event|action|name|status|category)s?$", re.IGNORECASE)
# What a template's expression cannot call a parameter.
_NO_PARAMETERS = frozenset({*keyword.kwlist, "true", "false", "none", "and", "or", "not", "is", "in", "defined"})


@dataclass(frozen=True, slots=True)
class Begun:
    """`files` are texts by their paths in the project."""

    data_source: str
    pipe: str
    files: Mapping[str, str]
    inferred: Inferred


@dataclass(frozen=True, slots=True)
class _Outline:
    """What of a data source the other files are about: a time, and texts of which there are few."""

    name: str
    inferred: Inferred
    time: InferredColumn | None
    dimension: InferredColumn | None

    @property
    def pipe(self) -> str:
        return f"{self.name}_count" if self.dimension is None else f"{self.name}_by_{self.dimension.name}"

    @property
    def counted_as(self) -> str:
        taken = {column.name for column in self.inferred.columns}
        return next(name for name in ("total", "total_rows", "total_of_rows") if name not in taken)

    @property
    def parameter(self) -> str:
        assert self.dimension is not None
        name = self.dimension.name
        is_taken = name.lower() in _NO_PARAMETERS or name in FORBIDDEN_NAMES | RESERVED_NAMES
        return "only" if is_taken or name in ("since", "until", "limit") else name


def begin_project(name: str, sample: Sample, source: str) -> Begun:
    """The project for a sample of the data source `name`; `source` is what the sample is called for people."""
    inferred = infer(sample)
    outline = _Outline(name, inferred, _time(inferred.columns), _dimension(inferred.columns))
    rows = MOST_FIXTURE_ROWS
    files = {
        f"datasources/{name}.datasource": _data_source(outline, sample, source),
        f"pipes/{outline.pipe}.pipe": _pipe(outline),
        f"fixtures/{name}.ndjson": "".join(f"{line}\n" for line in sample.lines[:rows]),
        f"tests/{outline.pipe}.yaml": _cases(outline, sample.events[:rows]),
    }
    return Begun(name, outline.pipe, files, inferred)


def data_source_name(stem: str) -> str:
    """A name for a data source, of that of a file."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_") or "events"
    return f"data_{name}" if name[0].isdigit() else name[:60]


def _time(columns: Sequence[InferredColumn]) -> InferredColumn | None:
    times = [column for column in columns if column.is_time and not column.may_be_null]
    return next((column for column in times if _TIME_NAMES.search(column.name)), next(iter(times), None))


def _dimension(columns: Sequence[InferredColumn]) -> InferredColumn | None:
    """The texts to count by: those that come again."""
    texts = [column for column in columns if column.counts and not column.may_be_null]
    few = [column for column in texts if column.type.startswith("LowCardinality")]
    repeated = [column for column in texts if column.counts and len(column.counts) < sum(column.counts.values())]
    candidates = few or repeated
    usual = (column for column in candidates if _USUAL_DIMENSIONS.search(column.name))
    return next(usual, next(iter(candidates), None))


def _data_source(outline: _Outline, sample: Sample, source: str) -> str:
    looked = f"{len(sample.events):,} events" if len(sample.events) != 1 else "one event"
    bound = "" if sample.is_whole else ", which is not all of it"
    lines = [
        f"# Inferred from {looked} of {source}{bound}: read what stands behind each column, and correct it.",
        "# An event that does not fit goes to quarantine with its reason, and nothing is lost.",
        *(f"# Left out, since no JSONPath can name it: {_comment(key)}" for key in outline.inferred.left_out),
        "TOKEN app APPEND",
        "",
        "SCHEMA >",
        *_columns(outline.inferred.columns),
        "",
        'ENGINE "MergeTree"',
    ]
    time, dimension = outline.time, outline.dimension
    if time is not None:
        lines += [
            "# A month a partition: what a question about some months does not need is not looked at.",
            f'ENGINE_PARTITION_KEY "toYYYYMM({time.name})"',
        ]
    key = [column.name for column in (dimension, time) if column is not None]
    if key:
        lines += [
            "# Rows lie in this order: questions that name the first of these columns read what they need alone.",
            f'ENGINE_SORTING_KEY "{", ".join(key)}"',
        ]
    return "\n".join(lines) + "\n"


def _columns(columns: Sequence[InferredColumn]) -> list[str]:
    written = []
    for number, column in enumerate(columns, 1):
        default = f" DEFAULT {column.default}" if column.default else ""
        comma = "," if number < len(columns) else ""
        written.append((f"    `{column.name}` {column.type} `json:{column.path}`{default}{comma}", column.note))
    width = min(max((len(text) for text, _ in written), default=0), 80)
    return [f"{text:<{width}}  -- {_comment(note)}" for text, note in written]


def _comment(text: str) -> str:
    return "".join(each if each.isprintable() else "·" for each in text)


def _pipe(outline: _Outline) -> str:
    name, counted, dimension, time = outline.name, outline.counted_as, outline.dimension, outline.time
    of_what = f" of each {dimension.name}, the most frequent first" if dimension else ""
    sql = ["%", "SELECT", *([f"    {identifier(dimension.name)},"] if dimension else []), f"    count() AS {counted}"]
    sql += [f"FROM {identifier(name)}", "WHERE 1"]
    if dimension:
        parameter = outline.parameter
        condition = f"{identifier(dimension.name)} = {{{{ String({parameter}, description='Only this one') }}}}"
        sql.append(f"{{% if defined({parameter}) %}} AND {condition} {{% end %}}")
    if time:
        for bound, sign, words in (("since", ">=", "First second"), ("until", "<", "First second behind the window")):
            value = f"{{{{ DateTime({bound}, description='{words}: 2026-01-31 12:00:00') }}}}"
            sql.append(f"{{% if defined({bound}) %}} AND {identifier(time.name)} {sign} {value} {{% end %}}")
    if dimension:
        column = identifier(dimension.name)
        sql += [f"GROUP BY {column}", f"ORDER BY {counted} DESC, {column}"]
        sql.append(f"LIMIT {{{{ Int32(limit, {_LIMIT}, description='The most rows to answer') }}}}")
    lines = ["DESCRIPTION >", f"    How many events there are{of_what}.", "", "TOKEN dashboard READ", ""]
    lines += ["NODE counts", "SQL >", *(f"    {line}" for line in sql), "", "TYPE endpoint"]
    return "\n".join(lines) + "\n"


def _cases(outline: _Outline, events: Sequence[Event]) -> str:
    counted, dimension = outline.counted_as, outline.dimension
    if dimension is None:
        return _case("all events", "Every event of the fixture", "", [{counted: len(events)}])
    counts = Counter(str(_value(event, dimension.keys)) for event in events)
    # As ClickHouse sorts texts: by their bytes.
    ranked = sorted(counts, key=lambda text: (-counts[text], text.encode()))
    rows = [{dimension.name: text, counted: counts[text]} for text in ranked]
    only = f"{outline.parameter}={quote(ranked[0], safe='')}"
    return "\n".join(
        (
            _case("all events", "Every event of the fixture", "", rows[:_LIMIT]),
            _case("one value", f"One {dimension.name} alone", only, rows[:1]),
            _case("no such value", "No row, and no error", f"{outline.parameter}=no%20such%20value", []),
        )
    )


def _value(event: Event, keys: Sequence[str]) -> object:
    value: object = event
    for key in keys:
        assert isinstance(value, dict)
        value = value[key]
    return value


def _case(name: str, description: str, parameters: str, rows: Sequence[Mapping[str, object]]) -> str:
    lines = [f"- name: {name}", f"  description: {description}"]
    lines += [f"  parameters: {parameters}"] if parameters else []
    lines += ["  expected_result: |" if rows else "  expected_result: ''"]
    # In ASCII: YAML takes some characters for the ends of lines.
    lines += [f"    {json.dumps(row, separators=(',', ':'))}" for row in rows]
    return "\n".join(lines) + "\n"
