"""Which token may do what: tokens are derived from one secret, scopes are what the project's files say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from query_api.access.json_web_tokens import Grant, read_signed
from query_api.access.rate_limit import RateLimiter, Rates
from query_api.errors import Forbidden
from query_api.ids import names_by_id
from schemas.model import Permission, Project, Token
from schemas.queries.query import Values

ADMIN = "admin"


def derive_token(secret: bytes, name: str) -> str:
    """The value of the token `name`: `p.` and the URL-safe base64 text of HMAC-SHA256 over the name."""
    digest = hmac.digest(secret, name.encode(), hashlib.sha256)
    return "p." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that a token may do with one pipe or data source (they share one space of names)."""

    permission: Permission
    resource: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was recognised: its name and scopes, never its value.

    A signed token may have `fixed_values` by pipe, which win over a caller's, and `requests_per_second`.
    """

    name: str
    scopes: frozenset[Scope] = frozenset()
    is_admin: bool = False
    fixed_values: Mapping[str, Values] = field(default_factory=dict)
    requests_per_second: int | None = None

    def may(self, permission: Permission, resource: str) -> bool:
        """Whether the token has the scope."""
        return self.is_admin or Scope(permission, resource) in self.scopes

    def require(self, permission: Permission, resource: str) -> None:
        """Raise `Forbidden` unless the token has the scope."""
        if not self.may(permission, resource):
            raise Forbidden(f"the token `{self.name}` has no {permission} scope on `{resource}`")

    def may_send_sql(self) -> bool:
        """Whether the token may send SQL of its own: not with fixed values, around which SQL could reach a pipe, and
        not when it reads nothing, as those tokens with which pages send events."""
        return not self.fixed_values and self._reads

    def require_own_sql(self) -> None:
        """Raise `Forbidden` for a token that may not send SQL of its own."""
        if self.fixed_values:
            raise Forbidden(f"the token `{self.name}` has fixed parameters, so it answers pipes and no SQL of a caller")
        if not self._reads:
            raise Forbidden(f"the token `{self.name}` has no READ scope, so it runs no SQL")

    @property
    def _reads(self) -> bool:
        return self.is_admin or any(scope.permission == "READ" for scope in self.scopes)

    def values(self, pipe: str, given: Values) -> Values:
        """What the pipe's template gets of the values that a caller gave."""
        return {**given, **self.fixed_values.get(pipe, {})}


def access_tokens(project: Project) -> tuple[AccessToken, ...]:
    """The admin token and every token that a file names, each with all its scopes."""
    scopes: dict[str, set[Scope]] = {}
    for resource, token in _named(project):
        scopes.setdefault(token.name, set()).add(Scope(token.permission, resource))
    # A file that calls its token `admin` cannot take the admin token's place: all its scopes are in it already.
    scopes.pop(ADMIN, None)
    return (
        AccessToken(ADMIN, is_admin=True),
        *(AccessToken(name, frozenset(granted)) for name, granted in sorted(scopes.items())),
    )


def _named(project: Project) -> Iterator[tuple[str, Token]]:
    for resources in (project.data_sources, project.pipes):
        for name, resource in resources.items():
            for token in resource.tokens:
                yield name, token


class TokenTable:
    """Recognises tokens in a time that tells nothing about their values.

    What a caller sends is looked up by a digest under a key that nobody outside this process knows, so how far a
    guess agrees with a real token cannot be read off the time that the look-up takes.
    """

    def __init__(self, project: Project, secret: bytes | Callable[[], bytes], rates: Rates | None = None) -> None:
        """A `secret` that is a function is asked at each look-up: with another secret the tokens are others. `rates`
        may be shared with the tables of other projects."""
        self._key = secrets.token_bytes(32)
        self._access_tokens = access_tokens(project)
        self._read_secret = secret if callable(secret) else None
        self._derive(secret() if callable(secret) else secret)
        self.rates: Rates = rates or RateLimiter()
        self._names = names_by_id((*project.data_sources, *project.pipes))

    def recognise(self, value: str | None) -> AccessToken:
        """The token with this value. Raises `Forbidden`, which never repeats the value."""
        self._follow_secret()
        if not value:
            raise Forbidden("a token is needed: send `Authorization: Bearer TOKEN` or `?token=TOKEN`")
        token = self._tokens.get(self._digest(value))
        if token is not None:
            return token
        if value.count(".") == 2:
            return self._signed(read_signed(value, self.signing_key))
        raise Forbidden("the token is not valid here")

    @property
    def signing_key(self) -> str:
        """What the signatures of tokens that callers make are made with."""
        self._follow_secret()
        return self._signing_key

    def _follow_secret(self) -> None:
        if self._read_secret is not None and (secret := self._read_secret()) != self._secret:
            self._derive(secret)

    def _derive(self, secret: bytes) -> None:
        self._secret = secret
        self._tokens: Mapping[bytes, AccessToken] = {
            self._digest(derive_token(secret, token.name)): token for token in self._access_tokens
        }
        self._signing_key = derive_token(secret, ADMIN)

    def _signed(self, grant: Grant) -> AccessToken:
        scopes: set[Scope] = set()
        fixed: dict[str, Values] = {}
        for each in grant.scopes:
            resource = self._names.get(each.resource, each.resource)
            scopes.add(Scope(each.permission, resource))
            if each.fixed_params:
                fixed[resource] = {**fixed.get(resource, {}), **each.fixed_values}
        return AccessToken(grant.name, frozenset(scopes), fixed_values=fixed, requests_per_second=grant.limits.rps)

    def _digest(self, value: str) -> bytes:
        # BLAKE2 takes a key of its own, and a third of the time of an HMAC.
        return hashlib.blake2s(value.encode("utf-8", "surrogatepass"), key=self._key).digest()


def sent_token(authorization: str | None, parameter: str | None) -> str | None:
    """The token of a request: of its `Authorization: Bearer` header, else of its `token` parameter."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else parameter
