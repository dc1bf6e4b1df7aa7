"""The state of one render: the values it may read, its budget, and what it binds and asks for on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2.utils import Namespace

from schemas.template.errors import TemplateRenderError
from schemas.template.limits import DEFAULT_LIMITS, Budget, RenderLimits
from schemas.template.values.binding import Bindings
from schemas.template.values.moments import ColumnKind


class Locals(Namespace):
    """The variables of one template: as in Python, an assignment anywhere makes a name local everywhere."""

    def __getitem__(self, name: str) -> object:
        attributes: dict[str, object] = object.__getattribute__(self, "_Namespace__attrs")
        if name not in attributes:
            raise TemplateRenderError(f"cannot access local variable '{name}' where it is not associated with a value")
        return attributes[name]


class Render:
    """What the functions of a template work on; one for all nodes of a query, so that names are unique in it.

    `table_name` gives the SQL, from the project's own files, of a table that the SQL may read, by its name, None
    for any other name. `column_kinds` says what a column of a name holds, for times that are compared with it.
    `missing` is the text for a parameter
    without value and default; each template sets its own.
    """

    __slots__ = ("bindings", "budget", "cache_seconds", "column_kinds", "missing", "secrets", "settings", "table_name")

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        table_name: Callable[[str], str | None] = lambda _: None,
        limits: RenderLimits = DEFAULT_LIMITS,
        column_kinds: Mapping[str, ColumnKind] | None = None,
    ) -> None:
        self.budget = Budget(limits)
        self.bindings = Bindings(self.budget)
        self.secrets = secrets or {}
        self.settings: dict[str, str] = {}
        self.table_name = table_name
        self.column_kinds = column_kinds or {}
        self.missing = ""
        # How long the answer may be kept; None while no template says so.
        self.cache_seconds: int | None = None

    def keep_for(self, seconds: int) -> None:
        """Let the answer be kept for a time: of all that are named the shortest, since every node relies on its own."""
        self.cache_seconds = seconds if self.cache_seconds is None else min(self.cache_seconds, seconds)
