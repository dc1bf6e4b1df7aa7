"""Projects of a few lines, and their views."""

from __future__ import annotations

from pathlib import Path

from schemas.model import Project
from schemas.queries.catalog import compile_project
from schemas.tables.views.project import ProjectViews, views_of
from tests.schemas.mapping.mapped import project_of

EVENTS = """\
SCHEMA >
    `at` DateTime `json:$.at`,
    `user` String `json:$.user`
"""
COUNTS = """\
SCHEMA >
    `user` String,
    `n` UInt64

ENGINE SummingMergeTree
ENGINE_SORTING_KEY user
"""
SELECT = "SELECT user, count() AS n FROM events GROUP BY user"


def view(sql: str = SELECT, into: str = "counts", lines: str = "") -> str:
    """A pipe with one materialized node."""
    body = "".join(f"    {line}\n" for line in sql.splitlines())
    return f"NODE n\nSQL >\n{body}\nTYPE materialized\nDATASOURCE {into}\n{lines}"


def project(folder: Path, **files: str) -> Project:
    """`events` and `counts`, and pipes by their names; a name with `_ds` behind it is that of a data source."""
    texts = {"events.datasource": EVENTS, "counts.datasource": COUNTS}
    for name, text in files.items():
        texts[f"{name.removesuffix('_ds')}.datasource" if name.endswith("_ds") else f"{name}.pipe"] = text
    return project_of(folder, texts)


def views(folder: Path, **files: str) -> ProjectViews:
    found = project(folder, **files)
    return views_of(found, compile_project(found))
