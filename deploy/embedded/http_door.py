"""ClickHouse's HTTP interface to the embedded engine, for the commands beside a running `birdhouse run`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import re
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.frame
from aiohttp import web

from schemas.sql.text import identifier, literal

ENGINE_USER = "admin"
# Statements that run at the same moment; a command asks one after the other.
_THREADS = 4
# An insert of ours is at most 128 MiB of messages, and their keys.
_MOST_BYTES = 256 * 1024 * 1024
# What the HTTP interface takes for itself: no settings of the engine.
_TRANSPORT = frozenset(
    (
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "user",
        "password",
        "quota_key",
        "role",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
    )
)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INSERT = re.compile(r"(.*\S)\s+FORMAT\s+(\w+)\s*", re.DOTALL | re.IGNORECASE)
_INSERT_LINE = re.compile(rb"INSERT INTO .* FORMAT \w+")
_CODE = re.compile(r"Code: (\d+)")
# clickhouse_connect writes an INSERT as the first line of its data.
_LONGEST_FIRST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Statement:
    """One request: its SQL, the values bound in it, the settings it runs with, and the file of what it inserts."""

    sql: str
    database: str
    format: str
    values: Mapping[str, str]
    settings: Mapping[str, str]


class _RefusedError(Exception):
    """The request is none that the interface takes."""


class EngineDoor:
    """The routes of an admin port by which whoever holds the admin token may do what a server's administrator may.

    `open_handle` gives a handle of its own for each statement; `folder` is where an insert's data wait.
    """

    def __init__(self, open_handle: Callable[[], Any], token: str, folder: Path) -> None:
        self._open_handle = open_handle
        self._token = token.encode()
        self._folder = folder
        self._workers = ThreadPoolExecutor(_THREADS, thread_name_prefix="door")

    @property
    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._answer), web.get("/ping", self._ping)]

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _answer(self, request: web.Request) -> web.Response:
        if not self._is_admin(request):
            # 516 is ClickHouse's AUTHENTICATION_FAILED.
            return _failure("Code: 516. DB::Exception: the admin token is needed, as the password", 401)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".insert-") as data:
            try:
                statement = await _read(request, data)
            except _RefusedError as error:
                return _failure(f"Code: 36. DB::Exception: {error}", 400)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, self._run, statement)

    def _is_admin(self, request: web.Request) -> bool:
        # aiohttp keeps bytes of a header that are no UTF-8 as surrogates.
        return hmac.compare_digest(_password_of(request).encode(errors="surrogateescape"), self._token)

    def _run(self, statement: _Statement) -> web.Response:
        handle = self._open_handle()
        try:
            if statement.database:
                handle.query(f"USE {identifier(statement.database)}", "TabSeparated")
            for name, value in statement.settings.items():
                handle.query(f"SET {name} = {literal(value)}", "TabSeparated")
            result = handle.query(statement.sql, statement.format, params=dict(statement.values))
            summary = {
                "read_rows": str(result.storage_rows_read()),
                "read_bytes": str(result.storage_bytes_read()),
                "written_rows": str(result.rows_written()),
                "written_bytes": str(result.bytes_written()),
            }
            return web.Response(
                body=result.bytes() or b"",
                headers={"X-ClickHouse-Summary": json.dumps(summary), "X-ClickHouse-Timezone": "UTC"},
            )
        except RuntimeError as error:  # chDB's own class derives from it; what it says before the code is its own
            text = str(error)
            return _failure(text[max(text.find("Code: "), 0) :], 500)
        finally:
            handle.close()


def _password_of(request: web.Request) -> str:
    """The password of a request in any of the ways that ClickHouse's clients give it."""
    if key := request.headers.get("X-ClickHouse-Key"):
        return key
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


async def _read(request: web.Request, data: Any) -> _Statement:
    """The statement of a request; what it inserts goes to the file `data`. Raises `_RefusedError`."""
    given = dict(request.query)
    if request.content_type == "multipart/form-data":
        form = await request.post()
        given |= {name: value for name, value in form.items() if isinstance(value, str)}
        sql, has_data = given.get("query", ""), False
    else:
        sql, has_data = await _statement_and_data(request, given.get("query"), data)
    if not sql.strip():
        raise _RefusedError("there is no statement")
    for name in given:
        if not _SETTING_NAME.fullmatch(name):
            raise _RefusedError("a parameter of the URL has a name that none of ClickHouse's has")
    settings = {name: value for name, value in given.items() if name not in _TRANSPORT and not _is_value(name)}
    return _Statement(
        sql=_from_file(sql, data.name) if has_data else sql,
        database=given.get("database", request.headers.get("X-ClickHouse-Database", "")),
        format=given.get("default_format", "TabSeparated"),
        values={name.removeprefix("param_"): value for name, value in given.items() if _is_value(name)},
        # From then on a handle that is read-only takes no other setting.
        settings=dict(sorted(settings.items(), key=lambda setting: setting[0] == "readonly")),
    )


async def _statement_and_data(request: web.Request, sql: str | None, data: Any) -> tuple[str, bool]:
    """The statement, from the URL or the body, and whether data for it are now in the file."""
    head, chunks = b"", _chunks(request)
    if sql is None:
        async for chunk in chunks:
            head += chunk
            if b"\n" in head or len(head) > _LONGEST_FIRST_LINE:
                break
        line, newline, rest = head.partition(b"\n")
        if newline and _INSERT_LINE.fullmatch(line):
            sql, head = _text(line), rest
    size = len(head)
    await asyncio.to_thread(data.write, head)
    async for chunk in chunks:
        size += len(chunk)
        if size > _MOST_BYTES:
            raise _RefusedError(f"more than {_MOST_BYTES} bytes in one request")
        await asyncio.to_thread(data.write, chunk)
    await asyncio.to_thread(data.flush)
    if sql is None:
        return _text(await asyncio.to_thread(Path(data.name).read_bytes)), False
    return sql, size > 0


async def _chunks(request: web.Request) -> AsyncGenerator[bytes, None]:
    """The body as it was before the client compressed it."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding not in ("identity", "lz4"):
        raise _RefusedError("a body is taken as it is, or as lz4")
    frame = lz4.frame.LZ4FrameDecompressor()
    while chunk := await request.content.readany():
        if encoding == "identity":
            yield chunk
        while encoding == "lz4" and chunk:
            try:
                yield frame.decompress(chunk)
            except RuntimeError:
                raise _RefusedError("the body is not lz4") from None
            chunk, frame = _after(frame)


def _after(frame: Any) -> tuple[bytes, Any]:
    """What is left of a chunk behind the end of a frame, and what decompresses it."""
    return (frame.unused_data or b"", lz4.frame.LZ4FrameDecompressor()) if frame.eof else (b"", frame)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _RefusedError("the statement is not UTF-8") from None


def _from_file(sql: str, path: str) -> str:
    """An INSERT whose data are in a file: chDB takes none beside the statement."""
    found = _INSERT.fullmatch(sql)
    if found is None:
        raise _RefusedError("data go with an INSERT that names their FORMAT at its end")
    statement, name = found.groups()
    return f"{statement} FROM INFILE {literal(path)} COMPRESSION 'none' FORMAT {name}"


def _is_value(name: str) -> bool:
    return name.startswith("param_")


def _failure(text: str, status: int) -> web.Response:
    code = _CODE.search(text)
    headers = {"X-ClickHouse-Exception-Code": code[1]} if code else {}
    return web.Response(text=f"{text}\n", status=status, headers=headers)
