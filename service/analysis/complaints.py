"""What ClickHouse refuses of a node, as a problem of its file: in whose words, where, and with which hint."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import CompiledNode
from schemas.queries.trials.origins import rendered
from schemas.queries.trials.trials import Trial
from service.analysis.answers import SECONDS, Answer, Asking
from service.analysis.located import place_of
from service.analysis.words import reason_of, source_line
from service.clickhouse.codes import TEXT_FORM, Code

ASKED_WITH = " (asked with "
"""Begins the end of a message that says which parameters had values."""

_NAMES_SHOWN = 6
# Any column is much like a name of one letter.
_SHORTEST_GUESSED = 3
_OTHER_VALUES = "with other values it is taken: give the parameters defaults that suit"


@dataclass(frozen=True, slots=True)
class Complaints:
    """Makes problems of the refusals of one project."""

    project: Project
    catalog: Catalog
    asking: Asking

    def of(self, node: CompiledNode, trial: Trial, answer: Answer, *, is_sound: bool) -> Problem:
        """The problem of a trial that was refused. `is_sound`: other values of the node's parameters are taken."""
        if answer.code in (Code.TIMEOUT_EXCEEDED, Code.MEMORY_LIMIT_EXCEEDED):
            message = f"ClickHouse could not analyse the node `{node.node.name}` within {SECONDS} s: it is not checked"
            return Problem(node.node.sql_place, message, "its sub-queries run while it is analysed", "", "warning")
        text = rendered(self.catalog, node, trial.values)
        if answer.code == Code.SYNTAX_ERROR and text is not None:
            # The position is one in the composed statement: asked alone it is one in the node's own text.
            alone = self.asking.parse(text.query)
            answer = alone if alone.is_refused else Answer((), Code.SYNTAX_ERROR, "syntax error")
        reason = reason_of(answer.reason)
        place = place_of(reason, text) if text is not None else node.node.sql_place
        shown = self.catalog.secrets.hide(reason.text)
        is_of_values = is_sound and (answer.code in TEXT_FORM or trial.is_of_all)
        return Problem(
            place,
            f"ClickHouse refuses the node `{node.node.name}`: {shown}{_asked_with(trial)}",
            reason.hint or self._closest(node, reason.names) or (_OTHER_VALUES if is_of_values else ""),
            source_line(node.pipe.source, place),
            "warning" if is_of_values else "error",
        )

    def _closest(self, node: CompiledNode, names: tuple[str, ...]) -> str:
        """What an unknown column may have meant."""
        if not names or len(names[0]) < _SHORTEST_GUESSED:
            return ""
        reads = self.catalog.graph.reachable(node.key).data_sources
        sources = [self.project.data_sources[name] for name in reads if name in self.project.data_sources]
        columns = {column.name for source in sources for column in source.columns}
        wanted = names[0].rpartition(".")[2]
        close = difflib.get_close_matches(wanted, columns, 1) if wanted not in columns else []
        return f"did you mean `{close[0]}`?" if close else ""


def _asked_with(trial: Trial) -> str:
    if trial.is_default or not trial.values:
        return ""
    names = [f"`{name}`" for name in trial.values]
    return f"{ASKED_WITH}{', '.join(names[:_NAMES_SHOWN])}{' …' if len(names) > _NAMES_SHOWN else ''})"
