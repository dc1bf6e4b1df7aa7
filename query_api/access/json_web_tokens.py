"""Tokens that an admin signs: JWTs with HS256 and the admin token as the key, read and made by PyJWT."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from query_api.errors import BadRequest, Forbidden
from schemas.model import Permission
from schemas.queries.query import Values
from schemas.template.values.json_values import JsonLiteral

# A token travels in one header; a longer one is not looked at.
MAX_LENGTH = 8_192
_ALGORITHM = "HS256"
_PERMISSIONS: Mapping[str, Permission] = {
    "PIPES:READ": "READ",
    "DATASOURCES:READ": "READ",
    "DATASOURCES:APPEND": "APPEND",
}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable text")
    return text


_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
_Scalar = str | int | float | bool
# Nothing may leave a parameter out, since the caller's value would take its place: no null. (An empty list is a value.)
_Fixed = _Scalar | list[_Scalar]


class GrantedScope(BaseModel):
    """One scope; whatever else it says might be meant to narrow it, so it is refused and not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["PIPES:READ", "DATASOURCES:READ", "DATASOURCES:APPEND"]
    resource: _Name
    fixed_params: dict[str, _Fixed] = Field(default_factory=dict)

    @property
    def permission(self) -> Permission:
        return _PERMISSIONS[self.type]

    @property
    def fixed_values(self) -> Values:
        """`fixed_params` in the form in which a template gets a caller's values."""
        return {
            name: [_text(member) for member in value] if isinstance(value, list) else _text(value)
            for name, value in self.fixed_params.items()
        }


class Rate(BaseModel):
    """`rps`: requests a second of all tokens of one name together."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Grant(BaseModel):
    """What a token's claims grant; claims that are not named here mean nothing."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: _Name
    scopes: list[GrantedScope] = Field(min_length=1, max_length=200)
    limits: Rate = Rate()


def read_signed(value: str, key: str) -> Grant:
    """The grant of a signed token. Raises `Forbidden`, which never repeats the value."""
    if len(value) > MAX_LENGTH:
        raise Forbidden(f"the token is longer than the {MAX_LENGTH} characters that are read")
    try:
        claims = jwt.decode(
            value,
            key,
            # The only one: `none` needs no key, and with RS256 the key would be taken for a public one.
            algorithms=[_ALGORITHM],
            options={"require": ["exp", "name"], "verify_aud": False, "verify_iat": False, "verify_sub": False},
        )
        return Grant.model_validate(claims)
    except jwt.ExpiredSignatureError:
        raise Forbidden("the token has expired") from None
    except jwt.InvalidAlgorithmError:
        raise Forbidden(f"the token is not signed with {_ALGORITHM}, the only algorithm accepted") from None
    except jwt.MissingRequiredClaimError as error:
        raise Forbidden(f"the token lacks the claim `{error.claim}`") from None
    except ValidationError as error:
        raise Forbidden(f"the token's claims cannot be used: {_reasons(error)}") from None
    # Claims are anybody's until the signature is checked: numbers too large, texts too deep, half of surrogate pairs.
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise Forbidden("the token is not valid here") from None


def sign(document: Mapping[str, object], *, expires: int, key: str) -> str:
    """A token for `{"name", "scopes", "limits"}` that ends at `expires`, in seconds since 1970. Raises `BadRequest`."""
    try:
        grant = Grant.model_validate(document)
    except ValidationError as error:
        raise BadRequest(f"the token cannot be made: {_reasons(error)}") from None
    claims: dict[str, Any] = {**grant.model_dump(exclude_none=True), "exp": expires}
    try:
        value = jwt.encode(claims, key, algorithm=_ALGORITHM)
    except ValueError:
        raise BadRequest("the token cannot be made: it holds half of a surrogate pair, which is no text") from None
    if len(value) > MAX_LENGTH:
        raise BadRequest(f"the token would be longer than the {MAX_LENGTH} characters that are read")
    return value


def _text(value: _Scalar) -> str:
    return value if isinstance(value, str) else JsonLiteral(json.dumps(value))


def _reasons(error: ValidationError) -> str:
    return "; ".join(_reason_lines(error))[:500]


def _reason_lines(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        yield f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}"
