"""Names and texts as ClickHouse SQL writes them."""

from __future__ import annotations


def identifier(name: str) -> str:
    """`name` in backticks, whatever it holds."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def qualified(database: str, name: str) -> str:
    """A table or view of a database."""
    return f"{identifier(database)}.{identifier(name)}"


def literal(text: str) -> str:
    """`text` as a string literal, whatever it holds."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"
