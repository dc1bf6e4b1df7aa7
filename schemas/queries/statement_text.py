"""The text of a statement: its nodes as common table expressions, each name in them what the statement calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.queries.nodes import NodeKey
from schemas.queries.part import NodeTarget, Part, TableTarget
from schemas.sql.text import identifier, identifier_if_needed

Names = Mapping[NodeKey, str]
"""What each node is called in a statement."""


def joined(parts: Sequence[Part]) -> str:
    """The statement of the last part, with the others before it."""
    return _joined(parts, _own_names(parts), has_closed_parts=False)


def joined_for_caller(parts: Sequence[Part], names: Names) -> str:
    """The statement of the last part, which is a caller's, with the others before it by these names.

    Its columns must not stand in for a table after IN in the parts before it, which ClickHouse would allow (tried on
    26.9): there `IN table` is written as a sub-query.
    """
    return _joined(parts, names, has_closed_parts=True)


def second_names(part: Part, names: Names) -> dict[str, NodeKey]:
    """The nodes that a part calls by an alias and that have another name in the statement.

    Their columns may be called by the node's own name too (`FROM n AS x WHERE n.a = x.b`, tried on 26.9), so that the
    part needs something of that name.
    """
    return {
        name: target.key
        for target in part.nodes
        if target.table.has_alias and names[target.key] != (name := target.table.name)
        if name not in part.names.defined
    }


def _joined(parts: Sequence[Part], names: Names, *, has_closed_parts: bool) -> str:
    *before, answer = parts
    tables = [
        f"{identifier_if_needed(names[part.key])} AS (\n{_with(part, names, [], is_closed=has_closed_parts)}\n)"
        for part in before
    ]
    return _with(answer, names, tables, is_closed=False)


def _own_names(parts: Sequence[Part]) -> dict[NodeKey, str]:
    """What each node is called in the statement: its own name, or another when that name means something else there."""
    taken = {name for part in parts for name in part.names.defined}
    taken |= {target.known.name for part in parts for target in part.tables}
    own_pipe = parts[-1].key.pipe
    entries = {
        target.key: target.table.name for part in parts for target in part.nodes if target.key.pipe != part.key.pipe
    }
    names: dict[NodeKey, str] = {}
    for part in parts[:-1]:
        pipe, node = part.key
        wanted = node if pipe == own_pipe else entries.get(part.key, node)
        candidates = [wanted, f"{pipe}.{node}", *(f"{pipe}.{node}.{number}" for number in range(2, len(parts) + 2))]
        names[part.key] = next(name for name in candidates if name not in taken)
        taken.add(names[part.key])
    return names


def _with(part: Part, names: Names, tables: Sequence[str], *, is_closed: bool) -> str:
    """A part's text after these common table expressions, and after those that it needs itself."""
    second = second_names(part, names)
    text = _renamed(part, names, second, is_closed=is_closed)
    own = (f"{identifier_if_needed(name)} AS (SELECT * FROM {identifier(names[key])})" for name, key in second.items())
    tables = [*tables, *own]
    if not tables:
        return text
    listed = ",\n".join(tables)
    if part.names.with_end is not None:
        # No name stands before the first item of a WITH, so that it is where it was.
        with_end = part.names.with_end - part.names.start
        return f"{text[:with_end]} {listed},{text[with_end:]}"
    if part.names.starts_with_bracket:
        return f"WITH {listed}\nSELECT * FROM (\n{text}\n)"
    return f"WITH {listed}\n{text}"


def _renamed(part: Part, names: Names, second: Mapping[str, NodeKey], *, is_closed: bool) -> str:
    """The part's text without its `;`, each name what the statement calls it."""
    pieces: list[str] = []
    position = part.names.start
    targets: list[NodeTarget | TableTarget] = [*part.nodes, *part.tables]
    for target in sorted(targets, key=lambda target: target.table.start):
        written = _written(target, names, second, is_closed=is_closed)
        if written is not None:
            pieces += [part.sql[position : target.table.start], written]
            position = target.table.end
    return "".join([*pieces, part.sql[position : part.names.end]])


def _written(
    target: NodeTarget | TableTarget, names: Names, second: Mapping[str, NodeKey], *, is_closed: bool
) -> str | None:
    """What is to stand in the place of a name, None to leave it as it is."""
    table, name = target.table, target.table.name
    if isinstance(target, NodeTarget):
        called = names[target.key]
        shown = identifier(called)
        is_right = called == name
    else:
        called, shown = target.known.name, target.known.sql
        # A dotted name of the project would be read as a table in a database.
        is_right = called == name and ("." not in name or target.known.is_of_system)
    if table.is_operand and is_closed:
        return f"(SELECT * FROM {shown})"
    if is_right or (name in second and not table.is_operand):
        return None
    has_alias = table.has_alias or table.is_operand or called == name
    return shown if has_alias else f"{shown} AS {identifier_if_needed(name)}"
