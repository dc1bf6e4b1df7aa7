"""The formats of answers: a pipe's URL extension, ClickHouse's name for it, and its Content-Type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from query_api.errors import BadRequest, NotFound


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """`name` is ClickHouse's; the Content-Type is the one that ClickHouse itself would send."""

    name: str
    content_type: str


CSV_WITH_HEADER = "CSVWithNames"
_CSV = AnswerFormat(CSV_WITH_HEADER, "text/csv; charset=UTF-8; header=present")
CSV_WITHOUT_HEADER = AnswerFormat("CSV", "text/csv; charset=UTF-8; header=absent")

FORMATS: Mapping[str, AnswerFormat] = MappingProxyType(
    {
        "json": AnswerFormat("JSON", "application/json; charset=UTF-8"),
        "ndjson": AnswerFormat("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        # Tinybird's pipe endpoints write the header line in both.
        "csv": _CSV,
        "csvwithnames": _CSV,
        "parquet": AnswerFormat("Parquet", "application/octet-stream"),
        "prometheus": AnswerFormat("Prometheus", "text/plain; version=0.0.4; charset=UTF-8"),
    }
)

_JSON, _TEXT, _TSV, _BYTES = (
    "application/json; charset=UTF-8",
    "text/plain; charset=UTF-8",
    "text/tab-separated-values; charset=UTF-8",
    "application/octet-stream",
)
# What SQL may name in its FORMAT clause.
SQL_FORMATS: Mapping[str, AnswerFormat] = MappingProxyType(
    {
        each.name.lower(): each
        for each in (
            *FORMATS.values(),
            CSV_WITHOUT_HEADER,
            *(
                AnswerFormat(name, _JSON)
                for name in ("JSONCompact", "JSONStrings", "JSONCompactStrings", "JSONColumns")
            ),
            *(AnswerFormat(name, _TEXT) for name in ("JSONCompactEachRow", "PrettyCompact", "Pretty", "Vertical")),
            *(AnswerFormat(name, _TSV) for name in ("TSV", "TSVWithNames", "TabSeparated", "TabSeparatedWithNames")),
            *(AnswerFormat(name, _BYTES) for name in ("Native", "RowBinary", "RowBinaryWithNamesAndTypes", "Arrow")),
        )
    }
)


def sql_format(name: str | None) -> AnswerFormat:
    """The format that SQL asks for, JSON when it asks for none. Raises `BadRequest` for one that is not offered."""
    found = SQL_FORMATS.get((name or "JSON").lower())
    if found is None:
        accepted = ", ".join(f"`{known.name}`" for known in SQL_FORMATS.values())
        raise BadRequest(f"the format `{name}` is not offered\nhint: accepted are {accepted}")
    return found


def split_extension(file: str) -> tuple[str, str]:
    """Pipe and extension of `get_events.json`. Raises `NotFound` for an extension that is no format."""
    name, _, extension = file.rpartition(".")
    if name and extension in FORMATS:
        return name, extension
    accepted = ", ".join(f"`.{known}`" for known in FORMATS)
    raise NotFound(f"`{file[:200]}` is no pipe with a format\nhint: the pipe's name is followed by one of {accepted}")
