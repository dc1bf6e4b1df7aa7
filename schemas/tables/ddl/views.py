"""The statements that make a project's views."""

from __future__ import annotations

from schemas.sql.text import literal, qualified
from schemas.tables.views.view import ViewShape


def project_view_ddl(shape: ViewShape, database: str, comment: str) -> str:
    """CREATE of the view of a materialized node. It fails when it is there already: what it is must be known."""
    view, into = qualified(database, shape.name), qualified(database, shape.target)
    note = f"\nCOMMENT {literal(comment)}" if comment else ""
    return f"CREATE MATERIALIZED VIEW {view} TO {into}{note}\nAS {shape.select(database)}"


def drop_view_ddl(name: str, database: str) -> str:
    return f"DROP VIEW IF EXISTS {qualified(database, name)} SYNC"
