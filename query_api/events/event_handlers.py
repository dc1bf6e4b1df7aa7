"""`POST /v0/events?name=…`: documents for a data source."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web
from multidict import CIMultiDict

from query_api.access.authenticate import authenticate
from query_api.errors import BadRequest, NotFound, TooLarge
from query_api.events.documents import split_documents, whole_lines
from query_api.events.event_operations import event_operations
from query_api.events.ingest import EventIngest, Taken
from query_api.observing.trace import trace_of
from query_api.routes import Audience, Operation, Route
from query_api.snapshot import Snapshot
from query_api.web.request_body import inflate, read_body
from schemas.feed import Feed

# Larger bodies are taken apart on a thread: a megabyte takes some 20 ms when its documents go over several lines.
_INLINE_BYTES = 65_536
# Members of an array are told apart one by one: that many bytes hold up to eight thousand of them, 2 ms.
_INLINE_ARRAY_BYTES = 16_384
# Packed bodies that are unpacked here, if that makes them no larger than `_INLINE_BYTES`: a thread takes longer.
_INLINE_PACKED_BYTES = 16_384
# A body with a whole document on each line: a thousand of 300 bytes take 0.6 ms, a megabyte of short ones 5 ms.
_INLINE_LINES = 1_000
_INLINE_LINES_BYTES = 524_288
_JSON: CIMultiDict[str] = CIMultiDict({hdrs.CONTENT_TYPE: "application/json; charset=utf-8"})
_WAIT_WORDS = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class EventHandlers:
    """The stages of one request. `max_body_bytes` bounds the body after decompression; `on_stored` is called before a
    caller is told that its rows are stored."""

    snapshot: Snapshot
    ingest: EventIngest
    max_body_bytes: int
    wait_seconds: float
    on_stored: Callable[[], None]

    def routes(self) -> Sequence[Route]:
        return (Route("POST", "/v0/events", self.take, self._described, "events"),)

    async def take(self, request: web.Request) -> web.Response:
        trace = trace_of(request)
        trace.route = "events"
        token = authenticate(request, self.snapshot.tokens)
        name = request.query.get("name", "")
        if not name:
            raise BadRequest("the parameter `name` is needed: the data source that the events are for")
        feed = self._feed(name)
        trace.resource = feed.data_source
        token.require("APPEND", feed.data_source)
        is_waiting = _is_waiting(request.query.get("wait", ""))
        documents = await self._documents(request)
        taken = await self.ingest.take(feed, documents, wait_seconds=self.wait_seconds if is_waiting else None)
        trace.documents, trace.quarantined = taken.documents, taken.quarantined
        if taken.is_stored:
            self.on_stored()
        return _response(taken)

    def _feed(self, name_or_id: str) -> Feed:
        """The feed of a data source. Raises `NotFound`."""
        name = self.snapshot.data_source_names.get(name_or_id, name_or_id)
        feed = self.snapshot.feeds.get(name)
        if feed is not None:
            return feed
        if name in self.snapshot.project.data_sources:
            raise NotFound(
                f"the data source `{name}` takes no events\nhint: its columns have no JSONPaths to fill them by"
            )
        raise NotFound(f"the data source `{name}` does not exist")

    async def _documents(self, request: web.Request) -> list[bytes]:
        body = await read_body(request)
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        form = request.query.get("format")
        if encoding and (unpacked := _unpacked_small(body, encoding, self.max_body_bytes)) is not None:
            body, encoding = unpacked, ""
        if not encoding and form is None and _is_short(body) and (lines := whole_lines(body)):
            return lines

        def documents() -> list[bytes]:
            return split_documents(inflate(body, encoding, self.max_body_bytes), form)

        most = _INLINE_ARRAY_BYTES if body[:1] == b"[" else _INLINE_BYTES
        if not encoding and len(body) <= most:
            return documents()
        return await asyncio.to_thread(documents)

    def _described(self, audience: Audience) -> Iterable[Operation]:
        return event_operations(self.snapshot.feeds, audience)


def _unpacked_small(body: bytes, encoding: str, limit: int) -> bytes | None:
    """A small body without its Content-Encoding, None for one that is not small. Raises what `inflate` raises for other
    reasons than size."""
    if len(body) > _INLINE_PACKED_BYTES:
        return None
    try:
        return inflate(body, encoding, min(limit, _INLINE_BYTES))
    except TooLarge:
        return None


def _is_short(body: bytes) -> bool:
    return len(body) <= _INLINE_LINES_BYTES and body.count(b"\n") <= _INLINE_LINES


def _is_waiting(text: str) -> bool:
    try:
        return _WAIT_WORDS[text.lower()]
    except KeyError:
        raise BadRequest(
            f"the parameter `wait` cannot be `{text[:100]}`\nhint: accepted are `true` and `false`"
        ) from None


def _response(taken: Taken) -> web.Response:
    body = b'{"successful_rows": %d, "quarantined_rows": %d}' % (
        taken.documents - taken.quarantined,
        taken.quarantined,
    )
    if taken.errors:
        errors = json.dumps([error.as_json() for error in taken.errors], ensure_ascii=False)
        body = b'%b, "errors": %b}' % (body[:-1], errors.encode(errors="replace"))
    return web.Response(
        body=body,
        status=200 if taken.is_stored else 202,
        headers=_JSON,
    )
