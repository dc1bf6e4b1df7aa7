"""ClickHouse's other words for its types (`system.data_type_families`), those of one word: `Int` is Int32.

Tinybird refuses some of them (`Int`, `Boolean`), and public projects have them all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "Int8": "int1 tinyint byte",
    "Int16": "smallint",
    "Int32": "int integer mediumint",
    "Int64": "bigint signed",
    "UInt64": "unsigned",
    "UInt16": "year",
    "Float32": "float real single",
    "Float64": "double",
    "Bool": "boolean",
    "String": (
        "text tinytext mediumtext longtext varchar varchar2 nvarchar char nchar character clob"
        " blob tinyblob mediumblob longblob bytea varbinary"
    ),
    "FixedString": "binary",
    "IPv4": "inet4",
    "IPv6": "inet6",
    "DateTime": "timestamp",
    "Decimal": "numeric dec fixed",
    "Enum": "enum",
}
_FAMILY = {word: family for family, words in _WORDS.items() for word in words.split()}
# Of the others ClickHouse passes over what stands in brackets: a VARCHAR(20) takes texts of any length.
_KEEP_ARGUMENTS = ("FixedString", "Decimal", "Enum")


def meant_by(word: str, arguments: str = "") -> str | None:
    """The type that a word with the text of its arguments stands for; None when it is no other word for one."""
    family = _FAMILY.get(word.lower())
    if family is None or family == word:
        return None
    if family == "DateTime" and arguments:
        family = "DateTime64"
    keeps = family in _KEEP_ARGUMENTS or family == "DateTime64"
    return f"{family}({arguments})" if arguments and keeps else family
