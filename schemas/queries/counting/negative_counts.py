"""Says which parameter made a LIMIT, OFFSET or FETCH negative: looked for only when one is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.template.errors import ParameterError
from schemas.template.template import Template

# The clauses of a SELECT, so that a tag belongs to the last of them before it.
_CLAUSE = re.compile(
    r"\b(LIMIT|OFFSET|FETCH|SETTINGS|BY|FROM|JOIN|WHERE|PREWHERE|HAVING|WITH|UNION|SELECT|ORDER|GROUP)\b", re.IGNORECASE
)


def negative_count(template: Template | None, keyword: str, values: Mapping[str, object]) -> ParameterError:
    """The error of a count below zero, with the names of the parameters that it is made of."""
    names = _parameters_at(template, keyword) if template else []
    names = [name for name in names if str(values.get(name, "")).startswith("-")] or names
    named = f"Parameter{'s' if len(names) > 1 else ''} {' and '.join(f'`{name}`' for name in names)}" if names else "It"
    return ParameterError(f"{keyword} is negative. {named} must not make it less than 0.")


def _parameters_at(template: Template, keyword: str) -> list[str]:
    """The parameters of the tags in clauses of this keyword; of the whole template when none is there by itself."""
    found: dict[str, None] = {}
    clause = ""
    for ordinal, segment in enumerate(template.segments, 1):
        if segment.kind == "text":
            clauses = _CLAUSE.findall(segment.text)
            clause = clauses[-1].upper() if clauses else clause
        elif segment.kind == "expression" and clause in (keyword, "SETTINGS"):
            found.update(dict.fromkeys(template.parameters_of(ordinal)))
    return list(found) or sorted(template.names)
