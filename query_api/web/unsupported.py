"""Calls of Tinybird's API that are not carried out here, and what takes their place."""

from __future__ import annotations

import re

_FILES = "what it changes is in the project's files; `birdhouse deploy` puts them into ClickHouse"
_TOKENS = "`birdhouse tokens` prints the tokens, `TOKEN` lines of files make them, a new `BIRDHOUSE_SECRET` ends them"
# The first that matches says it; paths are as they are asked for, without a slash at their end.
_CALLS = tuple(
    (re.compile(path), instead)
    for path, instead in (
        (
            r"/v0/pipes/[^/]+/(?:copy|sink|materialize|population)(?:/.*)?",
            "copies, sinks and populations do not run here",
        ),
        (r"/v[01]/(?:datasources|pipes)(?:/.*)?", _FILES),
        (r"/v1/(?:deploy|deployments|build|workspace|workspaces|user)(?:/.*)?", _FILES),
        (r"/v0/(?:tokens)(?:/.*)?", _TOKENS),
        (r"/v0/variables(?:/.*)?", "secrets are `BIRDHOUSE_SECRET_…` in the environment"),
        (r"/v0/(?:jobs|analyze|connectors|templates|workspaces|user)(?:/.*)?", _FILES),
        (r"/v0/(?:sql_format|sql_tables|sql_replace)", "send SQL itself to `/v0/sql`"),
        (r"/examples/query\.http", "`GET /v0/pipes/openapi.json` describes each endpoint"),
    )
)


def unsupported(path: str) -> str | None:
    """What to use instead of a call, as a hint; None for a path that Tinybird does not have either."""
    asked = path.rstrip("/")
    return next((instead for pattern, instead in _CALLS if pattern.fullmatch(asked)), None)
