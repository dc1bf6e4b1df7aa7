"""Names and texts as ClickHouse SQL writes them."""

from __future__ import annotations


def identifier(name: str) -> str:
    """`name` in backticks, whatever it holds."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def qualified(database: str, name: str) -> str:
    """A table or view of a database."""
    return f"{identifier(database)}.{identifier(name)}"


def identifier_if_needed(name: str) -> str:
    """`name`, in backticks unless it is a plain word."""
    return name if name.isascii() and name.isidentifier() else identifier(name)


def literal(text: str) -> str:
    """`text` as a string literal, whatever it holds."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"
