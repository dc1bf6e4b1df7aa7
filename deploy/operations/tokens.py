"""The tokens of a project as people are shown them: name, scopes, value."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.errors import UnknownTokenError
from query_api.access.auth import access_tokens, derive_token
from schemas.model import Project


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token; `scopes` is text for people. `value` gives access: print it on request alone, never log it."""

    name: str
    scopes: str
    value: str


def token_rows(project: Project, secret: str) -> tuple[TokenRow, ...]:
    """Every token of the project, the admin token first."""
    return tuple(
        TokenRow(
            token.name,
            "everything"
            if token.is_admin
            else ", ".join(sorted(f"{scope.permission} {scope.resource}" for scope in token.scopes)),
            derive_token(secret.encode(), token.name),
        )
        for token in access_tokens(project)
    )


def find_token(rows: tuple[TokenRow, ...], name: str) -> TokenRow:
    """The token of that name. Raises `UnknownTokenError` that lists the names there are."""
    for row in rows:
        if row.name == name:
            return row
    raise UnknownTokenError(f"there is no token `{name}`", f"the tokens are {', '.join(row.name for row in rows)}")


def render(rows: tuple[TokenRow, ...]) -> str:
    """A table with a line for each token."""
    table = [("name", "scopes", "value"), *((row.name, row.scopes, row.value) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(2)]
    return "\n".join(f"{name:<{widths[0]}}  {scopes:<{widths[1]}}  {value}" for name, scopes, value in table)
