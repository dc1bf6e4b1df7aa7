"""What ClickHouse refuses of a project, in the words of its files: which line, why, and what was made before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from schemas.model import DataSource, Place
from schemas.tables.change import Change
from service.clickhouse.codes import PASSING, Code
from service.deployment.plan import Plan
from service.errors import RefusedStatementError

_LONGEST_REASON = 600  # characters: ClickHouse quotes whole queries
_SHOWN = 5
_WRAPPING = re.compile(r"^(?:.*?)Code: \d+\. DB::Exception: ", re.DOTALL)
_VERSION = re.compile(r"\s*\(version [^)]*\)\s*.*$", re.DOTALL)


def is_refusal(error: ClickHouseError) -> bool:
    """Whether ClickHouse has answered, and the same statement would be refused again."""
    code = getattr(error, "code", None)
    return isinstance(error, DatabaseError) and code is not None and code not in {*PASSING, Code.MEMORY_LIMIT_EXCEEDED}


def reason_of_refusal(error: DatabaseError) -> str:
    """ClickHouse's words, without what the client puts around them."""
    text = " ".join(_VERSION.sub("", _WRAPPING.sub("", str(error))).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def refused(
    plan: Plan, change: Change, error: DatabaseError, done: Sequence[Change], place: Place | None = None, what: str = ""
) -> RefusedStatementError:
    """The error of a change that ClickHouse refused, after `done`. `place` and `what` where more is known."""
    reason = reason_of_refusal(error)
    data_source = plan.project.data_sources.get(change.data_source)
    found = place or (named_in(data_source, reason) if data_source is not None else None)
    where = f"{found}: " if found is not None else ""
    hint = "change that line and deploy again"
    if error.code == Code.ACCESS_DENIED:
        hint = "docs/containers.md says which rights the users need"
    message = f"{where}ClickHouse refuses {what or f'to {change.description}'} of `{change.name}`: {reason}"
    return RefusedStatementError(f"{message}\n{_made(done)}", hint)


def _made(done: Sequence[Change]) -> str:
    if not done:
        return "nothing was changed"
    names = [f"`{change.name}` ({change.description})" for change in done]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"made before that, and left: {', '.join(names[-_SHOWN:])}{more}; the next deploy goes on from there"


def named_in(data_source: DataSource, reason: str) -> Place:
    """The line that an error is about by the names in it; the file's beginning where that is not clear."""
    places = dict(_named_places(data_source))
    found = [place for name, place in places.items() if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", reason)]
    return found[0] if len(set(found)) == 1 else data_source.place


def _named_places(data_source: DataSource) -> Iterator[tuple[str, Place]]:
    yield from ((column.name, column.place) for column in data_source.columns)
    yield from ((index.name, index.place) for index in data_source.indexes)
    yield from ((projection.name, projection.place) for projection in data_source.projections)


def line_of(data_source: DataSource, instruction: str) -> Place:
    """Where an instruction stands in the data source's file; its first line when it is not there itself."""
    for number, line in enumerate(data_source.source.splitlines(), 1):
        if re.match(rf"\s*{instruction}\b", line, re.IGNORECASE):
            return Place(data_source.place.file, number, len(line) - len(line.lstrip()) + 1)
    return data_source.engine.place if data_source.engine.place.file else data_source.place
