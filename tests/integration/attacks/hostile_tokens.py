"""Tokens of every kind for hostile requests, each with what it may read."""

from __future__ import annotations

import base64
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import jwt

from query_api.access.auth import derive_token
from tests.query_api.fakes import SECRET

ADMIN = derive_token(SECRET.encode(), "admin")
# Enough for a run of any length.
_EXPIRES = int(time.time()) + 100_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A token as it is sent; `reads` are pipes, None for an admin; `is_valid` says whether it is recognised at all."""

    kind: str
    value: str
    is_valid: bool = False
    reads: frozenset[str] | None = frozenset()
    has_sql: bool = False


def callers(other_pipe: str) -> list[Caller]:
    """`other_pipe` is one that some tokens may read besides those of `test_hostile_requests`."""
    read = frozenset
    return [
        Caller("admin", ADMIN, True, None, True),
        Caller("file token", derive_token(SECRET.encode(), "classic read"), True, read({"top_pages"}), True),
        Caller("file token of one pipe", derive_token(SECRET.encode(), "counter"), True, read({"vault_count"}), True),
        Caller("append only", derive_token(SECRET.encode(), "shop_app"), True),
        Caller("signed", _signed([_pipe(other_pipe)]), True, read({other_pipe}), True),
        Caller("signed, table", _signed([{"type": "DATASOURCES:READ", "resource": "orders"}]), True, read(), True),
        Caller("signed, fixed", _signed([_pipe("owned", owner="alice")]), True, read({"owned"})),
        Caller("signed, slow", _signed([_pipe("owned", owner="alice")], limits={"rps": 5}), True, read({"owned"})),
        Caller("signed, nothing there", _signed([_pipe("no_such_pipe")]), True, read(), True),
        Caller("expired", _signed([_pipe("vault_all")], exp=1_600_000_000)),
        Caller("not yet", _signed([_pipe("vault_all")], nbf=_EXPIRES)),
        Caller("wrong key", _signed([_pipe("vault_all")], key="x" * 40)),
        Caller("key of a file token", _signed([_pipe("vault_all")], key=derive_token(SECRET.encode(), "counter"))),
        Caller("other algorithm", _signed([_pipe("vault_all")], algorithm="HS512")),
        Caller("no algorithm", _unsigned("none")),
        Caller("no algorithm, other case", _unsigned("nOnE")),
        Caller("public key algorithm", _unsigned("RS256")),
        Caller("narrowed", _signed([{**_pipe("vault_all"), "filter": "1"}])),
        Caller("admin scope", _signed([{"type": "ADMIN", "resource": "*"}])),
        Caller("no scopes", _signed([])),
        Caller("no end", _signed([_pipe("vault_all")], exp=None)),
        Caller("text for an end", _signed([_pipe("vault_all")], exp="1e400")),
        Caller("cut", ADMIN[:-1]),
        Caller("unknown", "p.unknown"),
        Caller("dots", "a.b.c"),
        Caller("empty segments", ".."),
        Caller("long", "A" * 9_000 + ".B.C"),
        Caller("none", ""),
    ]


def _pipe(name: str, **fixed: object) -> dict[str, object]:
    scope: dict[str, object] = {"type": "PIPES:READ", "resource": name}
    return {**scope, "fixed_params": fixed} if fixed else scope


def _claims(scopes: Sequence[object], **others: object) -> dict[str, object]:
    claims = {"workspace_id": "w", "name": "page", "exp": _EXPIRES, "scopes": list(scopes), **others}
    return {name: value for name, value in claims.items() if value is not None}


def _signed(scopes: Sequence[object], *, key: str = ADMIN, algorithm: str = "HS256", **others: object) -> str:
    with warnings.catch_warnings(action="ignore"):  # our keys are short for SHA-512
        return jwt.api_jws.encode(json.dumps(_claims(scopes, **others)).encode(), key, algorithm=algorithm)


def _unsigned(algorithm: str) -> str:
    parts = ({"typ": "JWT", "alg": algorithm}, _claims([_pipe("vault_all")]))
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*texts, "" if algorithm != "RS256" else "c2ln"])
