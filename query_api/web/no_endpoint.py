"""What to tell of a pipe that is there and cannot be asked, because none of its nodes is an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from query_api.errors import NotFound
from schemas.model import Copy, Materialization, Pipe, Sink

_REASONS: Mapping[type, tuple[str, str]] = {
    Materialization: (
        "its node `{}` is materialized: what it selects is written into its data source as events come",
        "ask the data source, or what the node selects as `{}` in the FROM of `/v0/sql`",
    ),
    Copy: (
        "its node `{}` is a copy, which is not carried out here: copies neither run nor can be started",
        "what it would copy can be asked as `{}` in the FROM of `/v0/sql`",
    ),
    Sink: (
        "its node `{}` is a sink, which is not carried out here: nothing is exported",
        "what it would export can be asked as `{}` in the FROM of `/v0/sql`",
    ),
}
_PLAIN = ("none of its nodes is one", "give a node the line `TYPE endpoint`, or ask `{}` in the FROM of `/v0/sql`")


def no_endpoint(pipe: Pipe) -> NotFound:
    """The error for a pipe that its asker may read."""
    special = next((node for node in pipe.nodes if type(node.kind) in _REASONS), None)
    reason, hint = _PLAIN if special is None else _REASONS[type(special.kind)]
    told = reason.format(special.name if special is not None else "")
    return NotFound(f"The pipe '{pipe.name}' has no endpoint: {told}\nhint: {hint.format(pipe.name)}")
