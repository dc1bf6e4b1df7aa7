"""Takes a request body apart into documents, without looking into them more than that needs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from query_api.errors import BadRequest

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON_SPACE = b" \t\r\n"
# Brackets, and strings as wholes so that brackets inside them do not count. A string that is not closed on its line
# (JSON allows no line break in one) ends there without its quote, which is group 1. Possessive repeats
# keep this linear in the body.
_TOKEN = re.compile(rb'[{}\[\]]|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+(?:(")|\\?(?=\n|\Z))')
_OPENING = b"{["
_ARRAY = b"["


def split_documents(body: bytes, form: str | None = None) -> list[bytes]:
    """The documents of a body, each exactly as it was sent without white space around it.

    `form` `json`: the whole body is one document. `ndjson`: every line that is not blank is one. None: a body that is
    nothing but objects and arrays is taken apart at their brackets, so they may go over several lines; of any other
    body every line is a document. Then every document that is an array stands for its members, whatever they are; an
    empty array stands for none. A document need not be valid: the mapping judges that later, row by row.

    Raises `BadRequest` for an empty body, an unknown `form`, and a body of open brackets in which not one line is an
    object by itself, or which begins as an array: a single broken document then looks the same as many.
    """
    if form not in (None, "json", "ndjson"):
        raise BadRequest(f"the format cannot be `{form[:100]}`\nhint: accepted are `ndjson` and `json`")
    body = body.removeprefix(_BYTE_ORDER_MARK).strip(_JSON_SPACE)
    if not body:
        raise BadRequest("the body is empty\nhint: send one JSON object, or one on each line")
    if form == "json":
        return _without_arrays([body])
    if (whole := whole_lines(body)) is not None:
        return whole
    lines = [document for line in body.split(b"\n") if (document := line.strip(_JSON_SPACE))]
    if form == "ndjson" or len(lines) == 1 or all(map(_looks_whole, lines)):
        return _without_arrays(lines)
    if documents := _bracketed(body):
        return _without_arrays(documents)
    is_open_array = body.startswith(_ARRAY) and not _is_closed(lines[0])
    if not is_open_array and (_is_closed(lines[0]) or any(_looks_whole(line) and _is_closed(line) for line in lines)):
        return _without_arrays(lines)
    raise BadRequest(
        "the body is neither a JSON document over several lines nor documents on lines of their own\n"
        "hint: a bracket or a quote is not closed"
    )


def _without_arrays(documents: list[bytes]) -> list[bytes]:
    """The members of arrays in their place; what begins as an array and is none stays as it is."""
    if not any(document.startswith(_ARRAY) for document in documents):
        return documents
    result: list[bytes] = []
    for document in documents:
        members = _members(document) if document.startswith(_ARRAY) else None
        result += [document] if members is None else members
    return result


def _members(array: bytes) -> list[bytes] | None:
    """The members of an array, each exactly as it was sent; None where commas and brackets do not tell them apart."""
    spans = _spans(array)
    if spans is None:
        return None
    members: list[bytes] = []
    held: bytes | None = None
    for piece in _pieces(array, spans):
        if piece is not None and held is None:
            held = piece
        elif piece is None and held is not None:
            members.append(held)
            held = None
        else:
            return None  # two members without a comma between them, or two commas
    if held is not None:
        return [*members, held]
    return None if members else []


def _pieces(array: bytes, spans: list[tuple[int, int]]) -> Iterator[bytes | None]:
    """Members and commas (None) in their order; what is no bracket and no string stands between commas alone."""
    end = 1
    for start, stop in (*spans, (len(array) - 1, 0)):
        for number, scalar in enumerate(array[end:start].split(b",")):
            if number:
                yield None
            if bare := scalar.strip(_JSON_SPACE):
                yield bare
        if stop:
            yield array[start:stop]
        end = stop


def _spans(array: bytes) -> list[tuple[int, int]] | None:
    """Where the objects, arrays and strings are that an array holds itself; None when it does not end with its own
    bracket."""
    spans: list[tuple[int, int]] = []
    depth = start = 0
    for match in _TOKEN.finditer(array, 1):
        token = match[0]
        if token[:1] == b'"':
            if match[1] is None:
                return None
            if depth == 0:
                spans.append(match.span())
        elif token in _OPENING:
            start = start if depth else match.start()
            depth += 1
        elif depth == 0:
            return spans if token == b"]" and match.end() == len(array) else None
        else:
            depth -= 1
            if depth == 0:
                spans.append((start, match.end()))
    return None


def whole_lines(body: bytes) -> list[bytes] | None:
    """The lines of a body in which every line begins with `{` and ends with `}`, without any white space around them;
    None for any other body."""
    body = body.removesuffix(b"\n")
    if body.startswith(b"{") and body.endswith(b"}") and body.count(b"}\n{") == body.count(b"\n"):
        return body.split(b"\n")
    return None


def _looks_whole(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}")


def _is_closed(line: bytes) -> bool:
    """Whether every bracket and every string that a line opens ends in it."""
    depth = 0
    for match in _TOKEN.finditer(line):
        token = match[0]
        if token[:1] == b'"':
            if match[1] is None:
                return False
        else:
            depth += 1 if token in _OPENING else -1
    return depth == 0


def _bracketed(body: bytes) -> list[bytes]:
    """The documents of a body that is nothing but objects and arrays with white space between; else none."""
    documents: list[bytes] = []
    depth = start = end = 0
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token[:1] == b'"':
            if depth == 0 or match[1] is None:
                return []
            continue
        if token in _OPENING:
            if depth == 0:
                if body[end : match.start()].strip(_JSON_SPACE):
                    return []
                start = match.start()
            depth += 1
            continue
        depth -= 1
        if depth < 0:
            return []
        if depth == 0:
            end = match.end()
            documents.append(body[start:end])
    return documents if depth == 0 and not body[end:].strip(_JSON_SPACE) else []
