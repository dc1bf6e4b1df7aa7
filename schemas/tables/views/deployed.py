"""What was deployed of a view, written into its comment: its shape, so that the next deploy compares like with like,
and a fingerprint of what ClickHouse made of it, so that a change by hand is seen."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from schemas.model import Place
from schemas.tables.actual import ActualTable
from schemas.tables.views.view import ViewShape

# ClickHouse writes it behind the columns and before the SELECT.
_COMMENT = re.compile(r"\sCOMMENT '(?:[^'\\]|\\.|'')*'(?=\s+AS\s)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DeployedView:
    """A view as a deploy made it. `made` is the fingerprint of ClickHouse's own text, which `version` wrote; both are
    empty until they are noted."""

    shape: ViewShape
    version: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class _Comment:
    """The JSON of a comment. Its one member marks it as ours."""

    birdhouse_view: DeployedView


_ADAPTER = TypeAdapter(_Comment)


def to_comment(view: DeployedView) -> str:
    """The note as the comment's text. Where the node stands is not in it: a file may be moved."""
    placeless = replace(view, shape=replace(view.shape, place=Place("")))
    return _ADAPTER.dump_json(_Comment(placeless), exclude_defaults=True).decode()


def view_comment(shape: ViewShape) -> str:
    """The comment of a view that is made just now."""
    return to_comment(DeployedView(shape))


def from_comment(comment: str) -> DeployedView | None:
    """The note in a comment; None when the view is somebody else's."""
    try:
        return _ADAPTER.validate_json(comment).birdhouse_view
    except ValidationError:
        return None


def fingerprint(view: ActualTable) -> str:
    """What ClickHouse says of a view, its comment aside."""
    return hashlib.sha256(_COMMENT.sub("", view.definition, count=1).encode()).hexdigest()[:16]
