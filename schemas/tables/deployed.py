"""What was deployed, written into the table's comment: the shape with the file's own texts, so that the next deploy
compares like with like instead of ClickHouse's rewriting of them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from schemas.tables.shape import TableShape


@dataclass(frozen=True, slots=True)
class _Comment:
    """The JSON of a comment. Its one member marks it as ours."""

    birdhouse: TableShape


_ADAPTER = TypeAdapter(_Comment)


def to_comment(shape: TableShape) -> str:
    """The shape as the comment's text."""
    return _ADAPTER.dump_json(_Comment(shape), exclude_defaults=True).decode()


def from_comment(comment: str) -> TableShape | None:
    """The shape in a comment; None when the comment is somebody else's, of another release, or none."""
    try:
        return _ADAPTER.validate_json(comment).birdhouse
    except ValidationError:
        return None
