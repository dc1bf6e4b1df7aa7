"""Makes up hostile requests from an OpenAPI document; the same seed makes up the same ones."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from tests.integration.attacks.hostile_texts import (
    EXPRESSIONS,
    MARK,
    PIECES,
    PLAIN,
    RESERVED,
    RESHAPING,
    STATEMENTS,
    TABLES,
)
from tests.integration.attacks.hostile_tokens import Caller

Object = dict[str, Any]


@dataclass(frozen=True)
class Hostile:
    """One request. `path` and `method` are those of the document, None for a request that is in none.

    `is_reshaped`: the answer's rows need not be as the document says.
    """

    caller: Caller
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    path: str | None
    has_own_sql: bool
    is_reshaped: bool


@dataclass
class _Draft:
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    names: set[str] = field(default_factory=set)
    holds_sql: bool = False


class Author:
    """Reads every path, method, parameter and kind of body out of the document."""

    def __init__(self, document: Object, callers: Sequence[Caller], seed: int) -> None:
        self._document = document
        self._callers = callers
        self._weights = [
            max(len(callers), 10) if each.kind == "admin" else 3 if each.is_valid else 1 for each in callers
        ]
        self._random = random.Random(seed)
        self._paths: list[str] = list(document["paths"])

    def request(self) -> Hostile:
        chance = self._random
        (caller,) = chance.choices(self._callers, self._weights)
        path = self._choose_path(caller)
        item = self._document["paths"][path]
        method = chance.choice([each for each in ("get", "post") if each in item])
        draft = _Draft()
        concrete = self._fill(path, item, draft)
        operation = item[method]
        self._parameters(operation, draft)
        if method == "post":
            self._body(operation, draft)
        known: str | None = path
        if chance.random() < 0.06:
            concrete, known, method = self._stray(path, concrete), None, chance.choice(["get", "get", "post"])
        elif chance.random() < 0.04:
            known, method = None, chance.choice(["head", "options", "put", "delete", "patch"])
        self._sign(caller, draft)
        if concrete.startswith("/v0/sql"):
            draft.holds_sql = True
        url = str(URL.build(path=concrete).with_query(draft.query))
        return Hostile(
            caller, method.upper(), url, draft.headers, draft.body if method not in ("get", "head") else None, known,
            draft.holds_sql or "q" in draft.names, bool(draft.names & RESHAPING) or draft.holds_sql,
        )  # fmt: skip

    def _choose_path(self, caller: Caller) -> str:
        """Any; but mostly one that the caller may ask, so that most requests get further than the first check."""
        chance = self._random
        if not caller.reads or chance.random() < 0.3:
            return chance.choice(self._paths)
        if caller.has_sql and chance.random() < 0.4:
            return "/v0/sql"
        return chance.choice([path for path in self._paths if _pipe_of(path) in caller.reads])

    def _fill(self, path: str, item: Object, draft: _Draft) -> str:
        for parameter in item.get("parameters", []):
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", self._random.choice(parameter["schema"]["enum"]))
        return path

    def _parameters(self, operation: Object, draft: _Draft) -> None:
        chance = self._random
        for parameter in operation.get("parameters", []):
            name, schema = parameter["name"], parameter["schema"]
            if chance.random() < (0.1 if parameter.get("required") else 0.5):
                continue
            for _ in range(chance.choices([1, 2, 5], [90, 8, 2])[0]):
                self._add(draft, name, self._text_of(name, schema))
        for _ in range(chance.choices([0, 1, 3], [75, 20, 5])[0]):
            name = self._hostile()[:100] if chance.random() < 0.2 else chance.choice(RESERVED)
            self._add(draft, name, self._text_of(name, {"type": "string"}))

    def _add(self, draft: _Draft, name: str, value: str) -> None:
        if name == "token":
            return  # of the caller alone, see `_sign`
        draft.query.append((name, value))
        draft.names.add(name)

    def _text_of(self, name: str, schema: Object) -> str:
        if name == "q":
            return self._statement()
        value = self._value(schema)
        if isinstance(value, list):
            return ",".join(str(each) for each in value)
        return value if isinstance(value, str) else json.dumps(value)

    def _value(self, schema: Object) -> Any:
        """Valid, at a boundary, of another type, or hostile."""
        chance = self._random
        kind = chance.choices(["valid", "boundary", "other", "plain", "hostile"], [40, 10, 8, 12, 30])[0]
        if kind == "plain":
            return chance.choice(PLAIN)
        if kind == "hostile":
            return self._hostile()
        if kind == "other":
            return chance.choice([True, 1.5, -1, 2**70, "x", "", [], [1, "a"], {"a": 1}])
        return self._valid(schema, is_boundary=kind == "boundary")

    def _valid(self, schema: Object, *, is_boundary: bool) -> Any:
        chance = self._random
        if schema["type"] == "array":
            return [self._valid(schema["items"], is_boundary=is_boundary) for _ in range(chance.randrange(4))]
        said = [*schema.get("enum", []), *schema.get("examples", []), *[schema[k] for k in ("default",) if k in schema]]
        if said and not is_boundary:
            return chance.choice(said)
        match schema["type"]:
            case "integer":
                low, high = schema.get("minimum", 0), schema.get("maximum", 100)
                return chance.choice([low, low - 1, high, high + 1, 0] if is_boundary else [0, 1, 5])
            case "number":
                return chance.choice([0, -0.0, 1e308, -1e-308, 0.1])
            case "boolean":
                return chance.choice([True, False])
            case _:
                return "2024-01-31" if schema.get("format") == "date" else chance.choice(PLAIN)

    def _hostile(self) -> str:
        chance = self._random
        pieces = [chance.choice(PIECES) for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.2:
            pieces.append("".join(chr(chance.randrange(1, 0xD800)) for _ in range(chance.randrange(8))))
        if chance.random() < 0.002:
            pieces.append("B" * 6_000)
        return MARK.join(["", *pieces, ""]) if chance.random() < 0.8 else "".join(pieces)

    def _statement(self) -> str:
        chance = self._random
        if chance.random() < 0.1:
            return self._hostile().replace(MARK, " ")
        text = (
            chance.choice(STATEMENTS).replace("{t}", chance.choice(TABLES)).replace("{f}", chance.choice(EXPRESSIONS))
        )
        return text if chance.random() < 0.9 else text[: chance.randrange(len(text) + 1)] + chance.choice(PIECES)

    def _body(self, operation: Object, draft: _Draft) -> None:
        chance = self._random
        content = operation["requestBody"]["content"]
        kind = chance.choice(list(content))
        draft.headers["Content-Type"] = kind
        schema = content[kind]["schema"]
        if chance.random() < 0.15:
            draft.body = self._strange_body(draft)
        elif kind == "text/plain":
            draft.body, draft.holds_sql = self._statement().encode("utf-8", "replace"), True
        elif "properties" in schema:
            values = self._fields(schema, draft)
            if kind == "application/json":
                draft.body = json.dumps(values).encode()
            else:
                items = [(name, str(each)) for name, value in values.items() for each in _listed(value)]
                draft.body = str(URL.build(query=items)).removeprefix("?").encode()
        else:
            draft.body = self._events()
        if chance.random() < 0.1:
            draft.headers["Content-Encoding"] = chance.choice(["gzip", "gzip", "br", "zstd", "nonsense"])
            if chance.random() < 0.7:
                draft.body = gzip.compress(draft.body, mtime=0)

    def _fields(self, schema: Object, draft: _Draft) -> Object:
        chance = self._random
        values: Object = {}
        for name, each in schema["properties"].items():
            if chance.random() < 0.6:
                values[name] = self._statement() if name == "q" else self._value(each)
        if chance.random() < 0.1:
            values[chance.choice(RESERVED)] = chance.choice([None, self._hostile(), [], {"a": {"b": ["c"]}}, [[[]]]])
        if values and chance.random() < 0.005:
            values[chance.choice(list(values))] = MARK + "C" * 140_000
        values.pop("token", None)
        if "q" in values and not isinstance(values["q"], str):
            values.pop("q")
        elif MARK in values.get("q", ""):
            values["q"] = values["q"].replace(MARK, " ")
        draft.names.update(values)
        return values

    def _events(self) -> bytes:
        chance = self._random
        lines = [json.dumps({"a": self._hostile()}).encode() for _ in range(chance.randrange(4))]
        lines += [chance.randbytes(chance.randrange(60)) for _ in range(chance.randrange(2))]
        return chance.choice([b"\n", b"\r\n", b"", b"\n\n"]).join(lines)

    def _strange_body(self, draft: _Draft) -> bytes:
        chance = self._random
        draft.headers["Content-Type"] = chance.choice(
            ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/x-ndjson", "a/b",
             "application/json; charset=utf-16", "APPLICATION/JSON", "application/x-www-form-urlencoded; charset=x", ""]
        )  # fmt: skip
        kind = chance.randrange(6)
        if kind == 0:
            draft.holds_sql = True
            return self._statement().encode("utf-8", "replace")
        deep = chance.choice([1, 10, 5_000])
        return [
            b"",
            b"[" * deep,
            b'{"a":' * deep,
            chance.randbytes(chance.randrange(200)),
            b"\xff\xfe{}",
            b'{"\\ud800": "\\udfff"}',
        ][kind]

    def _stray(self, path: str, concrete: str) -> str:
        chance = self._random
        name = concrete.rpartition("/")[2].partition(".")[0]
        known = ["/v0/pipes", "/v0/datasources", "/v0/pipes/openapi.json", f"/v0/pipes/{name}",
                 f"/v0/pipes/{name}.pipe",
                 f"/v1/pipes/{name}.pipe", f"/v0/pipes/{name}/explain", "/docs", "/", "/v0/datasources/vault",
                 "/v0/datasources/vault.datasource", "/v0/pipes/vault_all", "/v0/pipes/vault_all/explain",
                 "/v0/pipes/vault_all.pipe", "/v0/pipes/owned/explain", "/v0/tokens/", "/v0/sql/"]  # fmt: skip
        strange = [f"/v0/pipes/{self._hostile()[:200]}.json", f"{path}/../{concrete}", f"/{self._hostile()[:200]}",
                   f"/v0/pipes/{name}.{self._hostile()[:50]}", concrete + "/", concrete.upper()]  # fmt: skip
        return chance.choice(known + strange).replace("\0", "0")

    def _sign(self, caller: Caller, draft: _Draft) -> None:
        chance = self._random
        if caller.value:
            if chance.random() < 0.3:
                draft.query.insert(chance.randrange(len(draft.query) + 1), ("token", caller.value))
            else:
                draft.headers["Authorization"] = f"{chance.choice(['Bearer', 'bearer', 'BEARER'])} {caller.value}"
        for name in (
            "Accept",
            "Origin",
            "X-Request-Id",
            "Range",
            "If-None-Match",
            "Accept-Encoding",
            "X-Forwarded-For",
        ):
            if chance.random() < 0.03:
                draft.headers[name] = "".join(c for c in self._hostile() if c.isascii() and c.isprintable())[:500]


def _pipe_of(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
