"""Which columns the endpoints answer with, as ClickHouse says when it is asked to DESCRIBE their queries.

The columns of a pipe are ClickHouse's to know. Its query is described for the defaults of its parameters and for
sample values, and what both agree on is told; a pipe whose template can choose columns may still answer with others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from query_api.engine.admission import Admission
from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from query_api.engine.rows import read_objects
from query_api.errors import RequestError
from query_api.openapi.column_choice import can_choose_columns
from query_api.routes import Columns
from schemas.queries.catalog import Catalog, CompiledEndpoint
from schemas.queries.nodes import NodeKey
from schemas.queries.query import Query
from schemas.queries.trials.sample_values import sample
from schemas.template.errors import TemplateError

# Columns change with a deployment, of which nobody tells this process.
KNOWN_SECONDS = 300.0
UNKNOWN_SECONDS = 10.0
# DESCRIBE runs the scalar sub-queries of what it describes (tried on 26.9).
_DESCRIBE_SECONDS = 2.0
_AT_ONCE = 4


@dataclass(slots=True)
class _Known:
    columns: Columns | None
    until: float


class AnswerColumns:
    """Asks ClickHouse once for each endpoint and remembers what it said for a while."""

    def __init__(
        self,
        catalog: Catalog,
        executor: Executor,
        admission: Admission,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._admission = admission
        seconds = min(limits.execution_seconds or _DESCRIBE_SECONDS, _DESCRIBE_SECONDS)
        self._limits = replace(limits, execution_seconds=seconds)
        self._clock = clock
        self._known: dict[str, _Known] = {}
        # Callers who come together wait for the first one's answers instead of asking all over again.
        self._lock = asyncio.Lock()

    async def of(self, endpoints: Iterable[CompiledEndpoint], request_id: str) -> Mapping[str, Columns]:
        """The columns by endpoint; one whose columns ClickHouse cannot tell is left out."""
        async with self._lock:
            now = self._clock()
            wanted = [each.name for each in endpoints]
            asked = [name for name in wanted if name not in self._known or self._known[name].until <= now]
            turns = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._learn(name, turns, f"{request_id}-{name}") for name in asked))
            return {name: found for name in wanted if (found := self._known[name].columns) is not None}

    async def _learn(self, name: str, turns: asyncio.Semaphore, query_id: str) -> None:
        async with turns:
            columns = await self._columns(self._catalog.endpoints[name], query_id)
        seconds = UNKNOWN_SECONDS if columns is None else KNOWN_SECONDS
        self._known[name] = _Known(columns, self._clock() + seconds)

    async def _columns(self, endpoint: CompiledEndpoint, query_id: str) -> Columns | None:
        described: list[Mapping[str, str]] = []
        for number, query in enumerate(_queries(endpoint)):
            try:
                described.append(await self._describe(query, f"{query_id}-{number}"))
            except RequestError:
                continue
        if not described:
            return None
        is_same = all(each == described[0] for each in described)
        has_choices = self._can_choose_columns(endpoint)
        return Columns(
            types=_merged(described),
            are_certain=is_same and not has_choices,
            are_all=not endpoint.parameters and not has_choices,
        )

    async def _describe(self, query: Query, query_id: str) -> Mapping[str, str]:
        question = replace(query, sql=f"DESCRIBE (\n{query.sql}\n)")
        async with self._admission.slot():
            rows = await read_objects(self._executor, self._limits, question, query_id)
        return {row["name"]: row["type"] for row in rows}

    def _can_choose_columns(self, endpoint: CompiledEndpoint) -> bool:
        answering = endpoint.pipe.endpoint
        if answering is None:
            return False
        reads = self._catalog.graph.reachable(NodeKey(endpoint.name, answering.name))
        templates = [node.template for key in reads.nodes if (node := self._catalog.nodes.get(key)) is not None]
        return any(can_choose_columns(template.segments) for template in templates if template is not None)


def _queries(endpoint: CompiledEndpoint) -> Iterator[Query]:
    """At most two queries that differ: for the defaults (with what is required), and for a sample of every value."""
    samples = {each.name: sample(each) for each in endpoint.parameters}
    required = {each.name: samples[each.name] for each in endpoint.parameters if each.default is None}
    found: list[Query] = []
    for values in ({}, required, samples):
        try:
            query = endpoint.render(values)
        except TemplateError:
            continue
        if query not in found and len(found) < 2:
            found.append(query)
    yield from found


def _merged(described: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys(name for each in described for name in each)
    return {name: tuple(dict.fromkeys(each[name] for each in described if name in each)) for name in names}
